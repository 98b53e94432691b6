from __future__ import annotations

import csv
import json
from pathlib import Path

from eval.plot import plot_curves
from eval.result import Result, read_curve
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import LSP, MPII

import numpy as np
import pytest


@pytest.fixture
def result() -> Result:
    errors = np.random.default_rng(0).uniform(0, 1, (50, 16))
    errors[:, 3] = np.nan
    errors[0, 0] = np.inf
    return Result('some people', 'PCKh', 0.5, MPII, errors)


def test_the_text_has_the_usual_columns(result: Result) -> None:
    title, names, values, mean = result.text().splitlines()
    assert title == 'PCKh@0.5, some people'
    assert names.split() == ['Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle', 'Total']
    expected = 100 * np.mean(result.errors[:, [8, 9]] <= 0.5)
    assert float(values.split()[0]) == pytest.approx(expected, abs=0.06)
    assert mean.startswith('mean over 13 joints'), 'the joint that nobody has annotated does not count'


def test_json_holds_scores_and_the_curve(result: Result, tmp_path: Path) -> None:
    result.save_json(tmp_path / 'a.json')
    value = json.loads((tmp_path / 'a.json').read_text())
    assert value['people'] == 50
    assert value['joints']['left hip'] == {'rate': None, 'correct': 0, 'count': 0}
    metric, curve = read_curve(tmp_path / 'a.json')
    assert metric == 'PCKh'
    np.testing.assert_allclose(curve.thresholds, np.linspace(0, 0.5, 11))
    assert curve.rates['Total'][-1] == pytest.approx(value['total'])
    assert (np.diff(curve.rates['Total']) >= 0).all()
    _, by_joint = read_curve(tmp_path / 'a.json', 'joint_curve')
    assert tuple(by_joint.rates) == MPII.joints
    assert by_joint.rates['left knee'][-1] == pytest.approx(value['joints']['left knee']['rate'])
    assert np.isnan(by_joint.rates['left hip']).all()


def test_csv_has_a_row_for_each_joint_and_group(result: Result, tmp_path: Path) -> None:
    result.save_csv(tmp_path / 'a.csv')
    with open(tmp_path / 'a.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16 + 7 + 1
    by_name = {row['name']: row for row in rows}
    assert by_name['left hip']['rate'] == ''
    assert by_name['Total']['annotated'] == str(50 * 13)
    knee = by_name['Knee']
    assert float(knee['rate']) == pytest.approx(int(knee['correct']) / int(knee['annotated']), abs=1e-6)


@pytest.mark.parametrize('content', [
    '', '{', '[]', '{"curve": 1}', '{"metric": "a", "curve": {"thresholds": [0, 1], "rates": {"Head": [1]}}}',
    '{"metric": "a", "curve": {"thresholds": [0, 1], "rates": {"Head": ["x", null]}}}', '[' * 10_000,
    '{"metric": "a", "curve": {"thresholds": [0], "rates": {}}}',
])
def test_another_file_is_no_result(tmp_path: Path, content: str) -> None:
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(InputError, match=r'a\.json: not a result'):
        read_curve(tmp_path / 'a.json')


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a\.json: no such file'):
        read_curve(tmp_path / 'a.json')


def test_curves_of_several_results_are_drawn_into_one_picture(result: Result, tmp_path: Path) -> None:
    other = Result('more', 'PCKh', 0.5, LSP, result.errors[:, :14] / 2)
    plot_curves({'a': result.curve}, 'PCKh', tmp_path / 'one.png')
    plot_curves({'a': result.curve, 'b': other.curve}, 'PCKh', tmp_path / 'both.png')
    one, both = read_image(tmp_path / 'one.png'), read_image(tmp_path / 'both.png')
    assert one.shape == both.shape
    assert (both != 255).sum() > (one != 255).sum()


def test_a_plot_of_an_unknown_format_is_refused(result: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a\.xyz'):
        plot_curves({'a': result.curve}, 'PCKh', tmp_path / 'a.xyz')
    assert not list(tmp_path.iterdir())
