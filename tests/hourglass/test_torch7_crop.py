from __future__ import annotations

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
