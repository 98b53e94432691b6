"""A body that stands still, alone before a camera, and what is to be seen of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from data.synthetic.body import Physique, sample_physique
from data.synthetic.camera import look_at
from data.synthetic.outfit import sample_outfit
from data.synthetic.pose import ARM_LIMITS, LEG_LIMITS, TRUNK_LIMITS, Pose
from data.synthetic.raster import rasterise, vertex_normals
from data.synthetic.scene import Scene, frame, make_figure
from data.synthetic.shading import sample_light
from data.synthetic.skeleton import pose_body

import numpy as np
import pytest

STILL = Pose(
    'standing', dict.fromkeys(TRUNK_LIMITS, 0.0),
    ({**dict.fromkeys(LEG_LIMITS, 0.0), 'spread': 6.0, 'level': 1.0},
     {**dict.fromkeys(LEG_LIMITS, 0.0), 'spread': 6.0, 'level': 1.0}),
    ({**dict.fromkeys(ARM_LIMITS, 0.0), 'out': 35.0}, {**dict.fromkeys(ARM_LIMITS, 0.0), 'out': 35.0}))


def make_body(seed: int = 0) -> Physique:
    return sample_physique(np.random.default_rng(seed), sturdy=1.0)


def make_scene(pose: Pose = STILL, yaw: float = 0.0, size: tuple[int, int] = (128, 128), kind: str = 'casual') -> Scene:
    """One person at the origin before a level camera on the +z side, in the middle of the picture."""
    rng = np.random.default_rng(1)
    figure = make_figure(0, np.zeros(3), yaw, pose_body(make_body(), pose), sample_outfit(rng, False, kind))
    joints = figure.skeleton.joints()
    camera = frame(look_at(joints.mean(axis=0), 6.0, 0.0), joints, size, (0.8, 0.8))
    return Scene(size, camera, [figure], [], sample_light(rng), 7, 'studio', 4.0, clean=True)


def draw_silhouette(scene: Scene, factor: int = 2) -> np.ndarray:
    """(H * factor, W * factor) bool, where people are, drawn by the z-buffer."""
    parts = [part for figure in scene.figures for part in figure.parts]
    size = scene.size[0] * factor, scene.size[1] * factor
    fragments = rasterise(parts, [vertex_normals(p.vertices) for p in parts], scene.camera.scaled(factor), size)
    mask = np.zeros(size[0] * size[1], bool)
    mask[fragments.pixel] = True
    return mask.reshape(size)


@pytest.fixture
def still() -> Pose:
    return STILL


@pytest.fixture
def with_arms() -> Callable[..., Pose]:
    """Change angles of both arms."""
    def change(**angles: float) -> Pose:
        right, left = ({**arm, **angles} for arm in STILL.arms)
        return replace(STILL, arms=(right, left))

    return change


@pytest.fixture
def body() -> Callable[..., Physique]:
    return make_body


@pytest.fixture
def scene_of() -> Callable[..., Scene]:
    return make_scene


@pytest.fixture
def silhouette() -> Callable[..., np.ndarray]:
    return draw_silhouette
