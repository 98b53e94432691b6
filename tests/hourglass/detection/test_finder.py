"""The person finder that is included."""

from __future__ import annotations

from data.synthetic import demo_people
from hourglass.box_codec import STRIDE, decode_boxes, encode_boxes, to_output
from hourglass.boxes import box_iou
from hourglass.detection import load_detector
from hourglass.detection.finder import SIZE, PersonFinder
from hourglass.engine.base import Engine
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor

import cv2
import numpy as np
import pytest


class _Engine(Engine):
    """Sees one person whose middle is at the brightest cell, three quarters of the picture high."""

    name = 'test'

    def __call__(self, x: np.ndarray) -> np.ndarray:
        n, _, height, width = x.shape
        self.shape = height, width
        cells = x.mean(axis=1).reshape(n, height // 4, 4, width // 4, 4).mean(axis=(2, 4))
        # Half of the height or width to each edge: top, left, bottom, right.
        distances = to_output(np.array([0.75, 0.25, 0.75, 0.25]) / 2 * 64)
        return np.stack([cells, *(np.full_like(cells, distance) for distance in distances)], axis=1).astype(np.float32)


@pytest.mark.parametrize('shape', [(400, 640), (1000, 300), (1, 1)])
def test_boxes_are_in_pixels_of_the_picture(shape: tuple[int, int]) -> None:
    image = np.zeros((3, *shape), np.float32)
    y, x = shape[0] // 2, shape[1] // 2
    reach = max(shape) // 40
    image[:, y - reach:y + reach + 1, x - reach:x + reach + 1] = 255
    engine = _Engine()
    (boxes, scores), = PersonFinder(engine).detect([image])
    assert max(engine.shape) == 256
    assert all(side % 32 == 0 for side in engine.shape)
    assert scores[0] > 0.3
    longer = max(shape)
    expected = np.clip([y - 0.375 * longer, x - 0.125 * longer, y + 0.375 * longer, x + 0.125 * longer], 0,
                       [*shape, *shape])
    np.testing.assert_allclose(boxes[0], expected, atol=0.03 * longer + 1)


class _Sees(Engine):
    """Gives the outputs that a perfect network gives for people in a picture.

    Args:
        boxes: (N, 4), in pixels of the picture.
        shape: (height, width) of the picture.
    """

    name = 'test'

    def __init__(self, boxes: np.ndarray, shape: tuple[int, int]) -> None:
        self.boxes = np.asarray(boxes, np.float64).reshape(-1, 4) * SIZE / max(shape)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        cells = x.shape[2] // STRIDE, x.shape[3] // STRIDE
        return encode_boxes(self.boxes, np.zeros((0, 4)), cells).maps[None]


def _detect(boxes: object, shape: tuple[int, int] = (480, 640)) -> np.ndarray:
    """Return the boxes of people that the finder gives for perfect outputs, from its threshold on."""
    finder = PersonFinder(_Sees(np.array(boxes), shape))
    (found, scores), = finder.detect([np.zeros((3, *shape), np.float32)])
    return found[scores >= finder.score_threshold]


def _assert_found(found: np.ndarray, boxes: object) -> None:
    """Assert that each box was found once, and no other."""
    assert len(found) == len(np.array(boxes))
    assert box_iou(np.array(boxes), found).max(axis=1).min() > 0.8


@pytest.mark.parametrize(('shape', 'boxes'), [
    ((480, 640), [(100, 200, 400, 320)]),
    # A small person before a large one, another's box within a box.
    ((480, 640), [(20, 100, 470, 400), (300, 120, 460, 190)]),
    # As tall, half covered.
    ((480, 640), [(50, 100, 450, 240), (60, 190, 455, 330)]),
    ((3000, 4000), [(500, 600, 2800, 1500), (1500, 3000, 2000, 3200)]),
    ((640, 480), [(0, 0, 640, 480)]),
    ((480, 640), [(0, 0, 480, 640)]),
    # 20 people in four rows.
    ((480, 640), [(10 + 118 * i, 20 + 124 * k, 110 + 118 * i, 64 + 124 * k) for i in range(4) for k in range(5)]),
    # What is in the picture of people who are cut by its border.
    ((480, 640), [(0, 0, 200, 60), (280, 300, 480, 420), (100, 600, 400, 640)]),
])
def test_each_person_is_found_once(shape: tuple[int, int], boxes: list[tuple[float, ...]]) -> None:
    _assert_found(_detect(boxes, shape), boxes)


def test_several_sizes_and_mirror_images_give_each_person_once() -> None:
    image = np.zeros((3, 480, 640), np.float32)
    image[:, 200:216, 300:316] = 255
    once, = PersonFinder(_Engine(), (256,)).detect([image])
    often, = PersonFinder(_Engine(), (192, 256, 320), flip=True).detect([image])
    assert len(often[0]) == len(once[0]) == 1
    assert box_iou(often[0], once[0])[0, 0] > 0.8


class _SeesOnce(Engine):
    """Sees a person who is 0.9 of a square picture high, but only if the picture has this size."""

    name = 'test'

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, x: np.ndarray) -> np.ndarray:
        size = x.shape[3]
        maps = encode_boxes(np.array([(0.05, 0.3, 0.95, 0.7)]) * size, np.zeros((0, 4)), (size // 4, size // 4)).maps
        maps[0] *= size == self.size
        return maps[None]


def test_a_size_in_which_the_person_is_too_high_counts_little() -> None:
    sizes = 96, 384
    image = np.zeros((3, 300, 300), np.float32)
    fitting, too_large = (PersonFinder(_SeesOnce(size), sizes).detect([image])[0][1] for size in sizes)
    assert fitting[0] > 0.7
    assert len(too_large) == 1
    assert too_large[0] < 0.3


def test_two_peaks_in_one_person_are_one_person() -> None:
    boxes = np.array([(40, 200, 440, 340), (90, 210, 450, 340)], float)
    maps = _Sees(boxes, (480, 640))(np.zeros((1, 3, 192, 256), np.float32))[0]
    assert len(decode_boxes(maps, 0.35)[0]) > 1
    assert len(_detect(boxes)) == 1


def test_boxes_end_with_the_picture() -> None:
    found = _detect([(-100, -60, 300, 100), (250, 500, 560, 700)])
    assert len(found) == 2
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= (480, 640)).all()


def test_no_people_are_an_empty_list() -> None:
    (boxes, scores), = PersonFinder(_Sees(np.zeros((0, 4)), (480, 640))).detect([np.zeros((3, 480, 640), np.float32)])
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))
    assert boxes.dtype == scores.dtype == np.float32
    assert PersonFinder(_Sees(np.zeros((0, 4)), (480, 640))).detect([]) == []


def test_a_picture_of_12_million_pixels_has_the_people_of_the_small_one() -> None:
    small = demo_people()[0].astype(np.float32)[:, :, :640]
    large = cv2.resize(small.transpose(1, 2, 0), (4000, 3000), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    finder = load_detector('bundled')
    # One at a time, since the large one is 144 MB.
    (expected, scores), (found, _) = (finder.detect([image])[0] for image in (small, large))
    expected = expected[scores >= finder.score_threshold]
    assert len(expected) >= 2
    assert box_iou(expected * (3000 / small.shape[1]), found).max(axis=1).min() > 0.7


def test_people_that_the_program_renders_are_found(device: int) -> None:
    image, people = demo_people()
    finder = load_detector('bundled', device)
    (boxes, scores), = finder.detect([image.astype(np.float32)])
    found = boxes[scores >= finder.score_threshold]
    overlap = box_iou(np.array([person.box for person in people]), found)
    assert (overlap.max(axis=1) > 0.4).sum() >= len(people) - 1
    assert len(found) <= len(people) + 1


@pytest.mark.parametrize('name', ['bundled', 'bundled-fast'])
def test_a_picture_of_nothing_has_no_people(name: str) -> None:
    finder = load_detector(name)
    (_, scores), = finder.detect([np.full((3, 300, 400), 127, np.float32)])
    assert not (scores >= finder.score_threshold).any()


def test_weights_of_the_other_kind_are_refused() -> None:
    with pytest.raises(InputError, match='find joints and not people'):
        load_detector('bundled:bundled')
    with pytest.raises(InputError, match='find people and not joints'):
        PosePredictor.load('person-finder')
