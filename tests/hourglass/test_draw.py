from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hourglass.draw import PART_COLOURS, default_line_width, draw_heatmaps, draw_pose
from hourglass.image import read_image
from hourglass.joint_table import from_table
from hourglass.joints import COCO, LSP, MPII

import numpy as np
import pytest


def test_the_drawing_of_the_reference_is_reproduced(shared: Callable[[str], Path]) -> None:
    image = read_image(shared('mpii/images/025508722.jpg'))
    points = np.load(shared('reference/demo.npz'))['keypoints']
    drawn = draw_pose(image, points, MPII, line_width=20).astype(np.float32)
    expected = read_image(shared('reference/demo_output.png'))
    # The photograph under the drawing was decoded by another version of the JPEG library, so that its colours
    # differ by a few levels at edges; pixels of the limbs are exact.
    limb = np.isin(expected, (0, 255)).all(axis=0) & (abs(expected - image).max(axis=0) > 60)
    assert limb.sum() > 100_000
    np.testing.assert_array_equal(drawn[:, limb], expected[:, limb])
    assert (abs(drawn - expected).max(axis=0) > 60).sum() == 0


@pytest.mark.parametrize('joint_set', [MPII, LSP, COCO])
def test_each_part_has_its_colour(joint_set: object) -> None:
    assert isinstance(joint_set, type(MPII))
    rng = np.random.default_rng(0)
    image = np.full((3, 200, 200), 127, np.float32)
    drawn = draw_pose(image, rng.uniform(20, 180, (len(joint_set), 2)), joint_set)
    seen = {tuple(colour) for colour in drawn.reshape(3, -1).T.tolist()}
    assert seen - {(127, 127, 127)} == {PART_COLOURS[part] for _, _, part in joint_set.limbs}
    assert (image == 127).all(), 'the input must stay as it is'


def test_limbs_below_the_threshold_or_without_a_position_are_left_out() -> None:
    image = np.zeros((3, 50, 50), np.float32)
    points = np.random.default_rng(0).uniform(0, 50, (16, 2))
    assert not draw_pose(image, points, MPII, scores=np.full(16, .1), threshold=.2).any()
    assert draw_pose(image, points, MPII, scores=np.full(16, .3), threshold=.2).any()
    assert not draw_pose(image, np.full((16, 2), np.nan), MPII).any()


def test_a_joint_without_a_limb_is_a_dot() -> None:
    own = from_table({'joints': ['left a', 'b', 'c', 'd'], 'limbs': [[0, 1], [1, 2, 'x']], 'colours': {'x': [9, 8, 7]}},
                     'x')
    points = np.array([[10, 10], [10, 40], [40, 40], [40, 10]], float)
    drawn = draw_pose(np.zeros((3, 50, 50)), points, own, 2)
    assert {(0, 0, 0), PART_COLOURS['left'], (9, 8, 7), PART_COLOURS['middle']} == {
        tuple(colour) for colour in drawn.reshape(3, -1).T.tolist()}
    ys, xs = np.nonzero((drawn == np.array(PART_COLOURS['middle'])[:, None, None]).all(axis=0))
    assert (ys.mean().round(), xs.mean().round()) == (40, 10)
    assert len(ys) >= 9
    assert not draw_pose(np.zeros((3, 50, 50)), points, own, 2, np.full(4, .1), .2).any()


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
