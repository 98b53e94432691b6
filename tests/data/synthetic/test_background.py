from __future__ import annotations

from dataclasses import replace

from data.synthetic.background import PLACES, draw_background
from data.synthetic.camera import look_at
from data.synthetic.scene import frame

import numpy as np
import pytest


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
