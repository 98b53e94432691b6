from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.coco import COCODataset
from eval.coco_results import PoseResults, read_results, to_results, write_results
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII
from hourglass.oks import pose_scores

import numpy as np
import pytest


def _results(n: int = 4, seed: int = 0) -> PoseResults:
    rng = np.random.default_rng(seed)
    return PoseResults(rng.integers(1, 3, n), rng.uniform(0, 100, (n, 17, 2)).round(2),
                       rng.uniform(.1, 1, (n, 17)).round(5), rng.uniform(0, 1, n))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    results = _results()
    write_results(tmp_path / 'results.json', results)
    read = read_results(tmp_path / 'results.json')
    for name in ('image_ids', 'points', 'joint_scores', 'scores'):
        np.testing.assert_array_equal(getattr(read, name), getattr(results, name))


def test_the_file_is_the_official_format(tmp_path: Path) -> None:
    results = _results()
    write_results(tmp_path / 'results.json', results)
    entries = json.loads((tmp_path / 'results.json').read_text())
    assert [set(entry) for entry in entries] == [{'image_id', 'category_id', 'keypoints', 'score'}] * 4
    first = entries[0]
    assert first['category_id'] == 1
    assert isinstance(first['image_id'], int)
    y, x = results.points[0, 3]
    assert first['keypoints'][9:12] == [x, y, results.joint_scores[0, 3]]
    assert len(first['keypoints']) == 51


def test_no_poses_are_an_empty_list(tmp_path: Path) -> None:
    write_results(tmp_path / 'results.json', _results(0))
    assert json.loads((tmp_path / 'results.json').read_text()) == []
    assert len(read_results(tmp_path / 'results.json')) == 0


def test_nothing_is_written_if_a_number_is_not_finite(tmp_path: Path) -> None:
    results = _results()
    results.points[1, 2, 0] = np.nan
    with pytest.raises(InputError, match=r'results\.json: not written'):
        write_results(tmp_path / 'results.json', results)
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_do_not_fit_together() -> None:
    with pytest.raises(ValueError, match='do not fit 2 poses of 17 joints'):
        PoseResults(np.array([1, 2]), np.zeros((2, 16, 2)), np.zeros((2, 16)), np.zeros(2))


ENTRY = {'image_id': 1, 'category_id': 1, 'keypoints': [1.5] * 51, 'score': .5}
BAD = {
    'missing': (None, 'no such file'),
    'empty': ('', 'the file is empty'),
    'truncated': (json.dumps([ENTRY])[:-5], 'damaged, or not JSON'),
    'object': (ENTRY, r'not a list of results \(a JSON dict\)'),
    'NaN': (json.dumps([{**ENTRY, 'score': float('nan')}]), 'it holds NaN'),
    'short': ([ENTRY, {**ENTRY, 'keypoints': [1] * 50}], r"results\[1\] has 'keypoints' .* not 51 finite numbers"),
    'no score': ([{'image_id': 1, 'category_id': 1, 'keypoints': [1] * 51}], r"results\[0\] has no 'score'"),
    'image name': ([{**ENTRY, 'image_id': 'a.jpg'}], "'image_id' 'a.jpg', not a whole number"),
    'list of lists': ([[1, 2]], r'results\[0\] is not a JSON object'),
    'detections': ([{'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': .5}], "has no 'keypoints'"),
}


@pytest.mark.parametrize(('value', 'reason'), BAD.values(), ids=BAD)
def test_bad_files_are_named_with_the_reason(tmp_path: Path, value: Any, reason: str) -> None:
    path = tmp_path / 'bad.json'
    if value is not None:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(InputError, match=reason) as caught:
        read_results(path)
    assert str(caught.value).startswith(f'{path}: ')


def test_a_pose_scores_its_box_times_the_mean_of_its_joints() -> None:
    joints = np.array([[.5, .7, .9], [.1, .9, 0], [0, 0, 0]])
    np.testing.assert_allclose(pose_scores(np.array([1, .5, 1]), joints), [.7, .25, 0])
    np.testing.assert_allclose(pose_scores(np.array([1, .5, 1]), joints, .2), [.7, .45, 0])


def test_suppression_is_within_an_image() -> None:
    pose = np.random.default_rng(0).uniform(0, 100, (17, 2))
    results = PoseResults(np.array([5, 2, 5, 2, 5]), np.stack([pose, pose, pose + .1, pose + 50, pose + 50]),
                          np.ones((5, 17)), np.array([.5, .6, .7, .8, .9]))
    kept = results.suppress(np.full(5, 4000.))
    assert kept.image_ids.tolist() == [2, 5, 2, 5]
    assert kept.scores.tolist() == [.6, .7, .8, .9]
    assert len(_results(0).suppress(np.zeros(0))) == 0


def test_joints_of_another_set_become_those_of_coco(coco_root: Path) -> None:
    dataset = COCODataset(coco_root, 'val2017', joint_set=MPII)
    n = len(dataset)
    rng = np.random.default_rng(0)
    points, scores = rng.uniform(0, 100, (n, 16, 2)), rng.uniform(.1, 1, (n, 16))
    results = to_results(dataset, points, scores)
    here, there = COCO.index('left ankle'), MPII.index('left ankle')
    np.testing.assert_array_equal(results.points[:, here], points[:, there])
    np.testing.assert_array_equal(results.joint_scores[:, here], scores[:, there])
    assert (results.joint_scores[:, :5] == 0).all()
    assert (results.points[:, :5] == 0).all()
