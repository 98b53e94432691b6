from __future__ import annotations

from pathlib import Path

from data.coco import COCODataset
from eval.coco_people import match_people
from eval.coco_results import to_results
from eval.predict import person_oks
from hourglass.errors import InputError
from hourglass.joints import MPII
from tests.eval.truth import truth

import numpy as np
import pytest


@pytest.fixture
def dataset(coco_root: Path) -> COCODataset:
    return COCODataset(coco_root, 'val2017', reference='box')


def test_oks_of_each_person(dataset: COCODataset) -> None:
    points = truth(dataset)
    np.testing.assert_allclose(person_oks(points, dataset, dataset.records.areas), 1)
    points[3] += 1000
    points[4] = np.nan
    found = person_oks(points, dataset, dataset.records.areas)
    assert found[[3, 4]].tolist() == [0, 0]
    np.testing.assert_allclose(np.delete(found, [3, 4]), 1)


def test_oks_of_joints_of_another_set(coco_root: Path) -> None:
    dataset = COCODataset(coco_root, 'val2017', joint_set=MPII)
    points = truth(dataset)
    # COCO has no thorax, so it does not count.
    points[:, MPII.index('thorax')] += 100
    found = person_oks(points, dataset, dataset.records.areas)
    np.testing.assert_allclose(found[~np.isnan(found)], 1)
    assert np.isfinite(found).sum() >= 10


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


def test_matching_needs_the_joints_of_coco(coco_root: Path, dataset: COCODataset) -> None:
    results = to_results(dataset, truth(dataset), np.ones((15, 17)))
    with pytest.raises(InputError, match='the data set has those of mpii'):
        match_people(results, COCODataset(coco_root, 'val2017', joint_set=MPII))
