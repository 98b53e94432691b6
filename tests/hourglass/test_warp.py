from __future__ import annotations

from hourglass.crop import CropBox, cut
from hourglass.warp import WarpedBox

import numpy as np
import pytest


def _scene(shape: tuple[int, int]) -> np.ndarray:
    """Return an image (3, H, W) whose channels are smooth functions of the place: y, x, and one of both."""
    y, x = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    return np.stack([y, x, 100 + 40 * np.sin(y / 9) * np.cos(x / 7)])


@pytest.mark.parametrize('shape', [(40, 60), (128, 128), (200, 90)])
def test_unchanged_it_is_the_crop_of_the_reference(shape: tuple[int, int]) -> None:
    image = _scene((240, 200))
    box = CropBox(7, 11, 7 + shape[0], 11 + shape[1])
    warped = WarpedBox((7, 11), shape, 0, 1)
    points = np.random.default_rng(0).uniform(0, 200, (20, 2))
    np.testing.assert_allclose(warped.to_crop(points), box.to_crop(points), atol=1e-12)
    # OpenCV's affine map has 5 bits for the place between two pixels, and copies no border pixels from outside.
    inner = np.s_[:, 1:-1, 1:-1]
    np.testing.assert_allclose(cut(image, warped, (64, 64))[inner], cut(image, box, (64, 64))[inner], atol=.15)


@pytest.mark.parametrize('size', [(64, 64), (16, 24), (150, 150)])
@pytest.mark.parametrize(('angle', 'zoom'), [(0, .6), (30, 1), (-75, 1.3)])
def test_image_and_points_move_alike(angle: float, zoom: float, size: tuple[int, int]) -> None:
    image = _scene((300, 320))
    box = WarpedBox((90, 100), (120, 100), angle, zoom)
    crop = cut(image, box, size)
    rows, columns = np.mgrid[2:size[0] - 2, 2:size[1] - 2]
    inside = (np.stack([rows, columns], -1) + .5) / size * box.shape - .5
    seen = box.to_image(inside)
    np.testing.assert_allclose(crop[0, 2:-2, 2:-2], seen[..., 0], atol=.3)
    np.testing.assert_allclose(crop[1, 2:-2, 2:-2], seen[..., 1], atol=.3)


def test_counter_clockwise_about_the_middle() -> None:
    image = np.zeros((3, 65, 65), np.float32)
    image[:, 32, 52] = 1
    box = WarpedBox((0, 0), (65, 65), 90, 1)
    crop = cut(image, box, (65, 65))
    assert np.unravel_index(crop[0].argmax(), (65, 65)) == (12, 32)
    np.testing.assert_allclose(box.to_crop(np.array([32, 52])), [12, 32], atol=1e-9)


def test_what_is_around_comes_in_and_beyond_the_border_it_is_black() -> None:
    image = np.full((3, 100, 100), 200, np.float32)
    around = cut(image, WarpedBox((30, 30), (40, 40), 45, .75), (32, 32))
    np.testing.assert_allclose(around, 200, atol=.01)
    corner = cut(image, WarpedBox((0, 0), (40, 40), 0, .5), (40, 40))
    assert (corner[:, :9] == 0).all()
    assert (corner[:, 11:, 11:] > 199).all()
    outside = cut(image, WarpedBox((500, -500), (40, 40), 10, 1), (8, 8))
    assert outside.shape == (3, 8, 8)
    assert not outside.any()


def test_strong_reduction_averages() -> None:
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (3, 600, 600)).astype(np.float32)
    crop = cut(noise, WarpedBox((100, 100), (400, 400), 20, 1), (20, 20))
    assert crop.std() < 8, 'a mean of over 150 independent pixels'
