from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hourglass.codec import decode, decode_in_images, encode, unflip
from hourglass.crop import Square, person_box
from hourglass.joints import MPII
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import Torch7Transform

import numpy as np
import pytest


def test_targets_are_gaussians_about_the_exact_point() -> None:
    points = np.array([[50.0, 100.0], [0.0, 0.0]])
    heatmaps = encode(points, np.array([True, False]), (200, 400), (64, 64))
    assert heatmaps.dtype == np.float32
    y, x = np.mgrid[:64, :64]
    expected = np.exp(-((y - 50 * 64 / 200) ** 2 + (x - 100 * 64 / 400) ** 2) / 2)
    np.testing.assert_allclose(heatmaps[0], expected, atol=1e-6)
    assert not heatmaps[1].any()


def test_a_point_outside_the_crop_gives_its_tail_only() -> None:
    heatmaps = encode(np.array([[-4.0, 32.0]]), np.array([True]), (64, 64), (16, 16))
    assert heatmaps[0].argmax() == 8
    assert heatmaps[0].max() == pytest.approx(np.exp(-1 / 2))


def test_the_reference_decoding_keeps_whole_pixels() -> None:
    heatmaps = np.zeros((1, 64, 64), np.float32)
    heatmaps[0, 63, 7] = 2.5
    points, scores = decode(heatmaps, (625, 500))
    np.testing.assert_array_equal(points, [[np.floor(63 * 625 / 64), np.floor(7 * 500 / 64)]])
    np.testing.assert_array_equal(scores, [1])


@pytest.mark.parametrize(('decoding', 'align_corners', 'bound'), [
    ('argmax', False, 0.5 + 0.25), ('quarter-offset', False, 0.25), ('quarter-offset', True, 0.25),
    ('dark', False, 0.03), ('dark', True, 0.03),
])
def test_decoding_inverts_encoding(decoding: str, align_corners: bool, bound: float) -> None:
    rng = np.random.default_rng(0)
    size, cells = (128, 256), (32, 64)
    points = rng.uniform(8, 110, (200, 2))
    heatmaps = encode(points, np.ones(200, bool), size, cells, align_corners)
    decoded, scores = decode(heatmaps, size, decoding, align_corners)
    # Half a cell of 4 pixels is lost without refinement, and up to a pixel by keeping whole ones.
    assert abs(decoded - points).max() <= bound * 4.2
    assert scores.min() > 0.7


def test_each_image_of_a_batch_has_its_own_size() -> None:
    heatmaps = np.zeros((2, 3, 8, 8), np.float32)
    heatmaps[:, :, 4, 2] = 0.5
    points, scores = decode(heatmaps, np.array([[8, 8], [80, 160]]))
    assert points.shape == (2, 3, 2)
    assert scores.shape == (2, 3)
    np.testing.assert_array_equal(points[0, 1], [4, 2])
    np.testing.assert_array_equal(points[1, 1], [40, 40])


def test_the_quarter_step_goes_towards_the_larger_neighbour_and_stays_inside() -> None:
    heatmaps = np.zeros((2, 8, 8), np.float32)
    heatmaps[0, 3, 3], heatmaps[0, 2, 3], heatmaps[0, 3, 4] = 1, .5, .5
    heatmaps[1, 0, 7], heatmaps[1, 0, 6] = 1, .5
    points, _ = decode(heatmaps, (8, 8), 'quarter-offset')
    np.testing.assert_array_equal(points, [[2.75, 3.25], [0, 7]])


def test_the_peak_of_a_gaussian_is_found_exactly_and_of_anything_else_within_half_a_cell() -> None:
    y, x = np.mgrid[:16, :24]
    bell = .8 * np.exp(-((y - 7.3) ** 2 + (x - 11.6) ** 2) / 4).astype(np.float32)
    points, scores = decode(bell[None], (16, 24), 'dark')
    np.testing.assert_allclose(points, [[7.3, 11.6]], atol=1e-3)
    assert scores == bell.max()
    rng = np.random.default_rng(0)
    odd = np.stack([rng.random((16, 24)), -rng.random((16, 24)), np.zeros((16, 24)), np.full((16, 24), .5)])
    odd[2, 0, 23] = 1
    with np.errstate(all='raise'):
        points, scores = decode(odd, (16, 24), 'dark')
    np.testing.assert_array_equal(points[2], [0, 23])
    assert np.isfinite(points).all()
    assert (np.rint(points[0]) != points[0]).any()
    assert ((points >= -.5) & (points <= [15.5, 23.5])).all()


def test_smoothing_tells_a_wide_maximum_from_a_lonely_cell() -> None:
    heatmap = np.zeros((1, 16, 16))
    heatmap[0, 2, 3] = .6
    heatmap[0, 9:12, 9:12] = .5
    assert decode(heatmap, (16, 16), 'quarter-offset')[0].tolist() == [[2, 3]]
    points, scores = decode(heatmap, (16, 16), 'dark')
    np.testing.assert_allclose(points, [[10, 10]], atol=1e-9)
    assert scores == .5


@pytest.mark.parametrize(('align_corners', 'shift'), [(False, 3 / 4), (True, 0)])
def test_heatmaps_of_a_mirror_image_lie_on_those_of_the_image_where_corners_are_aligned(
    align_corners: bool, shift: float,
) -> None:
    size, cells, labelled = (128, 128), (32, 32), np.ones(16, bool)
    points = np.random.default_rng(0).uniform(30, 100, (16, 2))
    mirrored = np.column_stack([points[:, 0], size[1] - 1 - points[:, 1]])[MPII.flip_order]
    maps = unflip(encode(mirrored, labelled, size, cells, align_corners), MPII.flip_order)
    expected = encode(points - [0, shift * 4], labelled, size, cells, align_corners)
    np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_decoded_scores_equal_the_recorded_ones_of_the_torch7_code(shared: Callable[[str], Path]) -> None:
    with np.load(shared('reference/torch7/pose/train_funcs.npz')) as arrays:
        heatmaps, expected, real = arrays['post_hm'], arrays['post_out'], arrays['post_real']
        transforms = [Torch7Transform((y, x), 200 * scale, 256) for x, y, scale in arrays['center_scale']]
    cells, _ = decode(heatmaps, (64, 64), 'torch7')
    np.testing.assert_allclose(cells[..., ::-1] + 1, expected[..., 2:4], rtol=0, atol=1e-6)
    points, scores = decode_in_images(ModelSpec(crop='torch7', decoding='torch7'), heatmaps, transforms)
    assert (abs(real - np.rint(real)) > 1e-4).all(), 'rounding does not depend on the last bits'
    np.testing.assert_array_equal(points[..., ::-1] + 1, expected[..., :2])
    np.testing.assert_array_equal(scores, np.clip(expected[..., 4], 0, 1))
    assert (expected[..., 4] < 0).any(), 'some maps have no response'


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
@pytest.mark.parametrize('decoding', ['argmax', 'quarter-offset', 'dark', 'torch7'])
def test_joints_come_back_to_the_image_without_a_shift(crop: str, decoding: str) -> None:
    spec = ModelSpec(crop=crop, decoding=decoding)
    rng = np.random.default_rng(0)
    points = rng.uniform(100, 500, (4, 16, 2))
    boxes = [person_box(Square(*rng.uniform(250, 350, 2).tolist(), 512.0), (600, 620), spec) for _ in points]
    heatmaps = np.stack([
        encode(box.to_crop(p), np.ones(16, bool), box.shape, (64, 64), decoding=decoding)
        for box, p in zip(boxes, points, strict=True)])
    decoded, _ = decode_in_images(spec, heatmaps, boxes)
    error = decoded - points
    # A cell is 8 pixels; whole pixels are at most one less.
    assert abs(error).max() <= {'argmax': 5, 'quarter-offset': 2, 'dark': .2, 'torch7': 3}[decoding] + 1e-6
    assert abs(error.mean()) < 1
