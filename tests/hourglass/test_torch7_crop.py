from __future__ import annotations

from dataclasses import replace

from hourglass.torch7_crop import Torch7Transform, torch7_crop, truncate

import numpy as np
import pytest


def test_the_square_has_the_person_in_its_middle() -> None:
    transform = Torch7Transform((100, 300), 400, 64)
    np.testing.assert_allclose(transform.to_crop(np.array([[100, 300], [-100, 100], [300, 500]])),
                               [[32, 32], [0, 0], [64, 64]], atol=1e-12)
    np.testing.assert_array_equal(transform.corners(), [[-100, 100], [300, 500]])


def test_rounding_is_towards_zero_and_forgives_the_last_bits() -> None:
    values = np.array([1.9, -1.9, 3 - 1e-9, -2 + 1e-9, 3 - 1e-3, 0.1 * 3 * 10])
    np.testing.assert_array_equal(truncate(values), [1, -1, 3, -2, 2, 3])


def _slow_scale(row: np.ndarray, size: int) -> np.ndarray:
    """Resize a row pixel by pixel: averages over the area, or linear between the first and the last pixel."""
    length = len(row)
    out = np.zeros(size)
    for i in range(size):
        if size < length:
            low, high = i * length / size, (i + 1) * length / size
            overlaps = [max(0, min(high, j + 1) - max(low, j)) for j in range(length)]
            out[i] = sum(a * b for a, b in zip(overlaps, row, strict=True)) / (high - low)
        elif size == length:
            out[i] = row[i]
        else:
            position = i * (length - 1) / (size - 1)
            j = min(int(position), length - 2) if length > 1 else 0
            out[i] = row[j] + (position - j) * (row[min(j + 1, length - 1)] - row[j])
    return out


def _slow_resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    wide = np.array([[_slow_scale(row, size[1]) for row in channel] for channel in image])
    return np.array([[_slow_scale(column, size[0]) for column in channel.T] for channel in wide]).transpose(0, 2, 1)


def _slow_cut(image: np.ndarray, corners: list[int]) -> np.ndarray:
    y0, x0, y1, x1 = corners
    out = np.zeros((len(image), y1 - y0, x1 - x0))
    for y in range(max(y0, 0), min(y1, image.shape[1])):
        for x in range(max(x0, 0), min(x1, image.shape[2])):
            out[:, y - y0, x - x0] = image[:, y, x]
    return out


def _slow_crop(image: np.ndarray, transform: Torch7Transform) -> np.ndarray:
    """The procedure of the Torch7 code, step by step with loops."""
    size = transform.size
    center, side = np.array(transform.center), transform.side
    factor = side / size if side / size >= 2 else 1
    if factor > 1:
        longer = int(max(image.shape[1:]) / factor)
        height, width = (int(longer * extent / max(image.shape[1:])) for extent in image.shape[1:])
        image = _slow_resize(image, (height, width))
    center, side = center / factor, side / factor
    corners = [int(np.round((position / size - .5) * side + c, 9)) for position in (0, size) for c in center]
    if factor > 1:
        corners[2:] = [corners[0] + size, corners[1] + size]
    box = _slow_cut(image, corners)
    return box if factor > 1 else _slow_resize(box, (size, size))


@pytest.mark.parametrize(('center', 'scale'), [
    ((20.3, 30.6), .05), ((20.3, 30.6), .111), ((3.2, 40.1), .22), ((20, 1), .5),
])
def test_crops_equal_the_procedure_step_by_step(center: tuple[float, float], scale: float) -> None:
    image = np.random.default_rng(0).uniform(0, 1, (2, 40, 50)).astype(np.float32)
    transform = Torch7Transform(center, 200 * scale, 16)
    np.testing.assert_allclose(torch7_crop(image, transform), _slow_crop(image, transform), atol=3e-6)


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


@pytest.mark.parametrize('values', [
    {'side': 0}, {'side': -1}, {'side': np.nan}, {'center': (np.nan, 0)}, {'size': 0},
])
def test_what_is_no_crop_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match='no crop has'):
        replace(Torch7Transform((0, 0), 200, 64), **values)
