from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.detection import Detector, load_detector
from hourglass.detection.boxes_file import BoxesFile
from hourglass.errors import InputError
from tests.refusal import refusal

import numpy as np
import pytest


def entry(image_id: Any, x: float = 1, category: int = 1, **changes: Any) -> dict[str, Any]:
    return {'image_id': image_id, 'category_id': category, 'bbox': [x, 2, 30, 40], 'score': .5, **changes}


def _boxes_of(detector: Detector, name: str) -> tuple[np.ndarray, np.ndarray]:
    found, = detector.detect([np.zeros((3, 9, 9), np.float32)], [name])
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'boxes.json'


def test_detections_of_coco(shared: Callable[[str], Path]) -> None:
    detector = load_detector(f'boxes:{shared("coco/test_coco_det_AP_H_56.json")}')
    boxes, scores = _boxes_of(detector, 'somewhere/000000000785.jpg')
    assert len(boxes) == len(scores) == 22
    np.testing.assert_allclose(boxes[0], [45.6997, 277.1183, 379.2599, 502.2096], atol=1e-3)
    assert scores[0] == pytest.approx(.99997, abs=1e-4)
    assert sum(len(_boxes_of(detector, f'{i:012d}.png')[0]) for i in (785, 40083, 196141, 197388)) == 118
    assert len(_boxes_of(detector, '000000000786.jpg')[0]) == 0


@pytest.mark.parametrize(('image_id', 'name'), [
    (785, 'COCO_val2014_000000000785.jpg'), ('000000000785.jpg', '785.jpg'), ('photo.jpg', 'a/b/photo.jpg'),
    ('b/photo.jpg', 'photo.jpg'), (0, '0.jpg'),
])
def test_what_a_picture_may_be_called(path: Path, image_id: Any, name: str) -> None:
    path.write_text(json.dumps([entry('other.jpg'), entry(3, x=9), entry(image_id, x=5), entry(image_id, x=6)]))
    boxes, scores = _boxes_of(BoxesFile(path), name)
    np.testing.assert_array_equal(boxes, [[2, 5, 42, 35], [2, 6, 42, 36]])
    np.testing.assert_array_equal(scores, [.5, .5])


@pytest.mark.parametrize(('short', 'other'), [('x.jpg', 'y.jpg'), ('0785.jpg', '0786.jpg')])
def test_pictures_of_the_same_name_in_several_folders(path: Path, short: str, other: str) -> None:
    path.write_text(json.dumps([entry(f'a/{short}', x=5), entry(f'b/c/{short}', x=6), entry(f'a/{other}', x=7)]))
    detector = BoxesFile(path)
    for name, expected in ((f'a/{short}', [5]), (f'./b/c/{short}', [6]), (short, []), (f'c/{short}', []),
                           (other, [7]), (f'b/{other}', [7])):
        assert [box[1] for box in _boxes_of(detector, name)[0]] == expected
    # One without a folder is another picture.
    path.write_text(json.dumps([entry(short, x=5), entry(f'a/{short}', x=6), entry(short, x=7)]))
    detector = BoxesFile(path)
    for name, expected in ((short, [5, 7]), (f'a/{short}', [6]), (f'b/{short}', [])):
        assert [box[1] for box in _boxes_of(detector, name)[0]] == expected


def test_other_pictures_have_no_boxes(path: Path) -> None:
    path.write_text(json.dumps([entry('photo.jpg'), entry(7855)]))
    detector = BoxesFile(path)
    for name in ('photo.png', '785.jpg'):
        boxes, scores = _boxes_of(detector, name)
        assert (boxes.shape, scores.shape) == ((0, 4), (0,))
    assert detector.complaint() == f'{path}: no boxes of any of these pictures'
    _boxes_of(detector, 'photo.jpg')
    assert detector.complaint() is None
    with pytest.raises(InputError, match='need pictures with a name'):
        detector.detect([np.zeros((3, 9, 9), np.float32)])


def test_only_people_are_kept(path: Path) -> None:
    path.write_text(json.dumps([entry(1, category=18), entry(1, x=7), entry(2, category=2)]))
    np.testing.assert_array_equal(_boxes_of(BoxesFile(path), '1.jpg')[0], [[2, 7, 42, 37]])
    path.write_text('[]')
    assert len(_boxes_of(BoxesFile(path), '1.jpg')[0]) == 0


@pytest.mark.parametrize(('content', 'reason'), [
    (None, 'no such file'), ('{"a": 1}', 'no list of detections'), (json.dumps([entry(1.5)]), "has 'image_id' '1.5'"),
    (json.dumps([entry('')]), "has 'image_id'"), (json.dumps([entry(1, bbox=[1, 2, 3])]), "has 'bbox'"),
    (json.dumps([entry(1, score=None)]), "has no 'score'"),
])
def test_mistakes_name_the_file_and_the_place(path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        path.write_text(content)
    assert reason in refusal(lambda path: load_detector(f'boxes:{path}'), path)
