from __future__ import annotations

from data.synthetic.body import ANGLES, Part
from data.synthetic.camera import frame, look_at
from data.synthetic.raster import rasterise
from tests.data.synthetic.still import make_scene

import cv2
import numpy as np
import pytest


def _ball(centre: tuple[float, float, float], radius: float, owner: int = 0) -> Part:
    polar = np.linspace(0.01, np.pi - 0.01, 30)[:, None]
    unit = np.stack([np.sin(polar) * np.sin(ANGLES), np.broadcast_to(np.cos(polar), (30, len(ANGLES))),
                     np.sin(polar) * np.cos(ANGLES)], axis=2)
    return Part('ball', owner, polar[:, 0], centre + radius * unit)


def test_the_nearest_surface_is_kept_with_its_depth_and_normal() -> None:
    camera = frame(look_at(np.zeros(3), 5, 0), np.array([[-1.0, -1, 0], [1, 1, 0]]), (121, 121), (0.8, 0.8))
    parts = [_ball((0, 0, 0), 1.0), _ball((0.3, 0, 1.5), 0.2), _ball((0, 0, -3), 0.5)]
    seen = rasterise(parts, camera, (121, 121))
    assert set(seen.part) == {0, 1}
    for part, (x, y, z) in ((0, (0, 0, 1)), (0, (-0.8, 0, 0.6)), (1, (0.3, 0, 1.7))):
        column, row, depth = camera.project(np.array([x, y, z], float))
        k, = np.flatnonzero(seen.pixel == round(row) * 121 + round(column))
        assert seen.part[k] == part
        assert seen.depth[k] == pytest.approx(depth, abs=0.03)
        centre, radius = (((0, 0, 0), 1.0), ((0.3, 0, 1.5), 0.2))[part]
        np.testing.assert_allclose(seen.normal[k], (np.array([x, y, z]) - centre) / radius, atol=0.1)
        assert abs(seen.at[k] - np.pi / 2) < 0.1
        assert seen.angle[k] == pytest.approx(np.arctan2(x - centre[0], z - centre[2]), abs=0.1)


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
