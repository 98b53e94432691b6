from __future__ import annotations

from data.synthetic.background import draw_background
from data.synthetic.raster import rasterise
from data.synthetic.render import draw
from data.synthetic.scene import Scene, annotate
from hourglass.joints import MPII
from tests.data.synthetic.still import draw_silhouette, make_scene

import cv2
import numpy as np
import pytest


def _changes(scene: Scene) -> np.ndarray:
    """Return (H, W), how much brighter or darker the picture is than its background alone."""
    light, _ = draw_background(scene.place, scene.camera, scene.size)
    return draw(scene).mean(axis=0) - 255 * np.sqrt(light).mean(axis=2)


def test_the_drawing_lies_where_the_annotation_says() -> None:
    scene = make_scene()
    mask = draw_silhouette(scene, 1).astype(np.uint8)
    changed = abs(_changes(scene)) > 12
    assert changed[cv2.erode(mask, np.ones((3, 3))) > 0].mean() > 0.9
    above = slice(None, int(annotate(scene)[0].points[MPII.index('pelvis'), 0]))
    assert changed[above][cv2.dilate(mask, np.ones((3, 3)))[above] == 0].mean() < 0.01


def test_a_person_casts_a_shadow_on_the_ground() -> None:
    scene = make_scene()
    below = slice(round(float(annotate(scene)[0].points[MPII.index('left ankle'), 0])) - 6, None)
    assert _changes(scene)[below][~draw_silhouette(scene, 1)[below]].min() < -15


@pytest.mark.parametrize('yaw', [0, 45, 120])
def test_surfaces_have_no_holes(yaw: int) -> None:
    scene = make_scene(yaw=yaw, size=(120, 120))
    torso = [part for part in scene.parts if part.name == 'torso']
    mask = np.zeros((120, 120), np.uint8)
    mask.ravel()[rasterise(torso, scene.camera, (120, 120)).pixel] = 1
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED)
    assert filled.sum() > 300
    np.testing.assert_array_equal(mask, filled)
