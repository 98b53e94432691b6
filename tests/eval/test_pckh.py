from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data.mpii import read_hdf5
from eval import evaluate
from eval.pck import PCKResult
from eval.pckh import pckh
from eval.predictions import read_predictions
from hourglass.joints import MPII

import numpy as np
import pytest


@pytest.fixture
def example() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of 40 people, off by up to a head size, some joints not annotated."""
    rng = np.random.default_rng(0)
    true_points, head_sizes = rng.uniform(0, 500, (40, 16, 2)), rng.uniform(20, 80, 40)
    angle, error = rng.uniform(0, 2 * np.pi, (40, 16)), rng.uniform(0, 1, (40, 16)) * head_sizes[:, None]
    points = true_points + np.stack([np.sin(angle), np.cos(angle)], -1) * error[..., None]
    return points, true_points, rng.random((40, 16)) < .8, head_sizes


def test_pckh_is_the_share_within_half_a_head(example: tuple[np.ndarray, ...]) -> None:
    points, true_points, labelled, head_sizes = example
    score = pckh(*example)
    for joint in range(16):
        correct = sum(np.hypot(*(points[i, joint] - true_points[i, joint])) <= head_sizes[i] / 2
                      for i in range(40) if labelled[i, joint])
        assert score.correct[joint] == correct
    assert score.count.tolist() == labelled.sum(axis=0).tolist()
    assert score.group_rates(MPII)['Knee'] == score.correct[[1, 4]].sum() / score.count[[1, 4]].sum()


def test_other_joint_sets_are_refused() -> None:
    with pytest.raises(ValueError, match=r'\(N, 16, 2\), not \(3, 14, 2\)'):
        pckh(np.zeros((3, 14, 2)), np.zeros((3, 14, 2)), np.ones((3, 14), bool), np.ones(3))


def test_counts_of_the_reference(shared: Callable[[str], Path]) -> None:
    annotations, predictions = shared('mpii/annot/valid.h5'), shared('mpii/preds/valid-example.h5')
    people = read_hdf5(annotations)
    reference = json.loads(shared('reference/pckh.json').read_text())
    result = evaluate(predictions=predictions, annotations=annotations)
    assert isinstance(result, PCKResult)
    for score in (pckh(read_predictions(predictions), people.points, people.labelled, people.head_size), result.score):
        assert score.correct.tolist() == reference['correct']
        assert score.count.tolist() == reference['count']
        rates = {name.lower(): rate for name, rate in score.group_rates(MPII).items()}
        assert rates == pytest.approx(reference['scores'], abs=1e-15)
