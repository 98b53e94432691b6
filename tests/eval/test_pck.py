from __future__ import annotations

import csv
import json
from pathlib import Path

from eval.pck import PCKResult, default_protocol
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import LSP, MPII

import numpy as np
import pytest


@pytest.fixture
def result() -> PCKResult:
    errors = np.random.default_rng(0).uniform(0, 1, (50, 16))
    errors[:, 3] = np.nan
    errors[0, 0] = np.inf
    return PCKResult('some set', 'PCKh', 0.5, MPII, errors, 'published, flip', 'head size')


def test_the_text_has_the_usual_columns(result: PCKResult) -> None:
    title, names, values, mean = result.text().splitlines()
    assert title == 'PCKh@0.5, some set, 50 people, errors by the head size: published, flip'
    assert names.split() == ['Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle', 'Total']
    expected = 100 * np.mean(result.errors[:, [8, 9]] <= 0.5)
    assert float(values.split()[0]) == pytest.approx(expected, abs=0.06)
    assert mean.startswith('mean over 13 joints'), 'the joint without annotations does not count'
    assert str(result) == repr(result) == result.text()
    assert f'{100 * result.total:.1f}' == result.table().split()[-1]


def test_json_holds_scores_curves_and_people(result: PCKResult, tmp_path: Path) -> None:
    result.save_json(tmp_path / 'a.json')
    value = json.loads((tmp_path / 'a.json').read_text())
    assert value['people'] == 50
    assert value['joints']['left hip'] == {'rate': None, 'correct': 0, 'count': 0}
    assert value['groups']['Knee'] == result.score.group_rates(MPII)['Knee']
    curve, by_joint = value['curve'], value['joint_curve']
    np.testing.assert_allclose(curve['thresholds'], np.linspace(0, 0.5, 11))
    assert curve['rates']['Total'][-1] == value['total'] == result.total
    assert curve['rates']['Knee'][-1] == value['groups']['Knee']
    assert (np.diff(curve['rates']['Total']) >= 0).all()
    assert tuple(by_joint['rates']) == MPII.joints
    assert by_joint['rates']['left knee'][-1] == value['joints']['left knee']['rate']
    assert by_joint['rates']['left hip'] == [None] * 11
    marks = np.array([list(row) for row in value['per_person']['correct']])
    np.testing.assert_array_equal(marks == '1', result.errors <= 0.5)
    np.testing.assert_array_equal(marks == '-', np.isnan(result.errors))


def test_csv_has_a_row_for_each_joint_and_group(result: PCKResult, tmp_path: Path) -> None:
    result.save_csv(tmp_path / 'a.csv')
    with open(tmp_path / 'a.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16 + 7 + 1
    by_name = {row['name']: row for row in rows}
    assert by_name['left hip']['rate'] == ''
    assert by_name['Total']['annotated'] == str(50 * 13)
    knee = by_name['Knee']
    assert float(knee['rate']) == pytest.approx(int(knee['correct']) / int(knee['annotated']), abs=1e-6)


def test_a_result_with_scores_is_reliable_or_not(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).uniform(0, 1, (100, 14))
    errors = np.where(scores > .5, .1, np.inf)
    errors[0] = np.nan
    result = PCKResult('people', 'PCK', .2, LSP, errors, scores=scores)
    found = result.reliability
    assert found.counts.sum() == 99 * 14
    assert result.to_dict()['reliability']['expected_calibration_error'] == found.error
    result.plot_reliability(tmp_path / 'a.png')
    assert read_image(tmp_path / 'a.png').std() > 0
    with pytest.raises(InputError, match='no joint is annotated'):
        PCKResult('people', 'PCK', .2, LSP, errors).plot_reliability(tmp_path / 'b.png')
    with pytest.raises(InputError, match=r'a\.xyz'):
        result.plot_reliability(tmp_path / 'a.xyz')
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize(('model', 'protocol'), [
    (None, 'one-per-image'), ('some/file.npz', 'one-per-image'), ('umich', 'all'),
])
def test_named_weights_are_scored_as_they_were_published(model: str | None, protocol: str) -> None:
    assert default_protocol(model) == protocol
