from __future__ import annotations

from hourglass.draw import (
    PART_COLOURS,
    PERSON_COLOURS,
    draw_numbered,
    draw_people,
    draw_tiles,
    person_colour,
    person_line_width,
)
from hourglass.joints import MPII

import numpy as np
import pytest


def _people(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(5, 45, (16, 2)) + np.array([0, 50 * i]) for i in range(n)]


def _colours(drawn: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in drawn.reshape(3, -1).T.tolist()}


def test_each_person_has_a_colour() -> None:
    image = np.full((3, 50, 50 * 14), 127, np.float32)
    drawn = draw_people(image, _people(14), MPII, line_width=2)
    for i in range(14):
        seen = _colours(drawn[:, :, 50 * i:50 * (i + 1)])
        assert person_colour(i + 1) == PERSON_COLOURS[i % len(PERSON_COLOURS)] in seen
        assert PERSON_COLOURS[(i + 2) % len(PERSON_COLOURS)] not in seen
    assert len(set(PERSON_COLOURS)) == len(PERSON_COLOURS)
    assert (image == 127).all()
    np.testing.assert_array_equal(draw_people(image, [], MPII), np.full((3, 50, 700), 127, np.uint8))
    plain = draw_people(image, _people(3), MPII, line_width=2, style='reference')
    assert _colours(plain) - {(127, 127, 127)} == {PART_COLOURS[part] for _, _, part in MPII.limbs}


def test_the_best_person_is_on_top() -> None:
    points = np.random.default_rng(0).uniform(20, 80, (16, 2))
    drawn = draw_people(np.zeros((3, 100, 100), np.float32), [points, points + 3], MPII, 4)
    # Both numbers are written over the limbs, in their colours.
    one, two = ((drawn == np.array(PERSON_COLOURS[i])[:, None, None]).all(axis=0).sum() for i in (0, 1))
    assert one > 2 * two > 0


@pytest.mark.parametrize(('hidden', 'head'), [
    ((), 'head top'), (('head top',), 'upper neck'), (MPII.joints[6:10], None),
])
def test_the_number_is_at_the_head(hidden: tuple[str, ...], head: str | None) -> None:
    points = np.array([[150 + 8 * i, 40 + 9 * i] for i in range(16)], float)
    scores = np.array([0.0 if joint in hidden else 0.9 for joint in MPII.joints])
    drawn = [np.zeros((400, 400, 3), np.uint8) for _ in range(2)]
    for canvas, number in zip(drawn, (11, 11 + len(PERSON_COLOURS)), strict=True):
        draw_numbered(canvas, [points], [number], MPII, 3, [scores])
    # The same colour and another number.
    changed = np.argwhere((drawn[0] != drawn[1]).any(axis=2))
    y, x = points[MPII.index(head)] if head else points[0]
    assert abs(changed[:, 1].mean() - x) < 12
    assert y - 40 < changed[:, 0].mean() < y


def test_numbers_stay_in_the_picture_and_need_a_joint_that_is_drawn() -> None:
    canvas = np.zeros((40, 60, 3), np.uint8)
    draw_numbered(canvas, [_people(1)[0] - [30, 30]], [12345], MPII)
    assert canvas.any()
    empty = np.zeros((40, 60, 3), np.uint8)
    draw_numbered(empty, [_people(1)[0]], [1], MPII, None, [np.full(16, 0.1)])
    assert not empty.any()


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
