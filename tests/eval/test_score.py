from __future__ import annotations

from eval.score import Score, relative_errors, reported_joints, score_at
from hourglass.joint_names import infer
from hourglass.joints import LSP, MPII

import numpy as np
import pytest


def _people(offsets: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and annotations, each joint off by the distance given, along (3, 4) / 5."""
    true_points = np.random.default_rng(0).uniform(0, 300, (len(offsets), len(offsets[0]), 2))
    return true_points + np.array(offsets)[..., None] * [.6, .8], true_points


def test_errors_are_in_lengths_of_each_person_and_only_labelled_joints_count() -> None:
    points, true_points = _people([[5., 8., 1.], [5., 8., 1.]])
    true_points[0, 0] = np.nan
    labelled = np.array([[False, True, True], [True, True, False]])
    errors = relative_errors(points, true_points, labelled, np.array([10., 20.]))
    np.testing.assert_allclose(errors, [[np.nan, .8, .1], [.25, .4, np.nan]])


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_prediction_that_is_no_number_is_wrong(value: float) -> None:
    points, true_points = _people([[0., 0.]])
    points[0, 0, 1] = value
    assert relative_errors(points, true_points, np.ones((1, 2), bool), np.ones(1)).tolist() == [[np.inf, 0]]


def test_people_without_a_length_are_left_out() -> None:
    points, true_points = _people([[0., 9.]] * 4)
    errors = relative_errors(points, true_points, np.ones((4, 2), bool), np.array([np.nan, 0., -5., 10.]))
    assert np.isnan(errors[:3]).all()
    np.testing.assert_allclose(errors[3], [0, .9])


def test_a_joint_at_the_threshold_is_correct() -> None:
    score = score_at(np.array([[.5, .501, 0, np.nan, np.inf]] * 2), .5)
    assert (score.correct.tolist(), score.count.tolist()) == ([2, 0, 2, 0, 0], [2, 2, 2, 0, 2])


def test_rates_totals_and_means() -> None:
    score = Score(np.array([1, 3, 0]), np.array([4, 4, 0]))
    np.testing.assert_array_equal(score.rates(), [.25, .75, np.nan])
    assert score.total([0, 1, 2]) == .5
    assert score.total([0]) == .25
    assert np.isnan(score.total([2]))
    assert score.mean([0, 1, 2]) == .5
    assert np.isnan(score.mean([2]))
    uneven = Score(np.array([1, 0]), np.array([1, 9]))
    assert (uneven.total([0, 1]), uneven.mean([0, 1])) == (.1, .5)


def test_pelvis_and_thorax_are_not_in_the_total() -> None:
    assert reported_joints(MPII) == [i for i in range(16) if i not in (6, 7)]
    assert reported_joints(LSP) == list(range(14))
    correct = np.zeros(16, int)
    correct[[6, 7]] = 10
    score = Score(correct, np.full(16, 10))
    assert score.total(range(16)) == .125
    assert score.to_dict(MPII)['total'] == 0


def test_a_table_with_many_groups_continues_below() -> None:
    own = infer('x', [f'joint {i}' for i in range(30)])
    errors = np.zeros((2, 30))
    errors[0, 29] = 1
    lines = score_at(errors, 0.5).table(own).splitlines()
    assert len(lines) == 6
    assert max(map(len, lines)) <= 120
    assert ' '.join(lines[::2]).split()[::2] == ['Joint'] * 30 + ['Total']
    assert ' '.join(lines[1::2]).split()[-2:] == ['50.0', '98.3']


def test_shapes_must_fit() -> None:
    points = np.ones((3, 16, 2))
    labelled = np.ones((3, 16), bool)
    for arguments in ((points, points, labelled, np.ones(1)), (points, points[:1], labelled, np.ones(3))):
        with pytest.raises(ValueError, match='do not fit together'):
            relative_errors(*arguments)
