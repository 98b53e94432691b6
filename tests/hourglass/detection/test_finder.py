"""The person finder that is included."""

from __future__ import annotations

from data.synthetic import demo_people
from hourglass.boxes import box_iou
from hourglass.detection import load_detector
from hourglass.detection.finder import PersonFinder
from hourglass.engine.base import Engine
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor

import numpy as np
import pytest


class _Engine(Engine):
    """Sees one person whose middle is at the brightest cell, three quarters of the picture high."""

    name = 'test'

    def __call__(self, x: np.ndarray) -> np.ndarray:
        n, _, height, width = x.shape
        self.shape = height, width
        cells = x.mean(axis=1).reshape(n, height // 4, 4, width // 4, 4).mean(axis=(2, 4))
        lengths = np.log2(np.array([0.75, 0.25]) * 64) / 5 - 0.5
        return np.stack([cells, *(np.full_like(cells, length) for length in lengths)], axis=1).astype(np.float32)


@pytest.mark.parametrize('shape', [(512, 512), (400, 640), (1000, 300), (30, 20), (1, 1)])
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


def test_people_that_the_program_renders_are_found() -> None:
    image, people = demo_people()
    (boxes, scores), = load_detector('bundled').detect([image.astype(np.float32)])
    found = boxes[scores >= PersonFinder.score_threshold]
    overlap = box_iou(np.array([person.box for person in people]), found)
    assert (overlap.max(axis=1) > 0.4).sum() >= len(people) - 1
    assert len(found) <= len(people) + 1


@pytest.mark.parametrize('value', [0, 127, 255])
def test_a_picture_of_nothing_has_no_people(value: int) -> None:
    (_, scores), = load_detector('bundled').detect([np.full((3, 300, 400), value, np.float32)])
    assert not (scores >= PersonFinder.score_threshold).any()


def test_weights_of_the_other_kind_are_refused() -> None:
    with pytest.raises(InputError, match='find joints and not people'):
        load_detector('bundled:bundled')
    with pytest.raises(InputError, match='find people and not joints'):
        PosePredictor.load('person-finder')
