from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.coco import COCODataset
from eval import evaluate
from eval.coco_results import PoseResults, match_people, read_results, to_results, write_results
from hourglass.errors import InputError
from hourglass.joints import COCO, MPII
from tests.data.coco_files import write_file
from tests.eval.truth import ANNOTATIONS, truth
from tests.refusal import refusal

import numpy as np
import pytest


def _results(n: int = 4, seed: int = 0) -> PoseResults:
    rng = np.random.default_rng(seed)
    return PoseResults(rng.integers(1, 3, n), rng.uniform(0, 100, (n, 17, 2)).round(2),
                       rng.uniform(.1, 1, (n, 17)).round(5), rng.uniform(0, 1, n))


@pytest.mark.parametrize('n', [0, 4])
def test_what_is_written_is_read_again(tmp_path: Path, n: int) -> None:
    results = _results(n)
    write_results(tmp_path / 'results.json', results)
    read = read_results(tmp_path / 'results.json', IMAGES)
    for name in ('image_ids', 'points', 'joint_scores', 'scores'):
        np.testing.assert_array_equal(getattr(read, name), getattr(results, name))


#: Names of annotated images whose numbers are not those of their names.
IMAGES = {1: 'a.jpg', 2: 'x/b.jpg', 3: 'y/b.jpg', 4: '000005.png', 5: '000004.png'}
ENTRY = {'image_id': 1, 'category_id': 1, 'keypoints': [1.5] * 51, 'score': .5}
BAD = {
    'short': ([ENTRY, {**ENTRY, 'keypoints': [1] * 50}], "results[1] has 'keypoints'"),
    'other category': ([{**ENTRY, 'category_id': 3}], "has the category_id '3', and no entry has that of people"),
    'unknown number': ([ENTRY, {**ENTRY, 'image_id': 9}], "results[1] has the image_id '9', which is none of the"),
    'name of two': ([{**ENTRY, 'file_name': 'b.jpg'}], "has the file_name 'b.jpg', which 2 annotated images have"),
}


@pytest.mark.parametrize(('value', 'reason'), BAD.values(), ids=BAD)
def test_bad_files_are_named_with_the_reason(tmp_path: Path, value: Any, reason: str) -> None:
    path = write_file(tmp_path / 'bad.json', value)
    assert reason in refusal(lambda path: read_results(path, IMAGES), path)


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


@pytest.mark.parametrize(('values', 'expected'), [
    ({'image_id': 2}, 2), ({'image_id': 2.0}, 2), ({'image_id': '2'}, 2), ({'image_id': 'a.jpg'}, 1),
    ({'image_id': 'some/folder/a.jpg'}, 1), ({'image_id': 'a'}, 1), ({'image_id': 'x/b.jpg'}, 2),
    ({'image_id': '/data/y/b.jpg'}, 3), ({'image_id': 'y\\b.jpg'}, 3), ({'image_id': '000005.png'}, 4),
    ({'image_id': '000005'}, 4), ({'image_id': '5'}, 5), ({'image_id': '0001'}, 1),
    ({'image_id': 5, 'file_name': '000005.png'}, 4), ({'file_name': 'a.jpg'}, 1),
    ({'image_id': 3, 'file_name': 'another.jpg'}, 3),
])
def test_images_are_found_by_file_name_or_number(tmp_path: Path, values: dict[str, Any], expected: int) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != 'image_id'}
    (tmp_path / 'a.json').write_text(json.dumps([{**entry, **values}]))
    assert read_results(tmp_path / 'a.json', IMAGES).image_ids.tolist() == [expected]


@pytest.mark.parametrize(('ids', 'expected', 'warns'), [
    ([4, 5], [4, 5], True), ([1, 4], [1, 4], False), ([44, 55], [7, 8], False), ([44, 8], None, False),
])
def test_numbers_are_ids_before_they_are_file_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ids: list[int], expected: list[int] | None, warns: bool,
) -> None:
    images = {**IMAGES, 7: '0044.jpg', 8: '0055.jpg'}
    (tmp_path / 'a.json').write_text(json.dumps([{**ENTRY, 'image_id': i} for i in ids]))
    if expected is None:
        with pytest.raises(InputError, match=r"results\[0\] has the image_id '44'"):
            read_results(tmp_path / 'a.json', images)
    else:
        assert read_results(tmp_path / 'a.json', images).image_ids.tolist() == expected
    assert ('would be another image' in capsys.readouterr().err) == warns


def test_exact_poses_have_the_full_score_where_categories_count_from_0(
    dataset: COCODataset, coco_root: Path, tmp_path: Path,
) -> None:
    write_results(tmp_path / 'results.json', to_results(dataset, truth(dataset), np.ones((15, 17))))
    results, content = json.loads((tmp_path / 'results.json').read_text()), json.loads(
        (coco_root / ANNOTATIONS).read_text())
    content['categories'][0]['id'] = 0
    for entry in (*results, *content['annotations']):
        entry['category_id'] = 0
    for name, value in (('results.json', results), ('truth.json', content)):
        (tmp_path / name).write_text(json.dumps(value))
    result = evaluate(predictions=tmp_path / 'results.json', annotations=tmp_path / 'truth.json')
    assert result.total == pytest.approx(1)
    assert result.to_dict()['total'] == 1


def test_poses_are_matched_whatever_their_order(dataset: COCODataset) -> None:
    points = truth(dataset)
    rng = np.random.default_rng(0)
    results = to_results(dataset, points + rng.normal(0, .5, points.shape), np.ones((15, 17)))
    shuffled = results.take(rng.permutation(15))
    np.testing.assert_array_equal(match_people(shuffled, dataset), results.points)


def test_people_without_a_pose_are_nan(dataset: COCODataset) -> None:
    points = truth(dataset)
    points[5] += 10_000
    missing_image = dataset.records.image_ids[0]
    results = to_results(dataset, points, np.ones((15, 17)))
    found = match_people(results.take(results.image_ids != missing_image), dataset)
    is_missing = (dataset.records.image_ids == missing_image) | (np.arange(15) == 5)
    assert np.isnan(found[is_missing]).all()
    np.testing.assert_array_equal(found[~is_missing], points[~is_missing])
    assert np.isnan(match_people(results.take(np.zeros(0, int)), dataset)).all()
