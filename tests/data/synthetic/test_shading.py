from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from data.synthetic.annotation import annotate
from data.synthetic.render import draw
from data.synthetic.scene import Scene
from hourglass.joints import MPII

import cv2
import numpy as np

L_ANKLE = MPII.index('left ankle')


def test_light_comes_from_the_lamp(scene_of: Callable[..., Scene], silhouette: Callable[..., np.ndarray]) -> None:
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


def test_somebody_casts_a_shadow_on_the_ground(
    scene_of: Callable[..., Scene], silhouette: Callable[..., np.ndarray],
) -> None:
    scene = scene_of()
    bare = draw(replace(scene, figures=[])).astype(int)
    below = slice(round(float(annotate(scene)[0].points[L_ANKLE, 0])) - 6, None)
    darker = (draw(scene).astype(int) - bare)[:, below][:, ~silhouette(scene, 1)[below]].min()
    assert darker < -15
