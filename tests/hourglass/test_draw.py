from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.draw import PART_COLOURS, default_line_width, draw_heatmaps, draw_legend, draw_pose, limb_colours
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


def test_the_legend_names_sides_parts_and_scores() -> None:
    texts: list[str] = []

    class Pen:
        FONT_HERSHEY_SIMPLEX, LINE_AA, FILLED = cv2.FONT_HERSHEY_SIMPLEX, cv2.LINE_AA, cv2.FILLED
        getTextSize, rectangle = staticmethod(cv2.getTextSize), staticmethod(cv2.rectangle)

        @staticmethod
        def putText(canvas: object, text: str, *rest: object) -> None:
            texts.append(text)

    canvas = np.full((400, 600, 3), 255, np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('hourglass.draw.cv2', Pen)
        draw_legend(canvas, MPII, 0.2)
    assert texts == ['arm (right, left)', 'head', 'spine', 'leg (right, left)', 'faint: score below 0.5',
                     'not drawn: score below 0.2']
    assert (canvas[-1, -1] == 255).all()
    assert (canvas[5, 5] < 255).any()


def test_the_default_of_the_threshold_depends_on_the_style() -> None:
    assert DrawingConfig().drawing() == {'style': 'clear', 'threshold': MIN_SCORE, 'line_width': None, 'legend': False}
    assert DrawingConfig().drawing('reference')['threshold'] == 0
    assert DrawingConfig(style='reference', threshold=0.3).drawing()['threshold'] == 0.3


def test_the_line_width_follows_the_image() -> None:
    assert [default_line_width(shape) for shape in ((1, 1), (720, 1280), (4000, 3000))] == [1, 13, 40]


def test_heatmaps_are_drawn_in_a_grid() -> None:
    heatmaps = np.zeros((14, 16, 16), np.float32)
    heatmaps[0, 8, 8] = 1
    grid = draw_heatmaps(np.full((3, 64, 64), 100, np.float32), heatmaps, LSP, columns=4, panel_height=64)
    assert grid.shape == (3, 4 * 64, 4 * 64)
    first, second = grid[:, 10:64, :64].astype(int), grid[:, 10:64, 64:128].astype(int)
    assert first.max() > second.max()
    assert not grid[:, 192:, 128:].any(), 'panels without a joint are black'
