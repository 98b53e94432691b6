from __future__ import annotations

import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

from data.crop import box_around
from data.synthetic import SyntheticDataset, demo_person, demo_scene, render_person, render_scene
from data.synthetic.annotation import Annotation, annotate
from data.synthetic.background import PLACES, draw_background
from data.synthetic.body import Physique, sample_physique
from data.synthetic.camera import Camera, look_at
from data.synthetic.dataset import SPLITS, to_person
from data.synthetic.noise import SIZE, fractal
from data.synthetic.outfit import HAIR, KINDS, sample_outfit
from data.synthetic.pose import ARM_LIMITS, LEG_LIMITS, LEGS, TRUNK_LIMITS, Pose, sample_pose
from data.synthetic.props import ball, box, rod
from data.synthetic.raster import nearest_depths, rasterise, vertex_normals
from data.synthetic.render import draw
from data.synthetic.scene import Scene, frame, make_figure, sample_scene
from data.synthetic.shading import sample_light
from data.synthetic.skeleton import is_possible, pose_body, rotation, sample_skeleton
from hourglass.errors import InputError
from hourglass.joints import COCO, LSP, MPII, JointSet

import cv2
import numpy as np
import pytest

SIZE_SMALL = (96, 96)
L_ANKLE, R_KNEE, L_KNEE = (MPII.index(j) for j in ('left ankle', 'right knee', 'left knee'))
R_HIP, L_HIP, R_SHOULDER, L_SHOULDER = (
    MPII.index(j) for j in ('right hip', 'left hip', 'right shoulder', 'left shoulder'))
PELVIS, THORAX, NECK, CROWN = (MPII.index(j) for j in ('pelvis', 'thorax', 'upper neck', 'head top'))

STILL = Pose(
    'standing', dict.fromkeys(TRUNK_LIMITS, 0.0),
    ({**dict.fromkeys(LEG_LIMITS, 0.0), 'spread': 6.0, 'level': 1.0},
     {**dict.fromkeys(LEG_LIMITS, 0.0), 'spread': 6.0, 'level': 1.0}),
    ({**dict.fromkeys(ARM_LIMITS, 0.0), 'out': 35.0}, {**dict.fromkeys(ARM_LIMITS, 0.0), 'out': 35.0}))


def with_arms(**angles: float) -> Pose:
    right, left = ({**arm, **angles} for arm in STILL.arms)
    return replace(STILL, arms=(right, left))


def body(seed: int = 0) -> Physique:
    return sample_physique(np.random.default_rng(seed), sturdy=1.0)


def scene_of(pose: Pose = STILL, yaw: float = 0.0, size: tuple[int, int] = (128, 128), kind: str = 'casual') -> Scene:
    """One person at the origin before a level camera on the +z side, in the middle of the picture."""
    rng = np.random.default_rng(1)
    figure = make_figure(0, np.zeros(3), yaw, pose_body(body(), pose), sample_outfit(rng, False, kind))
    joints = figure.skeleton.joints()
    camera = frame(look_at(joints.mean(axis=0), 6.0, 0.0), joints, size, (0.8, 0.8))
    return Scene(size, camera, [figure], [], sample_light(rng), 7, 'studio', 4.0, clean=True)


def silhouette(scene: Scene, factor: int = 2) -> np.ndarray:
    """(H * factor, W * factor) bool, where people are, drawn by the z-buffer."""
    parts = [part for figure in scene.figures for part in figure.parts]
    size = scene.size[0] * factor, scene.size[1] * factor
    fragments = rasterise(parts, [vertex_normals(p.vertices) for p in parts], scene.camera.scaled(factor), size)
    mask = np.zeros(size[0] * size[1], bool)
    mask[fragments.pixel] = True
    return mask.reshape(size)


# Bodies and poses


def test_a_body_has_the_proportions_of_its_stature() -> None:
    for seed in range(40):
        physique = body(seed)
        skeleton = pose_body(physique, STILL)
        joints = skeleton.joints()
        soles = min(leg.points[2][1] for leg in skeleton.legs) - physique.ankle_height
        assert joints[CROWN, 1] - soles == pytest.approx(physique.height, rel=0.05)
        assert joints[L_SHOULDER, 0] - joints[R_SHOULDER, 0] > 1.4 * (joints[L_HIP, 0] - joints[R_HIP, 0])


def test_derived_joints_are_the_middles_of_pairs() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        joints = sample_skeleton(rng, body()).joints()
        np.testing.assert_allclose(joints[PELVIS], (joints[L_HIP] + joints[R_HIP]) / 2, atol=1e-9)
        np.testing.assert_allclose(joints[THORAX], (joints[L_SHOULDER] + joints[R_SHOULDER]) / 2, atol=1e-9)


def test_bones_keep_their_lengths_in_every_pose() -> None:
    physique = body()
    rng = np.random.default_rng(3)
    for _ in range(30):
        skeleton = sample_skeleton(rng, physique).moved(rotation(y=rng.uniform(0, 360)), rng.normal(0, 1, 3))
        for leg, arm in zip(skeleton.legs, skeleton.arms, strict=True):
            lengths = [np.linalg.norm(np.diff(limb.points[:3], axis=0), axis=1) for limb in (leg, arm)]
            np.testing.assert_allclose(
                lengths, [[physique.thigh, physique.shank], [physique.upper_arm, physique.forearm]], rtol=1e-9)


@pytest.mark.parametrize('name', list(LEGS))
def test_poses_keep_the_joints_limits(name: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        pose = sample_pose(rng, name)
        assert pose.name == name
        for angles, limits in ((pose.trunk, TRUNK_LIMITS), *((leg, LEG_LIMITS) for leg in pose.legs),
                               *((arm, ARM_LIMITS) for arm in pose.arms)):
            assert angles.keys() == limits.keys()
            assert all(limits[key][0] <= value <= limits[key][1] for key, value in angles.items())


def test_most_bodies_do_not_run_through_themselves() -> None:
    rng = np.random.default_rng(5)
    possible = [is_possible(sample_skeleton(rng, sample_physique(rng))) for _ in range(100)]
    assert np.mean(possible) > 0.9
    crossed = with_arms(out=-25.0)
    assert not is_possible(pose_body(body(), crossed))


def test_a_mirrored_pose_mirrors_the_joints() -> None:
    pose = sample_pose(np.random.default_rng(6), 'running')
    joints = pose_body(body(), pose).joints()
    mirrored = pose_body(body(), pose.mirrored()).joints()
    np.testing.assert_allclose(mirrored[MPII.flip_order] * [-1, 1, 1], joints, atol=1e-9)
    assert pose.mirrored().mirrored() == pose


def test_angles_turn_the_way_they_say() -> None:
    arms = ({**STILL.arms[0], 'raise': 90.0, 'out': 0.0}, {**STILL.arms[1], 'out': 90.0})
    legs = (STILL.legs[0], {**STILL.legs[1], 'hip': 90.0, 'knee': 90.0, 'spread': 0.0})
    skeleton = pose_body(body(), replace(STILL, arms=arms, legs=legs))
    right_arm, left_arm = (arm.points for arm in skeleton.arms)
    left_leg = skeleton.legs[1].points
    assert right_arm[2][2] - right_arm[0][2] > 0.4, 'raised forwards'
    assert left_arm[2][0] - left_arm[0][0] > 0.4, 'outwards, to the left'
    assert left_leg[1][2] - left_leg[0][2] > 0.3, 'thigh forwards'
    assert left_leg[2][1] < left_leg[1][1] - 0.3, 'shank down from a bent knee'


# Camera and annotation


def test_a_camera_projects_as_a_pinhole() -> None:
    camera = Camera(np.array([0.0, 1.0, 5.0]), np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]), 100.0, (50.0, 40.0))
    np.testing.assert_allclose(camera.project(np.array([[0.5, 2.0, 0.0]])), [[60, 20, 5]])
    ray = camera.rays(np.array([60.0]), np.array([20.0]))[:, 0]
    np.testing.assert_allclose(camera.position + 5 * ray, [0.5, 2, 0], atol=1e-6)
    # The corner of a pixel stays where it is when the picture gets more of them.
    corner = camera.project(np.array([[0.5, 2.0, 0.0]]))[0, :2] + 0.5
    np.testing.assert_allclose(camera.scaled(3).project(np.array([[0.5, 2.0, 0.0]]))[0, :2] + 0.5, 3 * corner)


def test_points_are_the_projected_joints() -> None:
    rng = np.random.default_rng(8)
    for _ in range(10):
        scene = sample_scene(rng, (120, 160))
        person, = annotate(scene)
        local = (scene.figures[0].skeleton.joints() - scene.camera.position) @ scene.camera.axes.T
        expected = local[:, 1::-1] / local[:, 2:] * scene.camera.focal + scene.camera.middle[::-1]
        assert person.points.dtype == np.float32
        np.testing.assert_allclose(person.points, expected, rtol=1e-5, atol=1e-3)


def test_the_silhouette_contains_the_joints_inside_the_picture() -> None:
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


def test_the_box_is_the_extent_of_the_silhouette() -> None:
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
def test_left_is_the_persons_own(yaw: float, sign: int) -> None:
    person, = annotate(scene_of(yaw=yaw))
    for right, left in (('right wrist', 'left wrist'), ('right hip', 'left hip'), ('right ankle', 'left ankle')):
        assert sign * (person.points[MPII.index(left), 1] - person.points[MPII.index(right), 1]) > 5


def test_a_mirrored_camera_sees_the_mirrored_person() -> None:
    pose = sample_pose(np.random.default_rng(12), 'kicking')
    scene, other = scene_of(pose, yaw=30), scene_of(pose.mirrored(), yaw=-30)
    person, mirrored = annotate(scene)[0], annotate(replace(other, camera=replace(
        other.camera, middle=(127 - scene.camera.middle[0], scene.camera.middle[1]), focal=scene.camera.focal,
        position=scene.camera.position * [-1, 1, 1])))[0]
    np.testing.assert_allclose(mirrored.points[MPII.flip_order], person.points * [1, -1] + [0, 127], atol=1e-3)
    np.testing.assert_array_equal(mirrored.visible[MPII.flip_order], person.visible)


# Visibility


def test_all_joints_of_somebody_facing_the_camera_are_visible() -> None:
    person, = annotate(scene_of())
    assert person.labelled.all()
    assert person.visible.all()


def test_the_body_hides_the_far_side() -> None:
    person, = annotate(scene_of(yaw=90, pose=with_arms(**{'out': 8.0, 'raise': -4.0})))
    near, far = [MPII.index(j) for j in ('right shoulder', 'right elbow', 'right hip')], MPII.flip_order
    assert person.visible[near].all()
    assert not person.visible[far[near]].any()


def test_a_thing_in_front_hides_and_a_thing_behind_does_not() -> None:
    scene = scene_of()
    front = annotate(replace(scene, things=box(np.array([0, 0.4, 1.5]), (1.0, 0.4, 0.05), 0)))[0]
    assert not front.visible[[R_KNEE, L_KNEE, L_ANKLE]].any()
    assert front.visible[[R_SHOULDER, L_SHOULDER, CROWN, NECK]].all()
    assert front.labelled.all(), 'what is hidden still has its label'
    behind = annotate(replace(scene, things=box(np.array([0, 0.4, -1.5]), (1.0, 0.4, 0.05), 0)))[0]
    assert behind.visible.all()


def test_a_skirt_does_not_hide_its_wearers_knees_but_a_neighbours() -> None:
    rng = np.random.default_rng(13)
    scene = scene_of()
    dressed = make_figure(0, np.zeros(3), 0, pose_body(body(), STILL), replace(
        sample_outfit(rng, True, 'dress'), skirt=1.6, skirt_flare=1.0))
    person, = annotate(replace(scene, figures=[dressed]))
    assert person.visible[[R_KNEE, L_KNEE]].all()
    other = replace(dressed, parts=[replace(part, owner=1) for part in dressed.parts if part.name == 'skirt'])
    far = make_figure(0, np.array([0.0, 0, -0.9]), 0, pose_body(body(), STILL), sample_outfit(rng, False, 'casual'))
    hidden = annotate(replace(scene, figures=[far, other]))[0]
    assert not hidden.visible[[R_KNEE, L_KNEE]].any()


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


def test_the_nearer_person_covers_the_other() -> None:
    rng = np.random.default_rng(15)
    outfit = sample_outfit(rng, False, 'casual')
    near, far = (make_figure(k, np.array([0.0, 0, z]), 0, pose_body(body(), STILL), outfit)
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


# Drawing


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


def test_normals_point_outwards() -> None:
    scene = scene_of()
    for part in [*scene.parts, *box(np.zeros(3), (1, 1, 1), 30)]:
        centre = np.zeros(3) if part.name == 'box' else part.vertices[:, :-1].mean(axis=1, keepdims=True)
        normals = vertex_normals(part.vertices)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-6)
        assert ((normals * (part.vertices - centre)).sum(axis=2) > 0).mean() > 0.9, part.name


@pytest.mark.parametrize('size', [(96, 96), (97, 131), (131, 64), (33, 32)])
def test_pictures_have_the_size_asked_for(size: tuple[int, int]) -> None:
    person = render_person(np.random.default_rng(16), size)
    assert person.image.shape == (3, *size)
    assert person.image.dtype == np.uint8
    assert person.image.flags.c_contiguous
    assert person.points.shape == (16, 2)
    assert person.labelled.dtype == person.visible.dtype == bool


def test_odd_sizes_do_not_shift_the_figure() -> None:
    centres = []
    for size in ((120, 120), (121, 121)):
        scene = replace(scene_of(size=(120, 120)), size=size)
        without = replace(scene, figures=[], look_seed=scene.look_seed)
        assert draw(without).shape == (3, *size)
        changed = np.abs(draw(scene).astype(int) - draw(without)).sum(axis=0) > 60
        rows, columns = np.nonzero(changed[:100])
        centres.append((rows.mean(), columns.mean()))
    np.testing.assert_allclose(centres[0], centres[1], atol=0.3)


@pytest.mark.parametrize('kind', list(KINDS))
def test_every_outfit_can_be_drawn(kind: str) -> None:
    image = draw(scene_of(kind=kind, size=SIZE_SMALL))
    assert image.std() > 5


@pytest.mark.parametrize('hair', list(HAIR))
def test_every_hair_and_hat_can_be_drawn(hair: str) -> None:
    scene = scene_of(size=SIZE_SMALL)
    outfit = replace(scene.figures[0].outfit, hair=hair, hair_thickness=HAIR[hair][0])
    figure = make_figure(0, np.zeros(3), 20, pose_body(body(), STILL), outfit)
    assert annotate(replace(scene, figures=[figure]))[0].visible[CROWN]
    assert draw(replace(scene, figures=[figure])).shape == (3, *SIZE_SMALL)


@pytest.mark.parametrize('place', list(PLACES))
def test_every_place_can_be_drawn_from_above_and_from_below(place: str) -> None:
    for elevation in (-20, 10, 60):
        camera = frame(look_at(np.array([0.0, 1, 0]), 3, elevation), np.array([[0.0, 0, 0], [0, 1.8, 0]]), (70, 90),
                       (0.8, 0.8))
        camera = replace(camera, position=np.maximum(camera.position, [-9, 0.2, -9]))
        for seed in range(3):
            background = draw_background(np.random.default_rng(seed), camera, (70, 90), place, 3.0)
            assert background.colour.shape == (3, 70, 90)
            assert background.colour.dtype == np.float32
            assert np.isfinite(background.colour).all()
            assert background.colour.min() >= -0.01


def test_light_comes_from_the_lamp() -> None:
    scene = scene_of()
    mask = cv2.erode(silhouette(scene, 1).astype(np.uint8), np.ones((3, 3))) > 0
    means = []
    for x in (-0.8, 0.8):
        light = replace(scene.light, direction=np.array([x, 0.5, 0.33]), key=np.full(3, 0.9), sky=np.full(3, 0.2))
        image = draw(replace(scene, light=light)).mean(axis=0)
        middle = round(scene.camera.middle[0])
        left = mask.copy()
        left[:, middle:] = False
        means.append(image[left].mean() - image[mask & ~left].mean())
    assert means[0] > means[1] + 10


def test_somebody_casts_a_shadow_on_the_ground() -> None:
    scene = scene_of()
    bare = draw(replace(scene, figures=[])).astype(int)
    below = slice(round(float(annotate(scene)[0].points[L_ANKLE, 0])) - 6, None)
    darker = (draw(scene).astype(int) - bare)[:, below][:, ~silhouette(scene, 1)[below]].min()
    assert darker < -15


def test_several_people_in_one_picture() -> None:
    image, people = render_scene(np.random.default_rng(17), (90, 150), 4)
    assert image.shape == (3, 90, 150)
    assert len(people) == 4
    assert all(isinstance(person, Annotation) for person in people)
    assert len({person.box for person in people}) == 4
    with pytest.raises(ValueError, match='cannot draw 0 people'):
        render_scene(np.random.default_rng(0), (90, 90), 0)


def test_noise_tiles() -> None:
    noise = fractal()
    assert noise.shape == (SIZE, SIZE)
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    step = np.abs(np.diff(noise, axis=0)).mean()
    assert np.abs(noise[0] - noise[-1]).mean() < 3 * step


def test_drawing_is_fast_enough() -> None:
    render_person(np.random.default_rng(0), (256, 256))
    start = time.process_time()
    for seed in range(5):
        render_person(np.random.default_rng(seed), (256, 256))
    # 20 to 30 ms on one core; the margin is for a busy machine.
    assert (time.process_time() - start) / 5 < 0.3


# The demo's picture


def test_the_demo_picture_shows_every_joint_in_the_middle() -> None:
    person = demo_person()
    assert person.labelled.all()
    assert person.visible.all()
    low, high = person.points.min(axis=0), person.points.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 239.5, atol=0.01)
    assert (high - low).max() == pytest.approx(480 / 1.25, abs=0.01)


def test_the_demo_picture_is_always_the_same() -> None:
    image = demo_scene((120, 90))
    assert image.shape == (3, 120, 90)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 255
    np.testing.assert_array_equal(image, demo_scene((120, 90)))
    assert (image != demo_scene((120, 90), seed=3)).any()


# The data set


@pytest.fixture(scope='module')
def dataset() -> SyntheticDataset:
    return SyntheticDataset(6, seed=3, size=SIZE_SMALL)


def test_an_entry_does_not_depend_on_the_order(dataset: SyntheticDataset) -> None:
    forwards = [dataset[i] for i in range(6)]
    np.random.seed(0)
    again = SyntheticDataset(6, seed=3, size=SIZE_SMALL)
    backwards = [again[i] for i in reversed(range(6))][::-1]
    for (image, person), (other_image, other) in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(person.points, other.points)
        np.testing.assert_array_equal(person.visible, other.visible)
        assert person.image == other.image
    # A longer data set starts with the same people.
    np.testing.assert_array_equal(SyntheticDataset(100, seed=3, size=SIZE_SMALL)[5][0], forwards[5][0])


def test_another_process_draws_the_same(dataset: SyntheticDataset) -> None:
    code = ('import sys, zlib; from data.synthetic import SyntheticDataset\n'
            'image, person = SyntheticDataset(6, seed=3, size=(96, 96))[4]\n'
            'print(zlib.crc32(image.tobytes()), zlib.crc32(person.points.tobytes()))')
    root = Path(__file__).resolve().parents[2]
    output = subprocess.run([sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True).stdout
    image, person = dataset[4]
    assert output.split() == [str(zlib.crc32(image.tobytes())), str(zlib.crc32(person.points.tobytes()))]


def test_seeds_splits_and_entries_differ(dataset: SyntheticDataset) -> None:
    others = [SyntheticDataset(6, seed=4, size=SIZE_SMALL),
              *(SyntheticDataset(6, seed=3, size=SIZE_SMALL, split=split) for split in ('val', 'test'))]
    points = [person.points for data in (dataset, *others) for person in data.people]
    for i, a in enumerate(points):
        assert all(np.abs(a - b).max() > 1 for b in points[:i])


def test_people_are_listed_as_they_are_drawn(dataset: SyntheticDataset) -> None:
    assert len(dataset) == len(dataset.people) == 6
    for i, listed in enumerate(dataset.people):
        image, person = dataset[i]
        assert image.dtype == np.float32
        assert image.shape == (3, *SIZE_SMALL)
        assert 0 <= image.min() < image.max() <= 255
        for field in ('points', 'labelled', 'visible', 'center'):
            np.testing.assert_array_equal(getattr(listed, field), getattr(person, field))
        np.testing.assert_array_equal(dataset.read_image(listed), image)
    assert [person.image for person in dataset.people[1:6:2]] == ['000001.png', '000003.png', '000005.png']
    assert dataset.people[-1].image == '000005.png'
    with pytest.raises(IndexError):
        dataset.people[6]


def test_crop_and_reference_follow_from_the_joints() -> None:
    for person in SyntheticDataset(30, size=SIZE_SMALL).people:
        center, side = box_around(person.points, person.labelled)
        np.testing.assert_array_equal(person.center, center)
        assert person.side == side
        if person.labelled[[L_SHOULDER, R_HIP]].all():
            torso = np.linalg.norm(person.points[L_SHOULDER] - person.points[R_HIP])
            assert person.reference_length == pytest.approx(torso, rel=1e-6)
        else:
            assert np.isnan(person.reference_length)


def test_people_vary_in_pose_size_and_place() -> None:
    data = SyntheticDataset(120, size=(100, 140))
    people = list(data.people)
    labelled = np.stack([person.labelled for person in people])
    assert labelled.sum(axis=1).min() >= 8
    assert labelled.mean() > 0.95
    assert 0.6 < np.stack([person.visible for person in people]).mean() < 0.95
    side = np.array([person.side for person in people])
    assert side.max() > 1.5 * side.min()
    centre = np.stack([person.center for person in people])
    assert (centre.std(axis=0) > [2, 6]).all()
    upside_down = np.mean([person.points[CROWN, 0] > person.points[PELVIS, 0] for person in people])
    assert 0 < upside_down < 0.3


@pytest.mark.parametrize('joint_set', [LSP, COCO, MPII])
def test_other_joint_sets(joint_set: JointSet) -> None:
    own = SyntheticDataset(2, size=SIZE_SMALL).people[1]
    person = SyntheticDataset(2, size=SIZE_SMALL, joint_set=joint_set).people[1]
    assert len(person.points) == len(joint_set)
    np.testing.assert_array_equal(person.points[joint_set.index('left knee')], own.points[L_KNEE])
    assert person.reference_length == own.reference_length
    assert (person.side, person.labelled.any()) == (own.side, True)


def test_unlabelled_ends_leave_the_reference_unknown() -> None:
    annotation, = annotate(scene_of())
    hidden = annotation.labelled.copy()
    hidden[R_HIP] = False
    assert np.isnan(to_person(replace(annotation, labelled=hidden), 'x.png').reference_length)


def test_splits_have_their_sizes_and_errors_a_reason() -> None:
    assert {split: len(SyntheticDataset(split=split)) for split in SPLITS} == {
        'train': 20_000, 'val': 1_000, 'test': 1_000}
    with pytest.raises(InputError, match="no split 'all'"):
        SyntheticDataset(split='all')
    with pytest.raises(InputError, match='at least one person'):
        SyntheticDataset(0)
    with pytest.raises(InputError, match='32 to 1024 pixels'):
        SyntheticDataset(5, size=(8, 256))
