from __future__ import annotations

from collections.abc import Callable

from data.synthetic.camera import look_at
from data.synthetic.props import ball, box, rod
from data.synthetic.raster import nearest_depths, rasterise, vertex_normals
from data.synthetic.scene import Scene, frame, sample_scene

import cv2
import numpy as np
import pytest


def test_depths_at_the_joints_are_those_of_the_z_buffer() -> None:
    rng = np.random.default_rng(14)
    differences = []
    for _ in range(8):
        scene = sample_scene(rng, (128, 128))
        camera = scene.camera.scaled(3)
        fragments = rasterise(scene.parts, [vertex_normals(p.vertices) for p in scene.parts], camera, (384, 384))
        buffer = np.full(384 * 384, np.inf)
        buffer[fragments.pixel] = fragments.depth
        xy = rng.uniform(80, 300, (400, 2)).round()
        unrestricted = [np.zeros(len(xy), bool)] * len(scene.parts)
        nearest = nearest_depths(scene.parts, camera, xy, unrestricted)
        drawn = buffer.reshape(384, 384)[xy[:, 1].astype(int), xy[:, 0].astype(int)]
        both = np.isfinite(nearest) & np.isfinite(drawn)
        assert (np.isfinite(nearest) == np.isfinite(drawn)).mean() > 0.98
        differences.append(np.abs(nearest[both] - drawn[both]))
    assert len(np.concatenate(differences)) > 300
    assert np.quantile(np.concatenate(differences), 0.97) < 0.02


@pytest.mark.parametrize('seed', range(12))
def test_surfaces_have_no_holes(seed: int) -> None:
    direction = np.random.default_rng(seed).normal(0, 1, 3) * [1, 1, 0.4]
    end = direction / np.linalg.norm(direction)
    part = ball(np.zeros(3), 0.8) if seed == 0 else rod(-end, end, np.linspace(0.1, 0.4, 4))
    camera = frame(look_at(np.zeros(3), 5, 10), np.array([[-1.0, -1, 0], [1, 1, 0]]), (120, 120), (0.8, 0.8))
    fragments = rasterise([part], [vertex_normals(part.vertices)], camera, (120, 120))
    mask = np.zeros((120, 120), np.uint8)
    mask.ravel()[fragments.pixel] = 1
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED)
    assert filled.sum() > 800
    np.testing.assert_array_equal(mask, filled)


def test_normals_point_outwards(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of()
    for part in [*scene.parts, *box(np.zeros(3), (1, 1, 1), 30)]:
        centre = np.zeros(3) if part.name == 'box' else part.vertices[:, :-1].mean(axis=1, keepdims=True)
        normals = vertex_normals(part.vertices)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-6)
        assert ((normals * (part.vertices - centre)).sum(axis=2) > 0).mean() > 0.9, part.name
