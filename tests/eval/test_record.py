from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eval.record import read_records, to_common_joints
from hourglass.errors import InputError
from hourglass.joint_names import infer
from hourglass.joints import COCO, LSP, MPII, JointSet
from tests.eval.truth import oks_result, pck_result, saved
from tests.refusal import refusal

import numpy as np
import pytest


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = pck_result(errors=np.array([[.1] * 16, [np.nan] * 8 + [.3] * 8]))
    record, = read_records([saved(result, tmp_path / 'x.json')])
    joints = record.joints
    assert (record.label, record.data, record.people_key, record.oks) == ('a', 'LSP test', 'k', None)
    assert (joints.measure, joints.joints) == ('PCK@0.2 by the torso', MPII.joints)
    np.testing.assert_array_equal(joints.people, [[1] * 16, [-1] * 8 + [0] * 8])
    assert {name: rates[-1] for name, rates in joints.curves().items()} == {
        **result.score.group_rates(MPII), 'Total': result.total}


def test_a_score_of_coco_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = oks_result('net', .25)
    result.oks.stats['APm'] = float('nan')
    result.oks.precision[3] = np.nan
    record, = read_records([saved(result, tmp_path / 'x.json')])
    for name in ('precision', 'recall', 'thresholds'):
        np.testing.assert_allclose(getattr(record.oks, name), getattr(result.oks, name))
    np.testing.assert_equal(record.oks.stats, result.oks.stats)
    assert (record.oks.n_poses, record.oks.n_people) == (3, 3)
    np.testing.assert_allclose(record.person_oks, result.pck.oks, atol=1e-4)


def test_labels_are_weights_and_files_where_weights_repeat(tmp_path: Path) -> None:
    paths = [saved(pck_result(weights), tmp_path / name) for weights, name in (
        ('net', 'a/run.json'), ('net', 'b/run.json'), ('other', 'c.json'))]
    assert [record.label for record in read_records(paths)] == ['net (a/run)', 'net (b/run)', 'other']
    assert [record.label for record in read_records(paths[:1], pck_result('net').record())] == ['net', 'net (run)']


@pytest.mark.parametrize(('other', 'reason'), [
    (pck_result(metric='PCKh'), 'holds PCKh@0.2 by the torso, which cannot be compared with PCK@0.2 by the torso'),
    (pck_result(threshold=.1), 'holds PCK@0.1 by the torso'),
    (pck_result(reference='box'), 'holds PCK@0.2 by the box'),
    (oks_result('a', .5, False), 'holds OKS, which cannot be compared with PCK'),
])
def test_results_of_another_measure_are_refused(tmp_path: Path, other: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_records([saved(pck_result(), tmp_path / 'a.json'), saved(other, tmp_path / 'b.json')])


def test_the_common_joints_are_compared() -> None:
    one, other = pck_result(), pck_result('b', LSP)
    (first, second), left_out = to_common_joints([one.record(), other.record()])
    assert left_out == ['pelvis', 'thorax']
    assert first.joints.joints == second.joints.joints == tuple(
        joint for joint in MPII.joints if joint not in left_out)
    assert second.joints.curves()['Total'][-1] == other.total
    np.testing.assert_array_equal(second.joints.people[:, second.joints.joints.index('left wrist')],
                                  other.errors[:, LSP.index('left wrist')] <= .2)
    # COCO's head is other joints, so that group is not compared with MPII's.
    (first, second), left_out = to_common_joints([one.record(), pck_result('c', COCO).record()])
    assert list(first.joints.groups) == ['Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle']
    assert {'head top', 'nose', 'pelvis'} <= set(left_out)
    own = pck_result('e', infer('own', ['tail', 'l_wrist']), errors=np.zeros((9, 2))).record()
    assert to_common_joints([own, one.record()])[0][0].joints.joints == ('left wrist',)  # type: ignore[union-attr]
    with pytest.raises(InputError, match='no joint in common'):
        to_common_joints([one.record(), pck_result('d', JointSet('x', ('tail',), (), {'Tail': ('tail',)}),
                                             errors=np.zeros((9, 1)), people_key='').record()])


@pytest.mark.parametrize('value', [
    '[]',
    json.dumps({**pck_result().to_dict(), 'per_person': {}}),
    json.dumps({**pck_result().to_dict(), 'people': 1}),
    json.dumps({**pck_result().to_dict(), 'same_as': [['left wrist', {}]]}),
    json.dumps(pck_result().to_dict()).replace('"thresholds": [0.0, ', '"thresholds": ['),
    json.dumps(oks_result('a', .5).to_dict()).replace('"recall": [0.0, ', '"recall": ['),
    json.dumps({**oks_result('a', .5).to_dict(), 'oks': {'stats': {}}}),
])
def test_what_is_no_result_is_named(tmp_path: Path, value: str) -> None:
    path = tmp_path / 'bad.json'
    path.write_text(value)
    assert 'not a result' in refusal(lambda path: read_records([path]), path)
