from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.draw import (
    PART_COLOURS,
    PERSON_COLOURS,
    default_line_width,
    draw_heatmaps,
    draw_legend,
    draw_numbered,
    draw_people,
    draw_pose,
    draw_tiles,
    limb_colours,
    person_colour,
    person_line_width,
)
from hourglass.image import read_image
from hourglass.joint_table import from_table
from hourglass.joints import COCO, LSP, MPII, JointSet
from hourglass.options import CLEAR_SCORE, MIN_SCORE, DrawingConfig

import cv2
import numpy as np
import pytest


def test_the_drawing_of_the_reference_is_reproduced(shared: Callable[[str], Path]) -> None:
    image = read_image(shared('mpii/images/025508722.jpg'))
    points = np.load(shared('reference/demo.npz'))['keypoints']
    drawn = draw_pose(image, points, MPII, line_width=20, style='reference').astype(np.float32)
    expected = read_image(shared('reference/demo_output.png'))
    # The photograph under the drawing was decoded by another version of the JPEG library, so that its colours
    # differ by a few levels at edges; pixels of the limbs are exact.
    limb = np.isin(expected, (0, 255)).all(axis=0) & (abs(expected - image).max(axis=0) > 60)
    assert limb.sum() > 100_000
    np.testing.assert_array_equal(drawn[:, limb], expected[:, limb])
    assert (abs(drawn - expected).max(axis=0) > 60).sum() == 0


def _colours(drawn: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in drawn.reshape(3, -1).T.tolist()}


@pytest.mark.parametrize('joint_set', [MPII, LSP, COCO])
def test_each_part_has_its_colour_and_the_left_a_lighter_one(joint_set: JointSet) -> None:
    image = np.full((3, 300, 300), 127, np.float32)
    points = np.random.default_rng(0).uniform(20, 280, (len(joint_set), 2))
    plain = draw_pose(image, points, joint_set, 4, style='reference')
    assert _colours(plain) - {(127, 127, 127)} == {PART_COLOURS[part] for _, _, part in joint_set.limbs}
    assert {shade for _, _, shade in limb_colours(joint_set)} <= _colours(draw_pose(image, points, joint_set, 4))
    assert (image == 127).all(), 'the input must stay as it is'
    shades = {(joint_set.joints[a], joint_set.joints[b]): np.array(shade) for a, b, shade in limb_colours(joint_set)}
    for (a, b), shade in shades.items():
        if a.startswith('right ') and b.startswith('right '):
            left = shades[a.replace('right', 'left'), b.replace('right', 'left')]
            assert (left >= shade).all()
            assert left.sum() > shade.sum() + 100


def test_unsure_limbs_are_faint_and_those_below_the_threshold_are_left_out() -> None:
    image = np.full((3, 60, 60), 200, np.float32)
    points = np.random.default_rng(0).uniform(0, 60, (16, 2))

    def change(score: float, **options: Any) -> float:
        return float(abs(draw_pose(image, points, MPII, 2, np.full(16, score), **options) - image).max())

    assert change(MIN_SCORE - 0.01) == 0 == change(0.55, threshold=0.6)
    assert 40 < change(MIN_SCORE) == change(CLEAR_SCORE - 0.01) < 100 < change(CLEAR_SCORE)
    assert change(MIN_SCORE, style='reference') == 200
    one = np.full(16, 0.9)
    one[MPII.index('left knee')] = 0.1
    left_out = draw_pose(image, points, MPII, 2, one)
    np.testing.assert_array_equal(left_out, draw_pose(image, np.where(one[:, None] > .5, points, np.nan), MPII, 2))
    far = draw_pose(image, points + 1000, MPII, 2, np.full(16, 0.3))
    np.testing.assert_array_equal(far, image)


def test_a_joint_without_a_limb_is_a_dot() -> None:
    own = from_table({'joints': ['left a', 'b', 'c', 'd'], 'limbs': [[0, 1], [1, 2, 'x']], 'colours': {'x': [9, 8, 7]}},
                     'x')
    points = np.array([[10, 10], [10, 40], [40, 40], [40, 10]], float)
    drawn = draw_pose(np.zeros((3, 50, 50)), points, own, 2, style='reference')
    assert {(0, 0, 0), PART_COLOURS['left'], (9, 8, 7), PART_COLOURS['middle']} == _colours(drawn)
    for one in (drawn, draw_pose(np.zeros((3, 50, 50)), points, own, 4)):
        ys, xs = np.nonzero((one == np.array(PART_COLOURS['middle'])[:, None, None]).all(axis=0))
        assert (ys.mean().round(), xs.mean().round()) == (40, 10)
        assert len(ys) >= 9


def test_the_legend_names_sides_parts_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    monkeypatch.setattr(cv2, 'putText', lambda canvas, text, *rest: texts.append(text))
    canvas = np.full((400, 600, 3), 255, np.uint8)
    draw_legend(canvas, MPII, 0.2)
    assert texts == ['arm (right, left)', 'head', 'spine', 'leg (right, left)', 'faint: score below 0.5',
                     'not drawn: score below 0.2']
    assert (canvas[-1, -1] == 255).all()
    assert (canvas[5, 5] < 255).any()


def test_the_default_of_the_threshold_depends_on_the_style() -> None:
    assert DrawingConfig().drawing() == {'style': 'clear', 'threshold': MIN_SCORE, 'line_width': None, 'legend': False}
    assert DrawingConfig().drawing('reference')['threshold'] == 0
    assert DrawingConfig(style='reference', threshold=0.3).drawing()['threshold'] == 0.3


def test_heatmaps_are_drawn_in_a_grid() -> None:
    heatmaps = np.zeros((14, 16, 16), np.float32)
    heatmaps[0, 8, 8] = 1
    grid = draw_heatmaps(np.full((3, 64, 64), 100, np.float32), heatmaps, LSP, columns=4, panel_height=64)
    assert grid.shape == (3, 4 * 64, 4 * 64)
    first, second = grid[:, 10:64, :64].astype(int), grid[:, 10:64, 64:128].astype(int)
    assert first.max() > second.max()
    assert not grid[:, 192:, 128:].any(), 'panels without a joint are black'


# Several people

def _people(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(5, 45, (16, 2)) + np.array([0, 50 * i]) for i in range(n)]


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


def test_the_line_width_follows_the_image_and_the_person() -> None:
    small, large = np.array([[0, 0], [40., 10]]), np.array([[0, 0], [900., 100], [np.nan, np.nan]])
    assert person_line_width((1000, 1000), small) == 1
    assert person_line_width((1000, 1000), large) == 10
    assert person_line_width((1000, 1000), large[2:]) == 1
    assert [default_line_width(shape) for shape in ((1, 1), (720, 1280), (4000, 3000))] == [1, 13, 40]


@pytest.mark.parametrize(('n', 'shape'), [(1, (4, 6)), (3, (4, 18)), (8, (4, 48)), (9, (8, 48)), (0, (4, 6))])
def test_tiles_lie_side_by_side(n: int, shape: tuple[int, int]) -> None:
    tiles = [np.full((3, 4, 6), 20 * (i + 1), np.float32) for i in range(n)]
    sheet = draw_tiles(tiles, (4, 6))
    assert sheet.shape == (3, *shape)
    for i in range(n):
        y, x = 4 * (i // 8), 6 * (i % 8)
        assert (sheet[:, y:y + 4, x:x + 6] == 20 * (i + 1)).all()
    assert (sheet > 0).sum() == n * 3 * 24
