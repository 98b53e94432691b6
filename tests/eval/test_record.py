from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.coco import OKSResult
from eval.coco_score import STATS, COCOScore
from eval.pck import PCKResult
from eval.record import read_records, to_common_joints
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import COCO, LSP, MPII, JointSet

import numpy as np
import pytest


def _pck(weights: str = 'a', joint_set: JointSet = MPII, seed: int = 0, **changes: Any) -> PCKResult:
    errors = np.random.default_rng(seed).uniform(0, .6, (40, len(joint_set)))
    errors[:5, 2:4] = np.nan
    return PCKResult(**{'data': 'LSP test', 'metric': 'PCK', 'threshold': .2, 'joint_set': joint_set,
                        'errors': errors, 'weights': weights, 'reference': 'torso', 'people_key': 'k', **changes})


def _score(level: float) -> COCOScore:
    return COCOScore(dict.fromkeys(STATS, level), np.linspace(.5, .95, 10), np.linspace(0, 1, 101),
                     np.full((10, 101), level), 3, 3)


def _oks(weights: str, level: float, with_joints: bool = True) -> OKSResult:
    spread = np.random.default_rng(1).uniform(0, 1, 40) ** (1 - level)
    return OKSResult('COCO val2017', weights, _score(level),
                     _pck(weights, COCO, oks=spread, data='COCO val2017') if with_joints else None)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Write a result and return its path."""
    def write(result: Any, name: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        result.save_json(path)
        return str(path)

    return write


def test_a_result_is_read_as_it_was_written(save: Callable[..., str]) -> None:
    result = _pck(errors=np.array([[.1] * 16, [np.nan] * 8 + [.3] * 8]))
    record, = read_records([save(result, 'x.json')])
    joints = record.joints
    assert joints is not None
    assert (record.label, record.data, record.people_key, record.oks) == ('a', 'LSP test', 'k', None)
    assert (joints.measure, joints.joints) == ('PCK@0.2 by the torso', MPII.joints)
    np.testing.assert_array_equal(joints.people, [[1] * 16, [-1] * 8 + [0] * 8])
    assert {name: rates[-1] for name, rates in joints.curves().items()} == {
        **result.score.group_rates(MPII), 'Total': result.total}


def test_a_score_of_coco_is_read_as_it_was_written(save: Callable[..., str]) -> None:
    result = _oks('net', .25)
    assert result.oks is not None
    result.oks.stats['APm'] = float('nan')
    result.oks.precision[3] = np.nan
    record, = read_records([save(result, 'x.json')])
    assert record.oks is not None
    for name in ('precision', 'recall', 'thresholds'):
        np.testing.assert_allclose(getattr(record.oks, name), getattr(result.oks, name))
    np.testing.assert_equal(record.oks.stats, result.oks.stats)
    assert (record.oks.n_poses, record.oks.n_people) == (3, 3)
    assert record.person_oks is not None
    np.testing.assert_allclose(record.person_oks, result.pck.oks, atol=1e-4)  # type: ignore[union-attr, arg-type]


def test_labels_are_weights_and_files_where_weights_repeat(save: Callable[..., str]) -> None:
    paths = [save(_pck('net'), 'a/run.json'), save(_pck('net'), 'b/run.json'), save(_pck('other'), 'c.json')]
    assert [record.label for record in read_records(paths)] == ['net (a/run)', 'net (b/run)', 'other']
    assert [record.label for record in read_records(paths[:1], _pck('net').record())] == ['net', 'net (run)']


@pytest.mark.parametrize(('other', 'reason'), [
    (_pck(metric='PCKh'), 'holds PCKh@0.2 by the torso, which cannot be compared with PCK@0.2 by the torso'),
    (_pck(threshold=.1), 'holds PCK@0.1 by the torso'),
    (_pck(reference='box'), 'holds PCK@0.2 by the box'),
    (_oks('a', .5, False), 'holds OKS, which cannot be compared with PCK'),
])
def test_results_of_another_measure_are_refused(save: Callable[..., str], other: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_records([save(_pck(), 'a.json'), save(other, 'b.json')])


def test_the_common_joints_are_compared() -> None:
    one, other = _pck(), _pck('b', LSP)
    (first, second), left_out = to_common_joints([one.record(), other.record()])
    assert left_out == ['pelvis', 'thorax']
    assert first.joints is not None
    assert second.joints is not None
    assert first.joints.joints == second.joints.joints == tuple(
        joint for joint in MPII.joints if joint not in left_out)
    assert second.joints.curves()['Total'][-1] == other.total
    np.testing.assert_array_equal(second.joints.people[:, second.joints.joints.index('left wrist')],  # type: ignore
                                  other.errors[:, LSP.index('left wrist')] <= .2)
    # COCO's head is other joints, so that group is not compared with MPII's.
    (first, second), left_out = to_common_joints([one.record(), _pck('c', COCO).record()])
    assert first.joints is not None
    assert list(first.joints.groups) == ['Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle']
    assert {'head top', 'nose', 'pelvis'} <= set(left_out)
    with pytest.raises(InputError, match='no joint in common'):
        to_common_joints([one.record(), _pck('d', JointSet('x', ('tail',), (), {'Tail': ('tail',)}),
                                             errors=np.zeros((9, 1)), people_key='').record()])


def _changed(result: Any, *keys: str, **changes: Any) -> dict[str, Any]:
    """Describe a result and change what lies below some keys."""
    value = part = result.to_dict()
    for key in keys:
        part = part[key]
    part.update(changes)
    return value


@pytest.mark.parametrize(('value', 'reason'), [
    (json.dumps(_pck().to_dict())[:-200], 'damaged, or not JSON'),
    ('[]', 'not a result'),
    (json.dumps(_changed(_pck(), 'joint_curve', thresholds=[0, 1])), 'not a result'),
    (json.dumps(_changed(_oks('a', .5), 'oks', stats={})), 'not a result'),
])
def test_what_is_no_result_is_named(tmp_path: Path, value: str, reason: str) -> None:
    path = tmp_path / 'bad.json'
    path.write_text(value)
    with pytest.raises(InputError, match=reason) as caught:
        read_records([path])
    assert str(caught.value).startswith(f'{path}: ')


# Plots.

def test_rates_of_several_results_are_drawn(save: Callable[..., str], tmp_path: Path) -> None:
    _pck().plot(tmp_path / 'one.png')
    _pck().compare([save(_pck('b', LSP, 1), 'b.json')]).plot(tmp_path / 'two.png')
    one, two = read_image(tmp_path / 'one.png'), read_image(tmp_path / 'two.png')
    assert one.shape == two.shape
    assert (one != two).any()


def test_results_of_coco_give_three_pictures(save: Callable[..., str], tmp_path: Path) -> None:
    _oks('now', .8).compare([save(_oks('b', .4), 'b.json'), save(_oks('c', .6, False), 'c.json')]).plot(
        tmp_path / 'a.png')
    assert {path.name for path in tmp_path.glob('*.png')} == {'a.png', 'a-oks.png', 'a-pck.png'}
    for path in tmp_path.glob('*.png'):
        assert read_image(path).std() > 10


def test_a_result_without_people_is_drawn_empty(tmp_path: Path) -> None:
    OKSResult('x', 'y', _score(float('nan')), _pck('y', COCO, errors=np.full((2, 17), np.nan),
                                                   oks=np.full(2, np.nan))).plot(tmp_path / 'plot.svg')
    assert all(b'</svg>' in path.read_bytes() for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize('result', [_pck(), _oks('a', .5)])
def test_an_unknown_format_is_an_error(tmp_path: Path, result: Any) -> None:
    with pytest.raises(InputError, match=r'plot\.xyz: '):
        result.plot(tmp_path / 'plot.xyz')
    assert not list(tmp_path.iterdir())
