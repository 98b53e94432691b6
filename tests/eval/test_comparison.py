from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval import compare, evaluate
from eval.coco_score import STATS
from hourglass.errors import InputError
from hourglass.joints import LSP, MPII
from tests.eval.truth import oks_result, pck_result

import numpy as np
import pytest

Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a result of LSP's joints with given rates of correct joints, and return its path."""
    def write(name: str, rate: float, seed: int = 0, **changes: Any) -> str:
        errors = np.where(np.random.default_rng(seed).random((400, 14)) < rate, .1, .3)
        pck_result(name, **{'joint_set': LSP, 'errors': errors, **changes}).save_json(tmp_path / f'{name}.json')
        return str(tmp_path / f'{name}.json')

    return write


def test_differences_and_their_intervals(save: Save) -> None:
    comparison = compare([save('a', .6), save('b', .8, seed=1)])
    rows = {row.name: row for row in comparison.rows(1)}
    assert list(rows) == [*LSP.groups, 'Total']
    # Joints are independent here, so the intervals are those of two binomial distributions.
    for name, n_joints in (('Elbow', 2), ('Total', 14)):
        row = rows[name]
        expected = 1.96 * np.sqrt((.6 * .4 + .8 * .2) / (400 * n_joints))
        np.testing.assert_allclose(np.subtract(row.interval, row.other - row.first), [-expected, expected], rtol=.1)
    assert [row.interval for row in compare([save('a', .6), save('b', .8, seed=1)]).rows(1)] == [
        row.interval for row in comparison.rows(1)], 'the same each time'


def test_the_same_people_are_drawn_together(save: Save) -> None:
    # The same joints are correct, and some more.
    paired = compare([save('a', .6), save('b', .65)])
    other = compare([save('a', .6), save('b', .65, people_key='other')])
    one, two = paired.rows(1)[-1], other.rows(1)[-1]
    assert (one.first, one.other) == (two.first, two.other)
    assert one.interval[1] - one.interval[0] < .7 * (two.interval[1] - two.interval[0])
    assert 'not known to be of the same people' not in paired.text()
    assert 'not known to be of the same people' in other.text()
    same = compare([save('a', .6), save('b', .6)]).rows(1)
    assert {row.interval for row in same} == {(0.0, 0.0)}


def test_joints_that_are_left_out_are_named(save: Save) -> None:
    errors = np.full((400, 16), .1)
    errors[:, MPII.index('left knee')] = np.nan
    comparison = compare([save('a', .6), save('b', .6, joint_set=MPII, errors=errors)])
    assert '14 joints in common; left out: pelvis, thorax' in comparison.text()
    knee = next(row for row in comparison.rows(1) if row.name == 'Knee')
    assert knee.other == 1
    nothing = np.full((400, 14), np.nan)
    rows = compare([save('a', .6), save('b', .6, errors=nothing)]).rows(1)
    assert all(np.isnan(row.other) and row.interval is None for row in rows)


def test_mean_oks_is_compared(save: Save) -> None:
    spread = np.random.default_rng(0).uniform(0, .9, 400)
    spread[3] = np.nan
    row = compare([save('a', .6, oks=spread), save('b', .6, oks=spread + .1)]).rows(1)[-1]
    assert (row.name, round(row.other - row.first, 6)) == ('mean OKS', .1)
    np.testing.assert_allclose(row.interval, .1, atol=1e-4)


def test_scores_of_coco_are_compared_without_intervals(tmp_path: Path) -> None:
    oks_result('a', .4).save_json(tmp_path / 'a.json')
    oks_result('b', .5, with_joints=False).save_json(tmp_path / 'b.json')
    comparison = compare([tmp_path / 'a.json', tmp_path / 'b.json'])
    assert [row.name for row in comparison.rows(1)] == list(STATS)
    title, *_, line = comparison.text().partition('\nAP50')[0].splitlines()
    assert title == 'comparison of OKS'
    assert line.split() == ['AP', '40.0', '50.0', '+10.0']


def test_one_result_is_not_enough(save: Save) -> None:
    with pytest.raises(InputError, match='needs two results'):
        compare([save('a', .6)])


def test_another_measure_is_refused_before_the_work(save: Save) -> None:
    with pytest.raises(InputError, match=r'a\.json: holds PCK@0.2 by the torso, which cannot be compared with PCKh'):
        evaluate(dataset='mpii', root='nowhere', compare=[save('a', .6)])


def test_the_command_line_compares_files_alone(save: Save, tmp_path: Path, command: Callable[..., Any]) -> None:
    text = command('eval.py', '--compare', save('a', .6), save('b', .8), save('c', .7), '--json', 'out.json',
                   '--plot', 'c.png').stdout
    assert text.startswith('comparison of PCK@0.2 by the torso\n  1  a  LSP test, 400 people\n')
    assert max(map(len, text.splitlines())) <= 80
    value = json.loads((tmp_path / 'out.json').read_text())
    assert [result['label'] for result in value['results']] == ['a', 'b', 'c']
    total = value['differences'][1]['Total']
    assert total['interval'][0] < total['difference'] < total['interval'][1]
    assert (tmp_path / 'c.png').stat().st_size > 5000
    result = command('eval.py', '--compare', save('a', .6), save('b', .8), '--json', '-')
    assert result.stderr.startswith('comparison')
    assert json.loads(result.stdout)['left_out'] == []
