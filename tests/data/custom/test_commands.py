"""A user's own data from the check to the demo, as from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pretrained
from data.custom import CSVDataset
from data.packed import PackedDataset
from data.sets import DATASETS
from hourglass.errors import InputError
from hourglass.joint_table import from_table, read_joint_set, to_table
from hourglass.joints import LSP, MPII
from hourglass.spec import ModelSpec
from training.options import parse_config
from training.preparation import read_inputs

import pytest

TINY = ['--stacks', '1', '--width', '8', '--depth', '1', '--input-size', '32', '--batchsize', '4']
Write = Callable[..., Path]
Call = Callable[..., str]


@pytest.fixture
def call(command: Callable[..., Any]) -> Call:
    """Return a function that runs a command and gives what it prints; it must succeed."""
    def run(*arguments: object) -> str:
        result = command(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_a_table_without_people_for_validation(write_table: Write, rows: list[dict[str, Any]]) -> None:
    table = write_table([{**row, 'split': 'train'} for row in rows])
    options = ['--dataset', 'csv', 'synthetic', '--root', str(table), '--samples', '5']
    validation = read_inputs(parse_config(options), False, lambda _: None).validation
    assert len(validation.dataset) == 1
    with pytest.raises(InputError, match=r"no person is in the split 'val'.*; --no-validation trains"):
        read_inputs(parse_config(['--dataset', 'csv', '--root', str(table)]), False, lambda _: None)


def test_a_split_without_labelled_people_is_found_by_the_check(
    command: Callable[..., Any], write_table: Write, rows: list[dict[str, Any]],
) -> None:
    unlabelled = {**dict.fromkeys(rows[0], ''), 'image': rows[0]['image'], 'split': 'val'}
    table = write_table([*({**row, 'split': 'train'} for row in rows), unlabelled])
    assert '1 split without people' in command('data', 'check', 'csv', '--root', table).stderr


def test_a_table_from_the_check_to_the_demo(call: Call, table: Path) -> None:
    own = to_table(CSVDataset.joints_of(table))
    text = call('data', 'check', 'csv', '--root', table, '--read-images')
    assert f'{table} is complete.' in text
    for line in ('val         2       2', 'r wrist  (the same as left wrist)', '10 people have no box'):
        assert line in text
    call('data', 'pack', '--dataset', 'csv', '--root', table, '--out', 'people.h5', '--size', 48)
    call('train.py', '--dataset', 'packed', '--root', 'people.h5', *TINY, '--epoch', 1, '--out', 'packed')
    call('train.py', '--dataset', 'csv', '--root', table, *TINY, '--epoch', 1, '--out', 'out')
    for folder in (Path('packed'), Path('out')):
        assert {'model.npz', 'best.npz', 'people.jpg'} <= {path.name for path in folder.iterdir()}
        snapshot = next(folder.glob('snapshot_*'))
        for path in (folder / 'model.npz', snapshot):
            assert to_table(pretrained.load(path).spec.joint_set) == own
    text = call('eval.py', '--dataset', 'csv', '--root', table, '--split', 'all', '--snapshot', snapshot,
                '--json', 'a.json')
    assert text.startswith('PCK@0.1, people.csv all, 10 people, errors by the box')
    score = json.loads(Path('a.json').read_text())
    assert list(score['joints']) == own['joints']
    assert 0 <= score['oks_mean'] <= 1
    call('demo.py', '--image', table.with_name('0.png'), '--model', 'out/model.npz', '--json', 'pose.json', '--flip')
    pose = json.loads(Path('pose.json').read_text())
    assert pose['joint_set'] == 'people'
    assert [joint['name'] for joint in pose['joints']] == own['joints']


def test_people_without_a_torso_are_counted(call: Call, write_table: Write, rows: list[dict[str, Any]]) -> None:
    table = write_table([{'image': row['image'], 'l_shoulder_x': 3, 'l_shoulder_y': 4, 'r_hip_x': x, 'r_hip_y': x}
                         for row, x in zip(rows, ('', *range(1, 10)), strict=True)])
    assert 'torsos; 1 person has none and no score' in call('data', 'check', 'csv', '--root', table)


def test_cocos_format_from_the_check_to_the_evaluation(call: Call, write_coco: Write, content: dict[str, Any]) -> None:
    path = write_coco(content)
    assert 'no box' not in call('data', 'check', 'coco-json', '--root', path)
    call('data', 'pack', '--dataset', 'coco-json', '--root', path, '--out', 'people.h5', '--size', 48)
    assert PackedDataset(Path('people.h5')).threshold == 0.1
    text = call('eval.py', '--dataset', 'coco-json', '--root', path, '--model', 'bundled', '--pck-threshold', 0.5,
                '--csv', 'a.csv', '--plot', 'a.png')
    assert text.startswith('PCK@0.5, people.json val, 1 ')
    assert 'nose,joint' in Path('a.csv').read_text()
    assert Path('a.png').exists()


def test_a_table_of_joints_and_weights_to_begin_with(
    call: Call, command: Callable[..., Any], write_table: Write, rows: list[dict[str, Any]], tmp_path: Path,
) -> None:
    rows = rows[:5]
    table = write_table(rows)
    (tmp_path / 'own.yaml').write_text(
        'joints: [crown, l_wrist, r_wrist, tail]\n'
        'same_as: {crown: head top, l_wrist: left wrist, r_wrist: right wrist}\n'
        'limbs: [[crown, l_wrist], [0, 2, arm]]\n')
    spec = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32))
    pretrained.save_model('small.npz', spec.build_network(), spec)
    report = command('train.py', '--dataset', 'csv', '--root', table, '--joints', 'own.yaml', '--init', 'small.npz',
                     '--epoch', 1, '--batchsize', 4, '--out', 'out').stderr
    assert 'no person has labels of these joints, so they are not trained: tail' in report
    assert 'has no tail: random weights to begin with' in report
    model = pretrained.load('out/model.npz')
    assert model.spec.joint_set == read_joint_set('own.yaml')
    assert model.spec.input_size == spec.input_size
    # The bundled weights know none of the names, and the table says what they mean.
    call('eval.py', '--dataset', 'csv', '--root', table, '--split', 'all', '--model', 'bundled', '--joints', 'own.yaml',
         '--json', 'a.json')
    joints = json.loads(Path('a.json').read_text())['joints']
    assert joints['head top']['count'] == sum(row['crown_x'] != '' for row in rows) >= 4
    assert joints['head top']['rate'] >= 0.7


def test_a_file_of_packed_people_holds_the_table(call: Call, table: Path) -> None:
    call('data', 'joints', 'csv', '--root', table, '--out', 'own.json')
    assert from_table(json.loads(call('data', 'joints', 'lspet')), 'x') is LSP
    values = json.loads(Path('own.json').read_text())
    values.update(name='mine', joints=values['joints'][:2], pairs=[], limbs=[[0, 1]], groups={'All': [0, 1]},
                  same_as={'l wrist': 'left wrist'})
    Path('own.json').write_text(json.dumps(values))
    call('data', 'pack', '--dataset', 'csv', '--root', table, '--joints', 'own.json', '--out', 'a.h5', '--size', 32)
    own = from_table(values, 'x')
    dataset = PackedDataset('a.h5', 'trainval')
    assert dataset.joint_set == PackedDataset.joints_of('a.h5') == DATASETS['packed'].joints_of('a.h5') == own
    assert dataset.people[0].points.shape == (2, 2)
    assert PackedDataset('a.h5', 'train', MPII).people[0].labelled.sum() <= 1


def test_the_check_names_what_is_missing_and_damaged(command: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    (tmp_path / '2.png').unlink()
    (tmp_path / '3.png').unlink()
    (tmp_path / '3.png').write_bytes(b'no picture')
    result = command('data', 'check', 'csv', '--root', table)
    assert 'not usable: 1 missing image, 1 damaged image; --images' in result.stderr
    assert f'  {tmp_path}/2.png\n' in result.stdout


@pytest.mark.parametrize(('arguments', 'message'), [
    (['pack', '--dataset', 'csv', '--out', 'a.h5', '--size', 15], '--size must be from 16 to 2048'),
    (['pack', '--dataset', 'synthetic', '--out', 'a.h5', '--samples', 0], 'at least one person'),
    (['pack', '--dataset', 'csv', '--root', 'a.csv', '--out', 'a.csv'], 'would replace an input file'),
    (['pack', '--dataset', 'synthetic', '--images', '.', '--out', 'a.h5'], '--images is for csv and coco-json'),
    (['pack', '--dataset', 'csv', '--out', 'a.h5'], 'data/people.csv: no such file; --root names the table'),
    (['check', 'csv', '--split', 'val'], '--split is for coco'),
    (['check', 'mpii', '--joints', 'lsp'], '--joints is for csv and coco-json'),
    (['joints', 'mpii', '--root', 'a.csv'], '--root is for csv, coco-json and packed'),
    (['joints', 'cats'], 'no joint set of this name'),
])
def test_mistakes_are_reported_before_the_work(
    command: Callable[..., Any], tmp_path: Path, arguments: list[object], message: str,
) -> None:
    result = command('data', *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
