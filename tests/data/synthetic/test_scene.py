from __future__ import annotations

from dataclasses import replace

from data.synthetic.pose import Pose, sample_pose
from data.synthetic.scene import annotate, sample_scene
from hourglass.joints import MPII
from tests.data.synthetic.still import draw_silhouette, make_scene

import cv2
import numpy as np
import pytest


def test_joints_lie_on_the_body() -> None:
    rng = np.random.default_rng(9)
    inside = []
    for _ in range(25):
        scene = sample_scene(rng, (128, 128))
        person, = annotate(scene)
        # A joint may lie at the very edge of a limb that is seen end on.
        mask = cv2.dilate(draw_silhouette(scene).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        y, x = np.rint(person.points[person.labelled] * 2 + 0.5).astype(int).clip(0, 255).T
        inside += mask[y, x].tolist()
    assert len(inside) > 350
    assert np.mean(inside) > 0.995


def test_the_box_is_the_extent_of_the_silhouette() -> None:
    rng = np.random.default_rng(10)
    for _ in range(8):
        scene = sample_scene(rng, (120, 150))
        person, = annotate(scene)
        rows, columns = np.nonzero(draw_silhouette(scene))
        expected = rows.min() / 2, columns.min() / 2, (rows.max() + 1) / 2, (columns.max() + 1) / 2
        np.testing.assert_allclose(person.box, expected, atol=1.2)
        assert 0 <= person.box[0] < person.box[2] <= 120
        assert 0 <= person.box[1] < person.box[3] <= 150


def test_a_body_stands_on_the_ground_or_jumps() -> None:
    for pose, lowest in ((Pose({}, ({}, {}), ({}, {})), 0.0), (Pose({}, ({}, {}), ({}, {}), airborne=0.3), 0.3)):
        heights = np.concatenate([part.vertices[:, :, 1].ravel() for part in make_scene(pose).parts])
        np.testing.assert_allclose(heights.min(), lowest, atol=1e-9)


@pytest.mark.parametrize(('yaw', 'sign'), [(0, 1), (180, -1)])
def test_left_is_the_persons_own(yaw: float, sign: int) -> None:
    person, = annotate(make_scene(yaw=yaw))
    for right, left in (('right wrist', 'left wrist'), ('right hip', 'left hip'), ('right ankle', 'left ankle')):
        assert sign * (person.points[MPII.index(left), 1] - person.points[MPII.index(right), 1]) > 5


def test_a_mirrored_camera_sees_the_mirrored_person() -> None:
    pose = sample_pose(np.random.default_rng(12), 'kicking')
    scene, other = make_scene(pose, yaw=30), make_scene(pose.mirrored(), yaw=-30)
    person, = annotate(scene)
    mirrored, = annotate(replace(other, camera=replace(
        other.camera, middle=(127 - scene.camera.middle[0], scene.camera.middle[1]), focal=scene.camera.focal,
        position=scene.camera.position * [-1, 1, 1])))
    np.testing.assert_allclose(mirrored.points[MPII.flip_order], person.points * [1, -1] + [0, 127], atol=1e-3)
