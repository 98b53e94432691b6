from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

from data.coco import COCODataset
from eval.coco_results import PoseResults, predict_results, read_results, to_results, write_results
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII, JointSet
from hourglass.oks import pose_scores
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec

import numpy as np
import pytest


def _results(n: int = 4, seed: int = 0) -> PoseResults:
    rng = np.random.default_rng(seed)
    return PoseResults(rng.integers(1, 3, n), rng.uniform(0, 100, (n, 17, 2)).round(2),
                       rng.uniform(.1, 1, (n, 17)).round(5), rng.uniform(0, 1, n))


def _predictor(joint_set: JointSet = COCO, batchsize: int = 4) -> PosePredictor:
    np.random.seed(0)
    spec = ModelSpec(out_channels=len(joint_set), n_stack=1, width=8, layer_num=1, joints=joint_set.name,
                     input_size=(32, 32))
    return PosePredictor(spec.build_network(), spec, batchsize=batchsize)


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


def test_a_network_predicts_results(coco_root: Path) -> None:
    dataset = COCODataset(coco_root, 'val2017')
    done: list[int] = []
    results = predict_results(_predictor(), dataset, progress=done.append)
    assert done == [4, 4, 4, 3]
    np.testing.assert_array_equal(results.image_ids, dataset.records.image_ids)
    assert (results.scores == pose_scores(np.ones(15), results.joint_scores)).all()
    for person, points in zip(dataset.people, results.points, strict=True):
        assert (abs(points - person.center) <= person.side / 2 + 1).all()


def test_detections_count_in_the_score_and_repetitions_are_left_out(coco_root: Path, tmp_path: Path) -> None:
    box = {'image_id': 50, 'category_id': 1, 'bbox': [20, 20, 60, 90]}
    path = tmp_path / 'detections.json'
    path.write_text(json.dumps([{**box, 'score': .25}, {**box, 'score': .5}]))
    dataset = COCODataset(coco_root, 'val2017', detections=path)
    both = predict_results(_predictor(), dataset)
    assert both.scores[1] == pytest.approx(2 * both.scores[0])
    np.testing.assert_allclose(both.scores, [.25, .5] * pose_scores(np.ones(2), both.joint_scores))
    assert predict_results(_predictor(), dataset, nms_oks=.9).scores.tolist() == [both.scores[1]]


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


def test_heatmaps_are_not_collected(coco_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = _predictor(batchsize=2)
    alive: list[weakref.ref[np.ndarray]] = []
    counts: list[int] = []

    def heatmaps(inputs: np.ndarray) -> np.ndarray:
        counts.append(sum(reference() is not None for reference in alive))
        maps = np.random.default_rng(0).uniform(0, 1, (len(inputs), 17, 8, 8)).astype(np.float32)
        alive.append(weakref.ref(maps))
        return maps

    monkeypatch.setattr(predictor, 'heatmaps', heatmaps)
    predict_results(predictor, COCODataset(coco_root, 'val2017'))
    assert len(counts) == 8
    # The maps of the batch before may still be there, those of earlier ones not.
    assert max(counts) <= 1
