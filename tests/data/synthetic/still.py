"""A person who stands still, alone before a camera."""

from __future__ import annotations

from data.synthetic.background import meadow
from data.synthetic.camera import frame, look_at
from data.synthetic.clothes import sample_clothes
from data.synthetic.pose import Pose
from data.synthetic.raster import rasterise
from data.synthetic.scene import Scene, make_figure
from data.synthetic.skeleton import Physique, pose_body, sample_physique

import numpy as np

STILL = Pose({}, ({'spread': 6.0, 'level': 1.0}, {'spread': 6.0, 'level': 1.0}), ({'out': 35.0}, {'out': 35.0}))


def make_body(seed: int = 0) -> Physique:
    return sample_physique(np.random.default_rng(seed), build=1.0)


def make_scene(pose: Pose = STILL, yaw: float = 0.0, size: tuple[int, int] = (128, 128)) -> Scene:
    """A person in a pose before a level camera on the +z side."""
    clothes = sample_clothes(np.random.default_rng(1))
    figure = make_figure(0, np.zeros(3), yaw, pose_body(make_body(), pose), clothes)
    joints = figure.skeleton.joints()
    camera = frame(look_at(joints.mean(axis=0), 6.0, 0.0), joints, size, (0.8, 0.8))
    return Scene(size, camera, [figure], meadow(7), np.array([0.36, 0.8, 0.48]))


def draw_silhouette(scene: Scene, factor: int = 2) -> np.ndarray:
    """(H * factor, W * factor) bool, where people are."""
    size = scene.size[0] * factor, scene.size[1] * factor
    mask = np.zeros(size, bool)
    mask.ravel()[rasterise(scene.parts, scene.camera.scaled(factor), size).pixel] = True
    return mask
