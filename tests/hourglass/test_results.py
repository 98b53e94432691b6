from __future__ import annotations

import json
from pathlib import Path

from hourglass.crop import CropBox
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII
from hourglass.people import PersonPose
from hourglass.predictor import Pose
from hourglass.results import people_to_coco, write_json_rows

import numpy as np
import pytest


@pytest.fixture
def person() -> PersonPose:
    points = np.arange(32, dtype=np.float64).reshape(16, 2) + .123456
    scores = np.linspace(0, 1, 16, dtype=np.float32)
    pose = Pose(points, scores, np.zeros((16, 0, 0), 'f'), CropBox(0, 0, 9, 9), MPII, np.zeros((3, 9, 9), np.float32))
    return PersonPose(pose, (1.25, 2, 31.25, 14), .8, .4)


def test_people_in_cocos_format(person: PersonPose) -> None:
    first, second = people_to_coco([person] * 2, MPII, 'a.jpg', 'a.jpg')
    assert first == second
    assert {key: first[key] for key in ('image_id', 'category_id', 'bbox', 'score', 'box_score', 'file_name')} == {
        'image_id': 'a.jpg', 'category_id': 1, 'bbox': [2, 1.25, 12, 30], 'score': .4, 'box_score': .8,
        'file_name': 'a.jpg'}
    assert first['joint_set'] == 'mpii'
    assert [joint['name'] for joint in first['joints']] == list(MPII.joints)
    triples = dict(zip(COCO.joints, np.reshape(first['keypoints'], (17, 3)).tolist(), strict=True))
    assert triples['nose'] == [0, 0, 0]
    k = MPII.index('left knee')
    assert triples['left knee'] == pytest.approx([2 * k + 1.12, 2 * k + .12, round(k / 15, 4)])


def test_rows_are_lines(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    for rows in ([], [{'a': 1}], [{'a': 1}, {'b': [1, 2]}]):
        write_json_rows(path, rows)
        assert json.loads(path.read_text()) == rows
        assert len(path.read_text().splitlines()) == max(1, len(rows) + 2 * bool(rows))
    with pytest.raises(InputError, match=r'a\.json: not written'):
        write_json_rows(path, [{'a': float('nan')}])
    assert len(json.loads(path.read_text())) == 2
