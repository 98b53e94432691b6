from __future__ import annotations

from hourglass.codec import decode, encode, unflip
from hourglass.joints import MPII

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
    heatmaps = encode(np.array([[-4.0, 32.0]]), np.array([True]), (64, 64), (16, 16), sigma=2)
    assert heatmaps[0].argmax() == 8
    assert heatmaps[0].max() == pytest.approx(np.exp(-1 / 8))


def test_the_published_decoding_keeps_whole_pixels() -> None:
    heatmaps = np.zeros((1, 64, 64), np.float32)
    heatmaps[0, 63, 7] = 2.5
    points, scores = decode(heatmaps, (625, 500))
    np.testing.assert_array_equal(points, [[np.floor(63 * 625 / 64), np.floor(7 * 500 / 64)]])
    np.testing.assert_array_equal(scores, [1])


@pytest.mark.parametrize(('refine', 'grid', 'bound'), [
    ('none', 'scaled', 0.5 + 0.25), ('quarter', 'scaled', 0.25), ('quarter', 'aligned', 0.25),
])
def test_decoding_inverts_encoding(refine: str, grid: str, bound: float) -> None:
    rng = np.random.default_rng(0)
    size, cells = (128, 256), (32, 64)
    points = rng.uniform(8, 110, (200, 2))
    heatmaps = encode(points, np.ones(200, bool), size, cells, grid)
    decoded, scores = decode(heatmaps, size, refine, grid)
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
    points, _ = decode(heatmaps, (8, 8), 'quarter')
    np.testing.assert_array_equal(points, [[2.75, 3.25], [0, 7]])


def test_unflip_undoes_a_mirrored_prediction() -> None:
    heatmaps = np.random.default_rng(0).uniform(size=(2, 16, 4, 6))
    mirrored = heatmaps[:, MPII.flip_order][..., ::-1]
    np.testing.assert_array_equal(unflip(mirrored, MPII.flip_order), heatmaps)
