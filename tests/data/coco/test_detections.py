from __future__ import annotations

from pathlib import Path
from typing import Any

from data.coco import COCODataset
from hourglass.crop import whole_person
from hourglass.errors import InputError
from tests.data.coco_files import make_content, write_file
from tests.refusal import refusal

import numpy as np
import pytest

DETECTIONS = [
    {'image_id': 9, 'category_id': 1, 'bbox': [10, 10, 40, 20], 'score': .9},
    {'image_id': 9, 'category_id': 1, 'bbox': [11, 10, 40, 20], 'score': .95},
    {'image_id': 7, 'category_id': 1, 'bbox': [10, 10, 40, 20], 'score': .5},
    {'image_id': 7, 'category_id': 1, 'bbox': [60, 10, 10, 20], 'score': .01},
    {'image_id': 7, 'category_id': 18, 'bbox': [60, 10, 10, 20], 'score': .99},
    {'image_id': 7, 'category_id': 1, 'bbox': [60, 10, 0, 0], 'score': .99},
]


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    return write_file(tmp_path / 'detections.json', DETECTIONS)


def test_detections_take_the_place_of_annotated_people(root: Path, detections: Path) -> None:
    dataset = COCODataset(root, 'val2017', detections=detections)
    assert dataset.name == 'COCO val2017, detections of detections.json'
    assert dataset.records.scores.tolist() == [.9, .95, .5, .01]
    assert dataset.records.image_ids.tolist() == [9, 9, 7, 7]
    assert dataset.records.areas.tolist() == [800, 800, 800, 200]
    first = dataset.people[0]
    assert first.image == 'b.jpg'
    assert not first.labelled.any()
    assert np.isnan(first.reference_length)
    np.testing.assert_allclose(whole_person(first.location), [20, 30, 50])


def test_detections_need_only_the_names_of_images(root: Path, detections: Path, tmp_path: Path) -> None:
    info = write_file(tmp_path / 'image_info.json', {'images': make_content()['images']})
    assert len(COCODataset(root, 'val2017', annotations=info, detections=detections)) == 4
    with pytest.raises(InputError, match='has no list of annotations'):
        COCODataset(root, 'val2017', annotations=info)


@pytest.mark.parametrize(('value', 'reason'), [
    ({'image_id': 7}, 'no list of detections'), ([3], 'detections[0] is not a JSON object'),
    ([{**DETECTIONS[0], 'image_id': 1}], 'detections name 1 unknown image; the first is image_id 1'),
    ([DETECTIONS[0], {**DETECTIONS[0], 'score': None}], "detections[1] has no 'score'"),
    ([], 'no person who can be used'),
])
def test_bad_detections_are_named_with_the_reason(root: Path, tmp_path: Path, value: Any, reason: str) -> None:
    path = write_file(tmp_path / 'bad.json', value)
    assert reason in refusal(lambda path: COCODataset(root, 'val2017', detections=path), path)
