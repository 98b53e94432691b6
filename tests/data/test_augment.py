from __future__ import annotations

from data.augment import Augmentation, WarpAugmentation, apply_cutout, mirror, rotate_and_zoom
from hourglass.joints import MPII

import numpy as np
import pytest


def test_rotation_and_zoom_move_a_blob_where_geometry_says() -> None:
    array = np.zeros((1, 65, 65), np.float32)
    array[0, 32, 52] = 1
    turned = rotate_and_zoom(array, 90, 0.5)
    y, x = np.unravel_index(turned[0].argmax(), (65, 65))
    assert (y, x) == (22, 32), 'counter-clockwise about the middle, at half the distance'


def test_mirroring_twice_gives_the_sample_back() -> None:
    rng = np.random.default_rng(0)
    image, heatmaps = rng.uniform(size=(3, 8, 8)), rng.uniform(size=(16, 4, 4))
    once = mirror(image, heatmaps, MPII.flip_order)
    np.testing.assert_array_equal(once[1][10], heatmaps[15][:, ::-1])
    twice = mirror(*once, MPII.flip_order)
    np.testing.assert_array_equal(twice[0], image)
    np.testing.assert_array_equal(twice[1], heatmaps)


def test_the_generator_alone_decides() -> None:
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(3, 32, 32)).astype(np.float32)
    heatmaps = rng.uniform(size=(16, 8, 8)).astype(np.float32)
    labelled = rng.random(16) < .5
    copies = image.copy(), heatmaps.copy()
    results = [Augmentation()(image, heatmaps, labelled, MPII.flip_order, np.random.default_rng(seed))
               for seed in (1, 1, 2)]
    for a, b in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(results[0][0], results[2][0])
    np.testing.assert_array_equal(image, copies[0])
    np.testing.assert_array_equal(heatmaps, copies[1])
    out = results[0][0]
    assert out.dtype == np.float32
    assert out.min() >= 0
    assert out.max() <= 1


def test_half_of_the_samples_are_mirrored() -> None:
    still = Augmentation(rotation=0, scale_range=(1, 1), colour=(1, 1))
    image = np.zeros((3, 32, 32), np.float32)
    image[:, :, :4] = 1
    labelled = np.arange(16) < 8
    flipped = 0
    for seed in range(400):
        out, _, out_labelled = still(image, np.zeros((16, 8, 8), np.float32), labelled, MPII.flip_order,
                                     np.random.default_rng(seed))
        is_flipped = out[0, 16, -1] == 1
        flipped += is_flipped
        np.testing.assert_array_equal(out_labelled, labelled[MPII.flip_order] if is_flipped else labelled)
    assert 160 < flipped < 240


def test_a_rectangle_of_one_colour_is_covered() -> None:
    image = np.full((3, 40, 80), -1, np.float32)
    sides = []
    for seed in range(200):
        covered = apply_cutout(image, np.random.default_rng(seed))
        changed = (covered != image).any(axis=0)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert changed.sum() == len(rows) * len(columns) > 0
        assert changed[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].all()
        assert len(np.unique(covered[:, changed], axis=1).T) == 1
        sides.append((len(rows) / 40, len(columns) / 80))
    assert (image == -1).all()
    # Only the image's border makes a side shorter than a tenth; rounding may add half a pixel at each end.
    np.testing.assert_allclose(np.max(sides, axis=0), 0.4, atol=0.05)
    assert np.mean(np.array(sides) >= 0.09) > 0.85


@pytest.mark.parametrize('kind', [Augmentation, WarpAugmentation])
def test_the_wanted_share_is_covered_and_the_targets_stay(kind: type[Augmentation]) -> None:
    image, labelled = np.zeros((3, 32, 32), np.float32), np.ones(16, bool)
    heatmaps = np.random.default_rng(0).random((16, 8, 8), np.float32)
    covering, plain = (kind(rotation=0, scale_range=(1, 1), cutout=share) for share in (0.3, 0))
    hidden = 0
    for seed in range(400):
        out, maps, _ = covering(image, heatmaps, labelled, MPII.flip_order, np.random.default_rng(seed))
        hidden += bool(out.any())
        expected = plain(image, heatmaps, labelled, MPII.flip_order, np.random.default_rng(seed))
        np.testing.assert_array_equal(maps, expected[1])
        assert not expected[0].any()
    assert 90 < hidden < 150
