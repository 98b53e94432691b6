from __future__ import annotations

from data.synthetic import demo_people
from hourglass.detection import load_detector
from hourglass.errors import InputError

import cv2
import numpy as np
import pytest
from chainercv.utils import bbox_iou


def test_upright_people_are_found_whole() -> None:
    image, people = demo_people()
    detector = load_detector('hog')
    (boxes, scores), (none, _) = detector.detect([image.astype(np.float32), np.full((3, 90, 120), 99, np.float32)])
    assert boxes.dtype == scores.dtype == np.float32
    sure = scores >= detector.score_threshold
    overlap = bbox_iou(boxes[sure], np.array([person.box for person in people]))
    assert sure.sum() == 4
    assert sorted(overlap.argmax(axis=1)) == [0, 1, 2, 3]
    assert overlap.max(axis=1).min() > .5
    assert len(none) == 0


def test_a_person_who_fills_a_small_picture_is_found() -> None:
    image, people = demo_people()
    y0, x0, y1, x1 = (round(value) for value in people[0].box)
    cut = image[:, y0 - 3:y1 + 3, x0 - 3:x1 + 3].astype(np.float32)
    small = cv2.resize(cut.transpose(1, 2, 0), None, fx=.5, fy=.5).transpose(2, 0, 1)
    (boxes, scores), = load_detector('hog').detect([small])
    best = boxes[scores.argmax()]
    assert bbox_iou(best[None], np.array([[0, 0, *small.shape[1:]]], np.float32))[0, 0] > .5


@pytest.mark.parametrize('shape', [(1, 1), (300, 2)])
def test_pictures_of_any_size(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    (boxes, scores), = load_detector('hog').detect([rng.uniform(0, 255, (3, *shape)).astype(np.float32)])
    assert boxes.shape == (len(scores), 4)


def test_an_opencv_without_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, 'HOGDescriptor')
    with pytest.raises(InputError, match=r'is a part of OpenCV 4, and OpenCV .* is installed'):
        load_detector('hog')
