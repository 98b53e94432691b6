from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.augment import AUGMENTATIONS, Augmentation, mirror, rotate_and_zoom
from data.person import Person
from data.transform import TrainTransform, crop_person
from hourglass.codec import CELL_ORIGIN, decode, encode, pixels_per_cell
from hourglass.crop import Extent, Location, Square
from hourglass.image import read_image
from hourglass.joints import MPII
from hourglass.spec import ModelSpec

import numpy as np
import pytest

Shared = Callable[[str], Path]
Sample = tuple[np.ndarray, Person, dict[str, Any], dict[str, np.ndarray]]


def _person(joints: list[list[float] | None], location: Location) -> Person:
    labelled = np.array([joint is not None for joint in joints])
    points = np.array([joint[::-1] if joint else (0, 0) for joint in joints], np.float32)
    return Person('', points, labelled, labelled, location, 1.0)


@pytest.fixture(params=range(4))
def sample(request: pytest.FixtureRequest, shared: Shared) -> Sample:
    """One of the four people of the reference pipeline: image, person, amounts, arrays."""
    record = json.loads(shared('reference/pipeline.json').read_text())[request.param]
    with np.load(shared('reference/pipeline.npz')) as arrays:
        own = {key[:-1]: arrays[key] for key in arrays.files if key.endswith(str(request.param))}
    x, y = record['center']
    person = _person(record['joints'], Extent.of_scale((y, x), record['scale']))
    return read_image(shared(f'mpii/images/{record["file"]}')), person, record, own


def test_crop_points_and_targets_equal_the_reference(sample: Sample) -> None:
    image, person, _, reference = sample
    crop = crop_person(image, person, ModelSpec())
    np.testing.assert_array_equal(crop.box.shape, reference['shape'])
    np.testing.assert_array_equal(crop.points, reference['points'])
    np.testing.assert_array_equal(crop.labelled, reference['indices'])
    heatmaps = encode(crop.points, crop.labelled, crop.box.shape, (64, 64))
    np.testing.assert_allclose(heatmaps, reference['heat'], atol=1e-5)


def test_cropped_images_equal_the_reference_up_to_jpeg_decoding(sample: Sample) -> None:
    image, person, _, reference = sample
    difference = 255 * (crop_person(image, person, ModelSpec()).image - reference['img'])
    # The reference was decoded by an older JPEG library, which spreads the (halved) colour resolution over the
    # pixels in another way.  Brightness is stored at full resolution and must agree.
    brightness = np.tensordot([.299, .587, .114], difference, 1)
    assert abs(brightness).max() < 3
    assert abs(brightness).mean() < 0.2
    assert abs(difference).mean() < 0.6


def test_augmentation_equals_the_reference(sample: Sample) -> None:
    _, _, record, reference = sample
    amounts = record['angle'], record['zoom']
    np.testing.assert_allclose(rotate_and_zoom(reference['heat'], *amounts), reference['aug_heat'], atol=1e-5)
    np.testing.assert_allclose(rotate_and_zoom(reference['img'], *amounts), reference['aug_img'], atol=1 / 255)
    _, flipped = mirror(reference['img'], reference['heat'], MPII.flip_order)
    np.testing.assert_array_equal(flipped, reference['flip_heat'])


def test_decoding_equals_the_reference(sample: Sample) -> None:
    *_, reference = sample
    points, _ = decode(reference['net_out'], tuple(reference['shape']))
    np.testing.assert_array_equal(points, reference['keypoints'])


def _small_sample() -> tuple[np.ndarray, Person]:
    rng = np.random.default_rng(0)
    joints: list[list[float] | None] = [[float(x), float(y)] for x, y in rng.uniform(20, 80, (16, 2))]
    joints[3] = None
    return rng.uniform(0, 255, (3, 100, 120)).astype(np.float32), _person(joints, Square(50, 60, 90))


def test_a_training_sample_has_the_shapes_that_the_network_needs() -> None:
    spec = ModelSpec(n_stack=1, width=8, layer_num=2, input_size=(64, 96), mean=(.4, .4, .4))
    in_data = _small_sample()
    transform = TrainTransform(spec, Augmentation())
    image, heatmaps, labelled = transform(in_data, np.random.default_rng(0))
    assert image.shape == (3, 64, 96)
    assert heatmaps.shape == (16, 16, 24)
    assert image.dtype == heatmaps.dtype == np.float32
    assert labelled.sum() == 15
    assert image.min() >= -.4
    assert image.max() <= .6
    assert not heatmaps[~labelled].any()


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
def test_without_augmentation_the_targets_are_where_the_image_shows_the_joints(crop: str) -> None:
    """A white spot drawn at a joint must come out under the peak of the joint's target."""
    image, person = _small_sample()
    image[:] = 0
    y, x = np.rint(person.points[0]).astype(int)
    image[:, y - 1:y + 2, x - 1:x + 2] = 255
    spec = ModelSpec(input_size=(128, 128), crop=crop)
    inputs, heatmaps, _ = TrainTransform(spec)((image, person), np.random.default_rng(0))
    spot = np.unravel_index(inputs[0].argmax(), inputs.shape[1:])
    peak = np.unravel_index(heatmaps[0].argmax(), heatmaps.shape[1:])
    assert np.abs(np.array(spot) - 4 * np.array(peak)).max() <= 4


@pytest.mark.parametrize('name', AUGMENTATIONS)
@pytest.mark.parametrize(('align_corners', 'decoding'), [(False, 'argmax'), (True, 'dark'), (False, 'torch7')])
def test_turned_and_zoomed_targets_stay_where_the_image_shows_the_joints(
    name: str, align_corners: bool, decoding: str,
) -> None:
    """Picture and target are turned about one and the same point, whatever pixel a cell stands for."""
    person = replace(_small_sample()[1], location=Square(64., 64., 128 / 1.25),
                     points=np.tile([40., 85.], (16, 1)), labelled=np.ones(16, bool))
    y, x = np.mgrid[:128, :128]
    spot = np.exp(-((y - 40) ** 2 + (x - 85) ** 2) / 32)
    image = np.tile(np.float32(255) * spot, (3, 1, 1)).astype(np.float32)
    spec = ModelSpec(input_size=(128, 128), crop='pad', align_corners=align_corners, decoding=decoding)
    transform = TrainTransform(spec, AUGMENTATIONS[name](flip=0, colour=(1, 1)))
    for seed in range(5):
        inputs, heatmaps, _ = transform((image, person), np.random.default_rng(seed))
        cells = _centroid(heatmaps[0]) + CELL_ORIGIN[decoding]
        pixels = cells * pixels_per_cell(align_corners, (128, 128), (32, 32))
        np.testing.assert_allclose(pixels, _centroid(inputs[0]), atol=.3)


def _centroid(array: np.ndarray) -> np.ndarray:
    """Return the (2,) centre of mass, (y, x)."""
    return np.array([(place * array).sum() for place in np.mgrid[:array.shape[0], :array.shape[1]]]) / array.sum()
