from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from data.synthetic.annotation import annotate
from data.synthetic.body import Physique
from data.synthetic.outfit import sample_outfit
from data.synthetic.pose import Pose, sample_pose
from data.synthetic.props import box
from data.synthetic.raster import rasterise, vertex_normals
from data.synthetic.scene import Scene, make_figure, sample_scene
from data.synthetic.skeleton import pose_body
from hourglass.joints import MPII

import cv2
import numpy as np
import pytest

SIZE_SMALL = (96, 96)
L_ANKLE, R_KNEE, L_KNEE = (MPII.index(j) for j in ('left ankle', 'right knee', 'left knee'))
R_SHOULDER, L_SHOULDER = (MPII.index(j) for j in ('right shoulder', 'left shoulder'))
PELVIS, THORAX, NECK, CROWN = (MPII.index(j) for j in ('pelvis', 'thorax', 'upper neck', 'head top'))


def test_points_are_the_projected_joints() -> None:
    rng = np.random.default_rng(8)
    for _ in range(10):
        scene = sample_scene(rng, (120, 160))
        person, = annotate(scene)
        local = (scene.figures[0].skeleton.joints() - scene.camera.position) @ scene.camera.axes.T
        expected = local[:, 1::-1] / local[:, 2:] * scene.camera.focal + scene.camera.middle[::-1]
        assert person.points.dtype == np.float32
        np.testing.assert_allclose(person.points, expected, rtol=1e-5, atol=1e-3)


def test_the_silhouette_contains_the_joints_inside_the_picture(silhouette: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(9)
    inside, n = 0, 0
    for _ in range(25):
        scene = sample_scene(rng, (128, 128))
        person, = annotate(scene)
        # A joint may lie at the very edge of a limb that is seen end on.
        mask = cv2.dilate(silhouette(scene).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        y, x = np.rint(person.points[person.labelled] * 2 + 0.5).astype(int).clip(0, 255).T
        inside += mask[y, x].sum()
        n += len(y)
    assert n > 350
    assert inside / n > 0.995


def test_the_box_is_the_extent_of_the_silhouette(silhouette: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(10)
    for _ in range(8):
        scene = sample_scene(rng, (120, 150))
        person, = annotate(scene)
        rows, columns = np.nonzero(silhouette(scene, 2))
        expected = rows.min() / 2, columns.min() / 2, (rows.max() + 1) / 2, (columns.max() + 1) / 2
        np.testing.assert_allclose(person.box, expected, atol=1.2)
        assert 0 <= person.box[0] < person.box[2] <= 120
        assert 0 <= person.box[1] < person.box[3] <= 150


def test_labelled_means_inside_the_picture() -> None:
    rng = np.random.default_rng(11)
    outside = 0
    for _ in range(60):
        scene = sample_scene(rng, SIZE_SMALL)
        person, = annotate(replace(scene, camera=replace(scene.camera, focal=scene.camera.focal * 1.4)))
        inside = ((person.points >= -0.5) & (person.points < 95.5)).all(axis=1)
        np.testing.assert_array_equal(person.labelled, inside)
        assert not (person.visible & ~person.labelled).any()
        outside += (~inside).sum()
    assert outside > 50


@pytest.mark.parametrize(('yaw', 'sign'), [(0, 1), (180, -1)])
def test_left_is_the_persons_own(yaw: float, sign: int, scene_of: Callable[..., Scene]) -> None:
    person, = annotate(scene_of(yaw=yaw))
    for right, left in (('right wrist', 'left wrist'), ('right hip', 'left hip'), ('right ankle', 'left ankle')):
        assert sign * (person.points[MPII.index(left), 1] - person.points[MPII.index(right), 1]) > 5


def test_a_mirrored_camera_sees_the_mirrored_person(scene_of: Callable[..., Scene]) -> None:
    pose = sample_pose(np.random.default_rng(12), 'kicking')
    scene, other = scene_of(pose, yaw=30), scene_of(pose.mirrored(), yaw=-30)
    person, mirrored = annotate(scene)[0], annotate(replace(other, camera=replace(
        other.camera, middle=(127 - scene.camera.middle[0], scene.camera.middle[1]), focal=scene.camera.focal,
        position=scene.camera.position * [-1, 1, 1])))[0]
    np.testing.assert_allclose(mirrored.points[MPII.flip_order], person.points * [1, -1] + [0, 127], atol=1e-3)
    np.testing.assert_array_equal(mirrored.visible[MPII.flip_order], person.visible)


# Visibility


def test_all_joints_of_somebody_facing_the_camera_are_visible(scene_of: Callable[..., Scene]) -> None:
    person, = annotate(scene_of())
    assert person.labelled.all()
    assert person.visible.all()


def test_the_body_hides_the_far_side(with_arms: Callable[..., Pose], scene_of: Callable[..., Scene]) -> None:
    person, = annotate(scene_of(yaw=90, pose=with_arms(**{'out': 8.0, 'raise': -4.0})))
    near, far = [MPII.index(j) for j in ('right shoulder', 'right elbow', 'right hip')], MPII.flip_order
    assert person.visible[near].all()
    assert not person.visible[far[near]].any()


def test_a_thing_in_front_hides_and_a_thing_behind_does_not(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of()
    front = annotate(replace(scene, things=box(np.array([0, 0.4, 1.5]), (1.0, 0.4, 0.05), 0)))[0]
    assert not front.visible[[R_KNEE, L_KNEE, L_ANKLE]].any()
    assert front.visible[[R_SHOULDER, L_SHOULDER, CROWN, NECK]].all()
    assert front.labelled.all(), 'what is hidden still has its label'
    behind = annotate(replace(scene, things=box(np.array([0, 0.4, -1.5]), (1.0, 0.4, 0.05), 0)))[0]
    assert behind.visible.all()


def test_a_skirt_does_not_hide_its_wearers_knees_but_a_neighbours(
    still: Pose, body: Callable[..., Physique], scene_of: Callable[..., Scene],
) -> None:
    rng = np.random.default_rng(13)
    scene = scene_of()
    dressed = make_figure(0, np.zeros(3), 0, pose_body(body(), still), replace(
        sample_outfit(rng, True, 'dress'), skirt=1.6, skirt_flare=1.0))
    person, = annotate(replace(scene, figures=[dressed]))
    assert person.visible[[R_KNEE, L_KNEE]].all()
    other = replace(dressed, parts=[replace(part, owner=1) for part in dressed.parts if part.name == 'skirt'])
    far = make_figure(0, np.array([0.0, 0, -0.9]), 0, pose_body(body(), still), sample_outfit(rng, False, 'casual'))
    hidden = annotate(replace(scene, figures=[far, other]))[0]
    assert not hidden.visible[[R_KNEE, L_KNEE]].any()


def test_the_nearer_person_covers_the_other(
    still: Pose, body: Callable[..., Physique], scene_of: Callable[..., Scene],
) -> None:
    rng = np.random.default_rng(15)
    outfit = sample_outfit(rng, False, 'casual')
    near, far = (make_figure(k, np.array([0.0, 0, z]), 0, pose_body(body(), still), outfit)
                 for k, z in ((0, 0.0), (1, -1.2)))
    scene = replace(scene_of(), figures=[near, far])
    front, back = annotate(scene)
    assert front.visible.all()
    assert not back.visible[[PELVIS, THORAX, NECK]].any()
    fragments = rasterise(scene.parts, [vertex_normals(p.vertices) for p in scene.parts], scene.camera, scene.size)
    y, x = np.rint(front.points[THORAX]).astype(int)
    seen = fragments.part[fragments.pixel == y * 128 + x]
    assert [scene.parts[k].owner for k in seen] == [0]
    # The order in which they are listed is of no account.
    swapped = replace(scene, figures=[replace(far, parts=[replace(p, owner=0) for p in far.parts]),
                                      replace(near, parts=[replace(p, owner=1) for p in near.parts])])
    np.testing.assert_array_equal(annotate(swapped)[0].visible, back.visible)
