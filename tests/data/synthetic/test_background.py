from __future__ import annotations

from dataclasses import replace

from data.synthetic.background import draw_background, sample_place
from data.synthetic.camera import frame, look_at

import numpy as np
import pytest


@pytest.mark.parametrize('elevation', [-15, 10, 60])
def test_places_can_be_drawn_from_above_and_from_below(elevation: float) -> None:
    camera = frame(look_at(np.array([0.0, 1, 0]), 3, elevation), np.array([[0.0, 0, 0], [0, 1.8, 0]]), (70, 90),
                   (0.8, 0.8))
    for seed in range(8):
        colour, ground = draw_background(sample_place(np.random.default_rng(seed)), camera, (70, 90))
        assert colour.shape == (70, 90, 3)
        assert colour.dtype == np.float32
        assert 0 <= colour.min() <= colour.max() <= 1
        # The ground is below, if it is seen.
        assert (np.diff(ground.astype(int), axis=0) >= 0).all()


def test_the_wall_is_where_it_should_be() -> None:
    place = replace(sample_place(np.random.default_rng(0)), distance=2.0, hills=None)
    camera = frame(look_at(np.array([0.0, 1, 0]), 4, 0), np.array([[0.0, 0, 0], [0, 2, 0]]), (100, 100), (0.5, 0.5))
    _, ground = draw_background(place, camera, (100, 100))
    corner = camera.project(np.array([0.0, 0, -2]))
    assert ground[:, 50].argmax() == pytest.approx(corner[1], abs=1)
