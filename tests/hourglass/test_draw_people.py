from __future__ import annotations

from hourglass.draw import PERSON_COLOURS, draw_people, draw_tiles, person_line_width
from hourglass.joints import MPII

import numpy as np
import pytest


def _people(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(5, 45, (16, 2)) + np.array([0, 50 * i]) for i in range(n)]


def test_each_person_has_a_colour() -> None:
    image = np.full((3, 50, 50 * 14), 127, np.float32)
    drawn = draw_people(image, _people(14), MPII, line_width=2)
    for i in range(14):
        seen = {tuple(colour) for colour in drawn[:, :, 50 * i:50 * (i + 1)].reshape(3, -1).T.tolist()}
        assert seen - {(127, 127, 127)} == {PERSON_COLOURS[i % len(PERSON_COLOURS)]}
    assert len(set(PERSON_COLOURS)) == len(PERSON_COLOURS)
    assert (image == 127).all()
    np.testing.assert_array_equal(draw_people(image, [], MPII), np.full((3, 50, 700), 127, np.uint8))


def test_the_best_person_is_on_top() -> None:
    points = np.random.default_rng(0).uniform(5, 45, (16, 2))
    drawn = draw_people(np.zeros((3, 50, 50), np.float32), [points, points], MPII)
    assert {tuple(colour) for colour in drawn.reshape(3, -1).T.tolist()} == {(0, 0, 0), PERSON_COLOURS[0]}


def test_unsure_joints_are_left_out() -> None:
    image = np.zeros((3, 50, 100), np.float32)
    drawn = draw_people(image, _people(2), MPII, scores=[np.full(16, .1), np.full(16, .3)], threshold=.2)
    assert not drawn[:, :, :50].any()
    assert drawn[:, :, 50:].any()


def test_lines_are_thin_on_small_people() -> None:
    small, large = np.array([[0, 0], [40., 10]]), np.array([[0, 0], [900., 100], [np.nan, np.nan]])
    assert person_line_width((1000, 1000), small) == 1
    assert person_line_width((1000, 1000), large) == 10
    assert person_line_width((1000, 1000), large[2:]) == 1


@pytest.mark.parametrize(('n', 'shape'), [(1, (4, 6)), (3, (4, 18)), (8, (4, 48)), (9, (8, 48)), (0, (4, 6))])
def test_tiles_lie_side_by_side(n: int, shape: tuple[int, int]) -> None:
    tiles = [np.full((3, 4, 6), 20 * (i + 1), np.float32) for i in range(n)]
    sheet = draw_tiles(tiles, (4, 6))
    assert sheet.shape == (3, *shape)
    for i in range(n):
        y, x = 4 * (i // 8), 6 * (i % 8)
        assert (sheet[:, y:y + 4, x:x + 6] == 20 * (i + 1)).all()
    assert (sheet > 0).sum() == n * 3 * 24
