from __future__ import annotations

from hourglass.crop import (
    CropBox,
    Extent,
    Square,
    crop_box,
    crop_square,
    cut,
    person_box,
    picture_box,
    prepare,
    whole_person,
)
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import Torch7Transform, torch7_crop
from hourglass.warp import WarpedBox

import numpy as np
import pytest

TORCH7 = ModelSpec(input_size=(128, 128), crop='torch7', decoding='torch7')


def test_the_crop_of_the_reference_ends_at_the_border() -> None:
    assert crop_box(Square(367.5, 560, 625), (720, 1280)) == CropBox(55, 247, 680, 872)
    assert crop_box(Square(100, 50, 300), (720, 1280)) == CropBox(0, 0, 250, 200)
    assert crop_box(Square(700, 1270, 300), (720, 1280)) == CropBox(550, 1120, 720, 1280)


def test_the_padded_crop_keeps_its_square() -> None:
    assert crop_box(Square(10, 50, 100), (720, 1280), 'pad') == CropBox(-40, 0, 60, 100)


@pytest.mark.parametrize('crop', ['clip', 'pad'])
@pytest.mark.parametrize('center', [(-500, -500), (5000, 5000), (10, 10)])
def test_a_crop_is_never_empty(crop: str, center: tuple[int, int]) -> None:
    box = crop_box(Square(*center, 0.1), (20, 30), crop)
    assert min(box.shape) >= 1
    assert cut(np.ones((3, 20, 30), np.float32), box, (8, 8), crop).shape == (3, 8, 8)


def test_the_whole_image_is_stretched_or_squared() -> None:
    assert picture_box((720, 1280), ModelSpec()) == CropBox(0, 0, 720, 1280)
    assert picture_box((720, 1280), ModelSpec(crop='pad')) == CropBox(0, 280, 720, 1000)


def test_outside_is_black_and_inside_is_in_its_place() -> None:
    image = np.full((3, 40, 40), 0.5, np.float32)
    image[:, 10:20, 10:20] = 1
    out = cut(image, CropBox(-20, -20, 60, 60), (160, 160), 'pad')
    assert not out[:, :38].any()
    assert not out[:, :, 122:].any()
    y, x = np.nonzero(out[0] > 0.9)
    assert (y.min() + y.max()) / 2 == (x.min() + x.max()) / 2 == 69.5, 'rows 10 to 19 lie at 2 * (10 + 20) to 79'


@pytest.mark.parametrize('shrink', [2, 4, 8])
def test_strong_reduction_averages(shrink: int) -> None:
    image = np.random.default_rng(0).uniform(0, 1, (3, 32 * shrink, 32 * shrink)).astype(np.float32)
    out = cut(image, CropBox(0, 0, 32 * shrink, 32 * shrink), (32, 32), 'pad')
    expected = image.reshape(3, 32, shrink, 32, shrink).mean(axis=(2, 4))
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_one_function_makes_the_crop_that_the_weights_ask_for() -> None:
    square, shape = Square(100.0, 50.0, 300.0), (720, 1280)
    for crop in ('clip', 'pad'):
        spec = ModelSpec(crop=crop)
        assert person_box(square, shape, spec) == crop_box(square, shape, crop)
    box = person_box(square, shape, TORCH7)
    assert box == Torch7Transform((100, 50), 300, 128)
    assert picture_box(shape, TORCH7) == Torch7Transform((360, 640), 720, 128)
    assert person_box(Square(100, 50, 0), shape, TORCH7) == Torch7Transform((100, 50), 1, 128)
    image = np.random.default_rng(0).uniform(0, 255, (3, 200, 100)).astype(np.float32)
    np.testing.assert_array_equal(cut(image, box, (128, 128), 'torch7'), torch7_crop(image, box))


def test_every_box_maps_points_there_and_back() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (16, 2))
    np.testing.assert_array_equal(CropBox(-5, 3, 60, 80).to_crop(np.array([10, 10])), [15, 7])
    for box in (CropBox(-5, 3, 60, 80), person_box(Square(30, 40, 70), (90, 90), TORCH7),
                WarpedBox((-5, 12), (33, 71), 41, .8)):
        np.testing.assert_allclose(box.to_image(box.to_crop(points)), points, atol=1e-9)
        inside = box.to_crop(box.to_image(np.array([[0, 0], box.shape])))
        np.testing.assert_allclose(inside, [[0, 0], box.shape], atol=1e-9)


def test_the_crop_of_the_torch7_code_is_square() -> None:
    with pytest.raises(InputError, match='square'):
        person_box(Square(5, 5, 10), (20, 20), ModelSpec(input_size=(64, 128), crop='torch7'))


BOX = np.array([100.0, 200.0, 300.0, 260.0])
LYING = np.array([200.0, 100.0, 260.0, 300.0])


def test_the_reference_takes_the_height_and_moves_the_square_down() -> None:
    assert crop_square(Extent.of_box(BOX), ModelSpec()) == Square(200 + 15, 230, 250)
    assert crop_square(Extent.of_box(LYING), ModelSpec()) == Square(230 + 4.5, 200, 75)
    assert crop_square(Extent.of_scale((330, 560), 2.5), ModelSpec()) == Square(330 + 15 * 2.5, 560, 625)


def test_weights_have_a_rule_of_their_own() -> None:
    spec = ModelSpec(crop_length='longer', crop_shift=0, crop_margin=1.5)
    assert crop_square(Extent.of_box(LYING), spec) == Square(230, 200, 300)
    assert crop_square(Extent.of_scale((330, 560), 2.5), spec) == Square(330, 560, 750)
    assert whole_person(Extent.of_box(LYING)) == Square(230, 200, 250)


def test_labelled_joints_say_where_a_person_is() -> None:
    points = np.array([[10.0, 20.0], [50.0, 30.0], [999.0, 999.0]])
    assert Extent.of_points(points, np.array([True, True, False])) == Extent(30, 25, 40, 10)
    alone = Extent.of_points(points, np.array([True, False, False]))
    assert crop_square(alone, ModelSpec()) == Square(10, 20, 2), 'one joint has no extent'


def test_a_square_is_taken_as_it_is_and_leads_back_to_its_person() -> None:
    square = Square(215, 230, 250)
    assert crop_square(square, ModelSpec(crop_shift=0, crop_margin=2)) is square
    assert Extent.of_square(square, ModelSpec()) == Extent(200, 230, 200, 200)


def test_an_input_is_a_crop_in_unit_range_minus_the_mean() -> None:
    image = np.full((3, 50, 60), 255, np.float32)
    spec = ModelSpec(input_size=(64, 64), mean=(.1, .2, .3))
    inputs = prepare(image, CropBox(0, 0, 50, 60), spec)
    assert (inputs.shape, inputs.dtype) == ((3, 64, 64), np.float32)
    np.testing.assert_allclose(inputs[:, 5, 5], [.9, .8, .7], atol=1e-6)
