from __future__ import annotations

from data.augment import Augmentation, mirror, rotate_and_zoom
from hourglass.joints import MPII

import numpy as np


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
    still = Augmentation(rotation=0, zoom=(1, 1), colour=(1, 1))
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
