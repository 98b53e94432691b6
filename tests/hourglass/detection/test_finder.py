"""The person finder that is included."""

from __future__ import annotations

from unittest.mock import Mock

from data.synthetic import demo_people
from hourglass.box_codec import STRIDE, decode_boxes, encode_boxes
from hourglass.boxes import box_iou
from hourglass.detection import load_detector
from hourglass.detection.finder import PersonFinder
from hourglass.engine.base import Engine
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor

import numpy as np
import pytest


class _Sees(Engine):
    """Gives the outputs that a perfect network gives for people in a picture and in its mirror image.

    Args:
        boxes: (N, 4), in pixels of the picture.
        shape: (height, width) of the picture.
        size: of the picture's longer side in the input, if people are seen in no other.
    """

    name = 'test'

    def __init__(self, boxes: object, shape: tuple[int, int], size: int | None = None) -> None:
        self.boxes = np.array(boxes, float).reshape(-1, 4) / max(shape)
        self.width = shape[1] / max(shape)
        self.size = size

    def __call__(self, x: np.ndarray) -> np.ndarray:
        assert all(side % 32 == 0 for side in x.shape[2:])
        mirrored = np.abs(self.boxes[:, [0, 3, 2, 1]] - [0, self.width, 0, self.width])
        longer = max(x.shape[2:])
        width = round(self.width * longer)
        np.testing.assert_array_equal(x[-1, :, :, :width], x[0, :, :, :width][..., ::-1 if len(x) == 2 else 1])
        cells = x.shape[2] // STRIDE, x.shape[3] // STRIDE
        maps = np.stack([encode_boxes(boxes * longer, np.zeros((0, 4)), cells).maps
                         for boxes in (self.boxes, mirrored)[:len(x)]])
        maps[:, 0] *= self.size in (None, longer)
        return maps


def _detect(boxes: object, shape: tuple[int, int] = (480, 640)) -> np.ndarray:
    """Return the boxes of people that the finder gives for perfect outputs, from its threshold on."""
    finder = PersonFinder(_Sees(boxes, shape))
    (found, scores), = finder.detect([np.zeros((3, *shape), np.float32)])
    assert found.dtype == scores.dtype == np.float32
    return found[scores >= finder.score_threshold]


@pytest.mark.parametrize(('shape', 'boxes'), [
    # A small person before a large one, another's box within a box.
    ((480, 640), [(20, 100, 470, 400), (300, 120, 460, 190)]),
    ((3000, 4000), [(500, 600, 2800, 1500), (1500, 3000, 2000, 3200)]),
    ((1000, 300), [(0, 0, 1000, 300)]),
    # 20 people in four rows.
    ((480, 640), [(10 + 118 * i, 20 + 124 * k, 110 + 118 * i, 64 + 124 * k) for i in range(4) for k in range(5)]),
    ((1, 1), []),
])
def test_each_person_is_found_once(shape: tuple[int, int], boxes: list[tuple[float, ...]]) -> None:
    found = _detect(boxes, shape)
    assert len(found) == len(boxes)
    assert not boxes or box_iou(np.array(boxes), found).max(axis=1).min() > 0.8


def test_several_sizes_and_mirror_images_give_each_person_once() -> None:
    box, shape = [100, 250, 340, 330], (640, 480)
    picture = np.random.default_rng(0).uniform(0, 255, (3, *shape)).astype(np.float32)
    (found, scores), = PersonFinder(_Sees(box, shape), (192, 256, 320), flip=True).detect([picture])
    assert len(found) == 1
    assert box_iou(np.array([box]), found)[0, 0] > 0.8
    assert scores[0] > 0.7, 'all looks agree'


def test_a_size_in_which_the_person_is_too_high_counts_little() -> None:
    sizes, shape = (96, 384), (300, 300)
    fitting, too_large = (
        PersonFinder(_Sees((15, 90, 285, 210), shape, size), sizes).detect([np.zeros((3, *shape), np.float32)])[0][1]
        for size in sizes)
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


def test_people_that_the_program_renders_are_found(device: int) -> None:
    image, people = demo_people()
    finder = load_detector('bundled', device)
    (boxes, scores), = finder.detect([image.astype(np.float32)])
    found = boxes[scores >= finder.score_threshold]
    overlap = box_iou(np.array([person.box for person in people]), found)
    assert (overlap.max(axis=1) > 0.4).sum() >= len(people) - 1
    assert len(found) <= len(people) + 1


def test_people_in_a_panorama_are_found() -> None:
    image, people = demo_people()
    panorama = np.pad(image.astype(np.float32), [(0, 0), (0, 0), (1500, 1500)])
    finder = load_detector('bundled-fast')
    (boxes, scores), = finder.detect([panorama])
    shown = np.add([person.box for person in people], (0, 1500, 0, 1500))
    assert (box_iou(shown, boxes[scores >= finder.score_threshold]).max(axis=1) > 0.4).sum() >= len(people) - 1


def test_a_person_in_a_narrow_picture_is_not_enlarged() -> None:
    engine = Mock(wraps=_Sees([(0, 0, 300, 100)], (300, 100)))
    PersonFinder(engine).detect([np.zeros((3, 300, 100), np.float32)])
    assert [call.args[0].shape[2:] for call in engine.call_args_list] == [(256, 96)]


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
