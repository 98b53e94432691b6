from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hourglass.image import read_image
from hourglass.torch7_crop import Torch7Transform, torch7_crop, truncate

import numpy as np
import pytest

Shared = Callable[[str], Path]
POSE = 'reference/torch7/pose'


def test_the_square_has_the_person_in_its_middle() -> None:
    transform = Torch7Transform((100, 300), 400, 64)
    np.testing.assert_allclose(transform.to_crop(np.array([[100, 300], [-100, 100], [300, 500]])),
                               [[32, 32], [0, 0], [64, 64]], atol=1e-12)
    np.testing.assert_array_equal(transform.corners(), [[-100, 100], [300, 500]])


def test_rounding_is_towards_zero_and_forgives_the_last_bits() -> None:
    values = np.array([1.9, -1.9, 3 - 1e-9, -2 + 1e-9, 3 - 1e-3, 0.1 * 3 * 10])
    np.testing.assert_array_equal(truncate(values), [1, -1, 3, -2, 2, 3])


@pytest.mark.parametrize('scale', [.3, 1.0])
def test_outside_of_the_image_is_black(scale: float) -> None:
    image = np.ones((3, 30, 40), np.float32)
    side = 200 * scale
    crop = torch7_crop(image, Torch7Transform((0, 0), side, 32))
    assert not crop[:, :15].any()
    assert not crop[:, :, :15].any()
    assert crop[:, 17, 17].min() > 0.9
    far = torch7_crop(image, Torch7Transform((-side, 20), side, 32))
    assert not far.any()


def test_a_crop_of_any_size_is_made_without_memory() -> None:
    image = np.ones((3, 10, 12), np.float32)
    assert torch7_crop(image, Torch7Transform((5, 5), 2e6, 16)).shape == (3, 16, 16)
    point = torch7_crop(image, Torch7Transform((5.2, 5.2), .2, 16))
    np.testing.assert_allclose(point, 1, atol=1e-6)


# Recorded results of the Torch7 code

# Centre x and y, scale and size of the recorded transforms that do not turn the person, by number.
RECORDED_TRANSFORMS = {0: (560, 367.5, 3.1, 256), 3: (300, 600, 6, 64)}


def _recorded_crops(shared: Shared) -> dict[int, tuple[str, Torch7Transform]]:
    """Read image name and transform of every recorded crop that is not turned, by number."""
    pattern = re.compile(r'crop (\d+) (\d+) center=\((\S+),(\S+)\) scale=(\S+) rot=0 res=64 ok')
    cases = {}
    for match in pattern.finditer(shared(f'{POSE}/train_manifest.txt').read_text()):
        x, y, scale = (float(value) for value in match.groups()[2:])
        cases[int(match[1])] = match[2], Torch7Transform((y, x), 200 * scale, 64)
    return cases


def _unit_image(shared: Shared, name: str) -> np.ndarray:
    return read_image(shared(f'mpii/images/{name}.jpg')) / np.float32(255)


def _flip_xy(points: np.ndarray) -> np.ndarray:
    """Exchange (x, y) from 1 and (y, x) from 0; subtracting 1 is left to the caller."""
    return np.asarray(points, np.float64)[..., ::-1]


@pytest.mark.parametrize('number', [1, 3, 5, 7, 9, 10, 11])
def test_crops_equal_the_recorded_ones(shared: Shared, number: int) -> None:
    name, transform = _recorded_crops(shared)[number]
    with np.load(shared(f'{POSE}/train_crops64_f32.npz')) as arrays:
        expected = arrays[f'crop{number:02}']
    crop = torch7_crop(_unit_image(shared, name), transform)
    assert crop.dtype == np.float32
    np.testing.assert_allclose(crop, expected, rtol=0, atol=8e-6)


def test_a_crop_that_depends_on_single_precision_equals_the_recorded_one_from_its_corners(
    shared: Shared, monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, transform = _recorded_crops(shared)[8]
    line, = re.findall(r'center=\(200,150\) scale=0.6 res=64 .* ul=\((\d+),(\d+)\) br=\((\d+),(\d+)\)',
                       shared(f'{POSE}/train_crop_corners.txt').read_text())
    corners = np.array([int(value) for value in line]).reshape(2, 2)[:, ::-1] - 1
    assert abs(corners - transform.corners()).max() == 1
    monkeypatch.setattr(Torch7Transform, 'corners', lambda self: corners)
    with np.load(shared(f'{POSE}/train_crops64_f32.npz')) as arrays:
        np.testing.assert_allclose(torch7_crop(_unit_image(shared, name), transform), arrays['crop08'], rtol=0,
                                   atol=2e-6)


@pytest.mark.parametrize('case', RECORDED_TRANSFORMS)
def test_transforms_equal_the_recorded_ones(shared: Shared, case: int) -> None:
    x, y, scale, size = RECORDED_TRANSFORMS[case]
    transform = Torch7Transform((y, x), 200 * scale, int(size))
    with np.load(shared(f'{POSE}/train_funcs.npz')) as arrays:
        for way, function in enumerate((transform.to_crop, transform.to_image)):
            points = _flip_xy(arrays['transform_in'][case, way]) - 1
            real = arrays['transform_real'][case, way]
            mapped = _flip_xy(function(points))
            np.testing.assert_allclose(mapped, real, rtol=0, atol=1e-9)
            clear = abs(real - np.rint(real)) > 1e-4  # rounding does not depend on the last bits
            assert clear.mean() > 0.5
            np.testing.assert_array_equal(truncate(mapped)[clear] + 1, arrays['transform_out'][case, way][clear])
