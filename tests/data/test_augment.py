from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.augment import Augmentation, WarpAugmentation, apply_cutout, degrade, mirror, rotate_and_zoom
from data.person import Person
from data.transform import TrainTransform
from hourglass.crop import CropBox, Square
from hourglass.joints import MPII
from hourglass.spec import ModelSpec
from hourglass.warp import WarpedBox

import numpy as np
import pytest


def test_rotation_and_zoom_move_a_blob_where_geometry_says() -> None:
    array = np.zeros((1, 65, 65), np.float32)
    array[0, 32, 52] = 1
    turned = rotate_and_zoom(array, 90, 0.5)
    y, x = np.unravel_index(turned[0].argmax(), (65, 65))
    assert (y, x) == (22, 32), 'counter-clockwise about the middle, at half the distance'


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
    for seed in range(50):
        covered = apply_cutout(image, np.random.default_rng(seed))
        changed = (covered != image).any(axis=0)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert changed.sum() == len(rows) * len(columns) > 0
        assert changed[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].all()
        assert len(np.unique(covered[:, changed], axis=1).T) == 1
        # Rounding may add half a pixel at each end.
        assert len(rows) <= 0.4 * 40 + 1
        assert len(columns) <= 0.4 * 80 + 1
    assert (image == -1).all()


@pytest.mark.parametrize('kind', [Augmentation, WarpAugmentation])
@pytest.mark.parametrize('change', ['cutout', 'degrade'])
def test_the_wanted_share_is_changed_and_the_targets_stay(kind: type[Augmentation], change: str) -> None:
    image, labelled = np.random.default_rng(1).random((3, 32, 32), np.float32), np.ones(16, bool)
    heatmaps = np.random.default_rng(0).random((16, 8, 8), np.float32)
    changing, plain = (kind(rotation=0, scale_range=(1, 1), **{change: share}) for share in (0.3, 0))
    changed = 0
    for seed in range(400):
        out, maps, _ = changing(image, heatmaps, labelled, MPII.flip_order, np.random.default_rng(seed))
        expected = plain(image, heatmaps, labelled, MPII.flip_order, np.random.default_rng(seed))
        np.testing.assert_array_equal(maps, expected[1])
        changed += not np.array_equal(out, expected[0])
    assert 90 < changed < 150


@pytest.mark.parametrize(('kind', 'crop'), [
    (Augmentation, 'clip'), (Augmentation, 'torch7'), (WarpAugmentation, 'pad')])
def test_the_crop_moves_by_at_most_the_share(kind: type[Augmentation], crop: str) -> None:
    spec = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32), crop=crop)
    augmentation = kind(rotation=0, scale_range=(1, 1), flip=0, colour=(1, 1), shift=0.25)
    image = np.random.default_rng(0).uniform(0, 255, (3, 100, 100)).astype(np.float32)
    seen = np.ones(16, bool)
    person = Person('x', np.full((16, 2), 50.0), seen, seen, Square(50.0, 50.0, 40.0), 1.0)
    places = []
    for seed in range(300):
        inputs, heatmaps, _ = TrainTransform(spec, augmentation)((image, person), np.random.default_rng(seed))
        assert inputs.shape == (3, 32, 32)
        places.append(np.unravel_index(heatmaps[0].argmax(), (8, 8)))
    # A quarter of the side is two of the eight cells.
    assert np.min(places, axis=0).tolist() == [2, 2]
    assert np.max(places, axis=0).tolist() == [6, 6]


def test_a_degraded_image_has_less_colour_or_detail() -> None:
    image = np.random.default_rng(0).random((3, 160, 80), np.float32)
    n_grey = 0
    for seed in range(200):
        worse = degrade(image, np.random.default_rng(seed))
        assert worse.shape == image.shape
        assert worse.dtype == np.float32
        assert worse.mean() == pytest.approx(image.mean(), abs=0.01)
        assert worse[0].std() < 0.9 * image[0].std()
        n_grey += np.ptp(worse, axis=0).max() == 0
    assert 45 < n_grey < 90


@pytest.mark.parametrize('kind', [Augmentation, WarpAugmentation])
def test_what_is_off_draws_nothing(kind: type[Augmentation]) -> None:
    image, heatmaps = np.zeros((3, 32, 32), np.float32), np.zeros((16, 8, 8), np.float32)
    rng, numbers = (np.random.default_rng(5) for _ in range(2))
    augmentation = kind()
    augmentation.shift_square(Square(0.0, 0.0, 10.0), rng)
    augmentation.move(CropBox(0, 0, 10, 10), rng)
    augmentation(image, heatmaps, np.ones(16, bool), MPII.flip_order, rng)
    numbers.random(6)  # angle, scale, mirroring, three channels
    assert rng.random() == numbers.random()


def test_the_same_generator_gives_the_same_crop() -> None:
    box = CropBox(0, 0, 50, 60)
    augmentation = WarpAugmentation(rotation=40, scale_range=(.5, 2), rotate_prob=.3)
    moved = [augmentation.move(box, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 300))]
    assert moved[0] == moved[1]
    angles, zooms = np.array([(b.angle, b.zoom) for b in moved if isinstance(b, WarpedBox)]).T
    assert .2 < (angles != 0).mean() < .4
    assert abs(angles).max() <= 40
    assert .5 <= zooms.min() < .6
    assert 1.9 < zooms.max() <= 2
    with pytest.raises(ValueError, match='whole pixels'):
        augmentation.move(moved[0], np.random.default_rng(0))


def test_mirrored_maps_equal_the_recorded_ones(shared: Callable[[str], Path]) -> None:
    with np.load(shared('reference/torch7/pose/train_funcs.npz')) as arrays:
        for maps, expected in zip(arrays['flip_in'], arrays['flip_shuffle_out'], strict=True):
            np.testing.assert_array_equal(mirror(maps, maps, MPII.flip_order)[1], expected)
