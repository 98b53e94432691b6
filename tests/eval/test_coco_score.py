from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.coco import COCODataset, read_annotations
from eval.coco_results import PoseResults, read_results, to_results, write_results
from eval.coco_score import STATS, COCOScore, score_results, stats_table
from tests.eval.truth import ANNOTATIONS, by_pycocotools, truth

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval


def jittered(dataset: COCODataset, spread: float) -> PoseResults:
    """Make two poses for each person, with scores that are not in order."""
    rng = np.random.default_rng(0)
    points = truth(dataset)
    parts = [to_results(dataset, points + rng.normal(0, factor * spread, points.shape),
                        rng.uniform(.1, 1, points.shape[:2])) for factor in (1, 3)]
    return PoseResults(*(np.concatenate([getattr(part, name) for part in parts])
                         for name in ('image_ids', 'points', 'joint_scores', 'scores')))


def assert_same(score: COCOScore, evaluation: COCOeval) -> None:
    stats = np.array([score.stats[name] for name in STATS])
    np.testing.assert_allclose(np.where(np.isnan(stats), -1, stats), evaluation.stats, rtol=1e-12)
    precision = evaluation.eval['precision'][:, :, 0, 0, 0]
    np.testing.assert_allclose(np.where(np.isnan(score.precision), -1, score.precision), precision, rtol=1e-12)


def test_the_annotations_themselves_are_perfect(
    dataset: COCODataset, coco_root: Path, capfd: pytest.CaptureFixture[str],
) -> None:
    score = score_results(to_results(dataset, truth(dataset), np.ones((15, 17))),
                          read_annotations(coco_root / ANNOTATIONS))
    assert all(value == pytest.approx(1) for value in score.stats.values())
    assert tuple(score.stats) == STATS
    assert (score.n_people, score.n_poses) == (15, 15)
    assert capfd.readouterr() == ('', '')
    names, values = stats_table(score.stats).splitlines()
    assert (names.split(), values.split()) == (list(STATS), ['100.0'] * 10)
    value = json.loads(json.dumps(score.to_dict(), allow_nan=False))
    assert value['people'] == 15
    assert next(iter(value['curve']['precision'])) == '0.50'
    assert len(value['curve']['recall']) == len(value['curve']['precision']['0.95']) == 101


def test_scores_are_those_of_pycocotools(dataset: COCODataset, coco_root: Path, tmp_path: Path) -> None:
    annotations, path = coco_root / ANNOTATIONS, tmp_path / 'results.json'
    write_results(path, jittered(dataset, 8))
    people = read_annotations(annotations)
    score = score_results(read_results(path, people.images), people)
    assert 0 < score.stats['AP'] < 1
    assert_same(score, by_pycocotools(json.loads(path.read_text()), annotations, 'keypoints'))


def test_no_poses_score_zero(dataset: COCODataset, coco_root: Path) -> None:
    nothing = jittered(dataset, 1).take(np.zeros(0, int))
    score = score_results(nothing, read_annotations(coco_root / ANNOTATIONS))
    assert (score.stats['AP'], score.stats['AR']) == (0, 0)


def test_where_no_person_is_annotated_there_is_no_score(dataset: COCODataset, coco_root: Path) -> None:
    people = read_annotations(coco_root / ANNOTATIONS)
    results = jittered(dataset, 3)
    score = score_results(results, replace(people, is_crowd=np.ones(len(people), bool)))
    assert np.isnan(list(score.stats.values())).all()
    assert json.loads(json.dumps(score.to_dict(), allow_nan=False))['stats']['AP'] is None
    assert stats_table(score.stats).split()[-10:] == ['-'] * 10


def test_real_annotations(shared: Callable[[str], Path], tmp_path: Path) -> None:
    annotations = shared('coco') / 'test_coco.json'
    dataset = COCODataset(annotations=annotations)
    people = read_annotations(annotations)
    assert score_results(to_results(dataset, truth(dataset), np.ones((12, 17))), people).stats['AP'] == pytest.approx(1)
    path = tmp_path / 'results.json'
    write_results(path, jittered(dataset, 5))
    score = score_results(read_results(path, people.images), people)
    assert .1 < score.stats['AP'] < .9
    assert_same(score, by_pycocotools(json.loads(path.read_text()), annotations, 'keypoints'))
