from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.draw import limb_colours
from hourglass.errors import InputError
from hourglass.joint_names import infer, standard_name
from hourglass.joint_table import MAX_CHARACTERS, format_table, from_table, read_joint_set, to_table
from hourglass.joints import COCO, JOINT_SETS, MPII, JointSet, convert_points
from hourglass.oks import sigmas_for
from hourglass.spec import ModelSpec

import numpy as np
import pytest

BASE = {'joints': ['nose', 'left eye', 'right eye']}
FULL = {
    'name': 'cat', 'joints': ['nose', 'left_ear', 'right ear', 'tail 1', 'tail 2'], 'pairs': [['left ear', 2]],
    'limbs': [['nose', 'left ear'], [0, 'right ear', 'whisker'], ['tail 1', 'tail 2', 'tail']],
    'groups': {'Tail': ['tail 1', 4], 'Front': ['nose', 'left ear', 'right ear']}, 'colours': {'tail': [1, 2, 3]},
    'sigmas': {'tail 1': 0.1}, 'same_as': {'tail 1': 'pelvis'}, 'derived': {'tail 2': ['left hip', 'right hip']},
}


@pytest.mark.parametrize(('name', 'standard'), [
    ('LeftEye', 'left eye'), ('l_eye', 'left eye'), ('eye-left', 'left eye'), ('LEye', 'left eye'),
    ('right_big_toe', 'right big toe'), ('rShoulder', 'right shoulder'), ('Head_Top', 'head top'), ('left', 'left'),
    ('Rhythm', 'rhythm'), ('left to right', 'left to right'),
])
def test_names_are_read_as_people_write_them(name: str, standard: str) -> None:
    assert standard_name(name) == standard


def test_facts_from_names_alone() -> None:
    found = infer('people', ['Nose', 'l eye', 'r eye', 'neck', 'left hand'])
    assert found.pairs == (('l eye', 'r eye'),)
    assert found.flip_order.tolist() == [0, 2, 1, 3, 4]
    assert found.same_as == {'Nose': 'nose', 'l eye': 'left eye', 'r eye': 'right eye'}
    assert found.groups == {'Nose': ('Nose',), 'Eye': ('l eye', 'r eye'), 'Neck': ('neck',), 'Hand': ('left hand',)}
    assert found.limbs == (('Nose', 'l eye', 'head'), ('Nose', 'r eye', 'head'), ('l eye', 'r eye', 'head'))
    assert infer('x', COCO.joints) is COCO
    assert infer('mpii', ['a', 'b']).name == 'own mpii'


def test_a_name_that_two_joints_would_have_stands_for_neither() -> None:
    found = infer('x', ['l eye', 'left eye', 'right eye'])
    assert found.same_as == {}
    assert found.pairs == ()


def test_a_full_table() -> None:
    found = from_table(FULL, 'x')
    assert found == JointSet(
        'cat', ('nose', 'left ear', 'right ear', 'tail 1', 'tail 2'),
        (('nose', 'left ear', 'left'), ('nose', 'right ear', 'whisker'), ('tail 1', 'tail 2', 'tail')),
        {'Tail': ('tail 1', 'tail 2'), 'Front': ('nose', 'left ear', 'right ear')},
        {'tail 2': ('left hip', 'right hip')}, (('left ear', 'right ear'),), {'tail 1': 'pelvis'},
        {'tail': (1, 2, 3)}, {'tail 1': 0.1})
    assert limb_colours(found, style='reference')[2] == (3, 4, (1, 2, 3))
    np.testing.assert_allclose(sigmas_for(found), [.026, .035, .035, .1, np.nan])


@pytest.mark.parametrize('joint_set', [*JOINT_SETS.values(), from_table(FULL, 'x'), infer('p', ['a', 'L knee'])],
                         ids=str)
def test_a_set_survives_its_table(joint_set: JointSet) -> None:
    assert from_table(json.loads(json.dumps(to_table(joint_set))), 'x') == joint_set
    assert from_table(json.loads(format_table(joint_set)), 'x') == joint_set
    spec = ModelSpec(joints=joint_set, out_channels=len(joint_set))
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert hash(ModelSpec.from_json(spec.to_json())) == hash(spec)


def test_a_built_in_set_is_stored_by_its_name_which_no_other_may_have() -> None:
    assert ModelSpec(joints=MPII) == ModelSpec()
    assert json.loads(ModelSpec(joints=MPII).to_json())['joints'] == 'mpii'
    other = replace(from_table(FULL, 'x'), name='mpii')
    with pytest.raises(InputError, match="'mpii' is the name of a built-in joint set"):
        ModelSpec(joints=other, out_channels=5)


def test_points_go_by_what_joints_are_the_same_as() -> None:
    own = from_table({'name': 'x', 'joints': ['Kopf', 'l_hip', 'r_hip', 'tail'], 'same_as': {
        'Kopf': 'head top', 'l hip': 'left hip', 'r hip': 'right hip'}}, 'x')
    points = np.arange(8.0).reshape(4, 2)
    out, labelled = convert_points(points, np.ones(4, bool), own, MPII)
    expected = {'head top': 0, 'left hip': 1, 'right hip': 2}
    assert {MPII.joints[i] for i in np.flatnonzero(labelled)} == {*expected, 'pelvis'}
    for joint, i in expected.items():
        np.testing.assert_array_equal(out[MPII.index(joint)], points[i])
    np.testing.assert_array_equal(out[MPII.index('pelvis')], points[1:3].mean(axis=0))
    back, back_labelled = convert_points(out, labelled, MPII, own)
    assert back_labelled.tolist() == [True, True, True, False]
    np.testing.assert_array_equal(back[:3], points[:3])


@pytest.mark.parametrize(('change', 'message'), [
    ({'joints': ['a', 'a']}, "'joints': 'a' occurs more than once"),
    ({'joints': ['a\x1b[31m']}, "'joints': .* is not a name"),
    ({'joints': [str(i) for i in range(257)]}, "'joints': .* is not a list of 1 to 256 entries"),
    ({'pairs': [[1, 3]]}, "'pairs': '3' is not a joint of the table, or its number from 0 to 2"),
    ({'pairs': [[True, 0]]}, "'pairs': 'True' is not a joint"),
    ({'pairs': [['nose', 'left eye'], [1, 2]]}, "'pairs': 'left eye' occurs more than once"),
    ({'limbs': [[0, 1, {}]]}, "'limbs': .* is not a name"),
    ({'groups': {'Total': [0]}}, "'groups': .* Total is the name"),
    ({'colours': {'left': [0, 0, 256]}}, "'colours': '256' is not a whole number from 0 to 255"),
    ({'sigmas': {'nose': float('nan')}}, "'sigmas': 'nan' is not a number above 0"),
    ({'same_as': {'nose': 'left eye'}}, "'same_as': 'left eye' occurs more than once"),
    ({'same_as': ['nose']}, "'same_as': .* is not an object"),
    ({'name': 'coco'}, 'the name of a built-in joint set'),
    ({'eyes': 2}, 'unknown entries eyes'),
])
def test_a_wrong_table_is_one_line_that_names_the_entry(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f'^a.json: .*{message}') as caught:
        from_table({**BASE, **change}, 'a.json')
    assert '\n' not in str(caught.value)
    with pytest.raises(InputError, match='the joints of the network: '):
        ModelSpec.from_json(json.dumps({'joints': {**BASE, **change}, 'out_channels': 3}))


def test_no_table_is_longer_than_fits_beside_the_weights() -> None:
    longest = {'name': 'x', 'joints': [f'{i:03d}' for i in range(256)], 'limbs': [[i, 255] for i in range(255)]}
    assert len(json.dumps(to_table(from_table(longest, 'x')))) <= MAX_CHARACTERS
    with pytest.raises(InputError, match='more than 60,000 characters'):
        from_table({**longest, 'joints': [f'{i:064d}' for i in range(256)]}, 'x')


@pytest.mark.parametrize('value', [[], {}])
def test_other_values_are_no_table(value: Any) -> None:
    with pytest.raises(InputError, match='not a table of joints'):
        from_table(value, 'x')


def test_files(tmp_path: Path) -> None:
    (tmp_path / 'my cat.yaml').write_text('joints: [nose, l_ear, r_ear]\npairs: [[1, 2]]\n')
    assert read_joint_set(str(tmp_path / 'my cat.yaml')).name == 'my cat'
    (tmp_path / 'a.json').write_text(json.dumps(FULL))
    assert read_joint_set(str(tmp_path / 'a.json')) == from_table(FULL, 'x')
    assert read_joint_set('lsp') is JOINT_SETS['lsp']
    with pytest.raises(InputError, match=r'^cats: no such file, and no joint set of this name \(mpii, lsp, coco, '):
        read_joint_set('cats')
