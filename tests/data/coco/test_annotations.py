from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.coco import COCODataset, read_annotations
from tests.data.coco_files import make_content, write_file
from tests.refusal import refusal

import pytest

Content = dict[str, Any]


def test_annotations_also_list_who_does_not_count(root: Path) -> None:
    people = read_annotations(root / 'annotations' / 'person_keypoints_val2017.json')
    assert people.ids.tolist() == [100, 101, 102, 103, 104]
    assert people.is_crowd.tolist() == [False, True, False, False, False]
    assert people.labelled.sum(axis=1).tolist() == [5, 5, 0, 5, 5]
    assert people.boxes[0].tolist() == [20, 10.5, 80, 50.5]
    assert people.images == {7: 'a.jpg', 9: 'b.jpg'}


def _changed(**fields: Any) -> Callable[[Content], Content]:
    """Make two people, the second with these fields."""
    def change(content: Content) -> Content:
        first = content['annotations'][0]
        return {**content, 'annotations': [{**first, 'id': 1}, {**first, 'id': 2, **fields}]}

    return change


#: What a file holds, or how it differs from a sound one, and the reason for which it is refused.
BAD_ANNOTATIONS = {
    'empty': ('', 'the file is empty'),
    'truncated': (lambda c: json.dumps(c)[:-200], 'damaged, or not JSON'),
    'list': ([], 'not a file of COCO annotations (a JSON list)'),
    'image without a name': (lambda c: {**c, 'images': [{'id': 7}]}, "images[0] has no 'file_name'"),
    'image outside': (lambda c: {**c, 'images': [{'id': 7, 'file_name': '../../x.jpg'}]}, 'leads out of the image fol'),
    'absolute image': (lambda c: {**c, 'images': [{'id': 7, 'file_name': '/etc/x.jpg'}]}, 'leads out of the image fol'),
    'repeated image': (lambda c: {**c, 'images': [c['images'][0]] * 2}, 'the id 7, which occurs more than once'),
    'no annotations': (lambda c: {'images': c['images']}, 'has no list of annotations'),
    'NaN': (lambda c: json.dumps(_changed(area=float('nan'))(c)), 'holds NaN, which is not a number'),
    'unknown image': (_changed(image_id=8), 'annotations name 1 unknown image; the first is image_id 8'),
    'fractional image id': (_changed(image_id=7.5), "annotations[1] has 'image_id' '7.5', not a whole number"),
    'box of texts': (_changed(bbox=['1', '2', '3', '4']), 'not 4 finite numbers'),
    'negative width': (_changed(bbox=[1, 1, -5, 5]), "annotations[1] has a 'bbox' with a negative width"),
    'no box': (_changed(bbox=None), "annotations[1] has no 'bbox'"),
    'negative area': (_changed(area=-1), 'has a negative area'),
    'short keypoints': (_changed(keypoints=[1, 2, 2]), 'not 51 finite numbers'),
    'visibility': (_changed(keypoints=[5] * 51), 'visibility is not 0, 1 or 2'),
    'instances': (lambda c: {**c, 'annotations': [{'id': 1, 'image_id': 7, 'category_id': 1, 'bbox': [0, 0, 1, 1],
                                                   'area': 1}]}, 'the file needed is person_keypoints'),
    'other joints': (lambda c: {**c, 'categories': [{'id': 1, 'keypoints': ['tail']}]}, '--dataset coco-json'),
    'no people': (lambda c: {**c, 'annotations': []}, 'no person who can be used'),
}


@pytest.mark.parametrize(('value', 'reason'), BAD_ANNOTATIONS.values(), ids=BAD_ANNOTATIONS)
def test_bad_annotations_are_named_with_the_reason(tmp_path: Path, value: Any, reason: str) -> None:
    path = write_file(tmp_path / 'bad.json', value(make_content()) if callable(value) else value)
    assert reason in refusal(lambda path: COCODataset(annotations=path), path)
