from __future__ import annotations

from data.synthetic.camera import Camera, frame, look_at

import numpy as np


def test_a_camera_projects_as_a_pinhole() -> None:
    camera = Camera(np.array([0.0, 1.0, 5.0]), np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]), 100.0, (50.0, 40.0))
    np.testing.assert_allclose(camera.project(np.array([[0.5, 2.0, 0.0]])), [[60, 20, 5]])
    ray = camera.rays(np.array([60.0]), np.array([20.0]))[0]
    np.testing.assert_allclose(camera.position + 5 * ray, [0.5, 2, 0], atol=1e-6)
    # The corner of a pixel stays where it is when the picture gets more of them.
    corner = camera.project(np.array([[0.5, 2.0, 0.0]]))[0, :2] + 0.5
    np.testing.assert_allclose(camera.scaled(3).project(np.array([[0.5, 2.0, 0.0]]))[0, :2] + 0.5, 3 * corner)


def test_points_fill_the_share_of_the_picture() -> None:
    points = np.random.default_rng(0).normal(0, 0.5, (20, 3))
    camera = frame(look_at(np.zeros(3), 4, 20, 5), points, (120, 200), (0.8, 0.9))
    xy = camera.project(points)[:, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, [99.5, 59.5])
    np.testing.assert_allclose(((high - low) / [180, 96]).max(), 1)
