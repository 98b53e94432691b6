"""Options from files and the command line, and the record of a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from data.sets import load_joined
from hourglass.errors import InputError
from hourglass.joint_table import read_joint_set
from training.options import parse_options

import pytest


def _config(tmp_path: Path, values: object, name: str = 'run.json') -> str:
    path = tmp_path / name
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return str(path)


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    config = _config(tmp_path, {
        'dataset': ['lsp', 'lspet'], 'epoch': 7, 'batchsize': 3, 'lr': 1e-3,
        'no-validation': True, 'gpu': '-1', 'joint_weights': ['right wrist=2'], 'samples': None, 'init': './-x',
        'align_corners': False})
    options = parse_options(['--config', config, '--epoch', '9'])
    assert (options.epoch, options.batchsize, options.lr, options.dataset) == (9, 3, 1e-3, ['lsp', 'lspet'])
    assert options.no_validation is True
    assert options.align_corners is False
    assert options.joint_weights == ['right wrist=2']
    assert options.gpu == '-1'
    assert options.stacks is None
    other = parse_options(['--dataset', 'synthetic', '--config', config, '--validation', '--joint-weights', 'x=1'])
    assert other.dataset == ['synthetic']
    assert other.no_validation is False
    assert other.joint_weights == ['x=1']


@pytest.mark.parametrize(('values', 'reason'), [
    ({'dataset': 'lsp', 'epochs': 3}, "unknown option 'epochs'"),
    ({'dataset': 'lsp', 'config': 'x'}, "unknown option 'config'"),
    ({'dataset': 'lsp', 'help': True}, "unknown option 'help'"),
    ({'dataset': 'other'}, 'invalid choice'),
    ({'dataset': 'lsp', 'epoch': 'many'}, '--epoch'),
    ({'dataset': 'lsp', 'epoch': True}, 'epoch is True'),
    ({'dataset': 'lsp', 'epoch': {'a': 1}}, 'epoch is'),
    ({'dataset': 'lsp', 'epoch': [3]}, 'epoch is'),
    ({'dataset': 'lsp', 'no_validation': 1}, 'not true or false'),
    ({'dataset': 'lsp', 'align_corners': 'yes'}, 'not true or false'),
    ([1, 2], 'does not hold options'),
    ('{', 'not a JSON file'),
    ('[' * 100_000, 'not a JSON file'),
    (' ' * 2_000_000, 'more than 1,000,000 characters'),
])
def test_mistakes_in_a_file_name_the_file(tmp_path: Path, values: object, reason: str) -> None:
    config = _config(tmp_path, values)
    with pytest.raises(InputError) as caught:
        parse_options(['--config', config])
    assert str(caught.value).startswith(f'{config}: ')
    assert reason in str(caught.value)


def test_yaml_is_read_safely(tmp_path: Path) -> None:
    pytest.importorskip('yaml')
    options = parse_options(['--config', _config(tmp_path, 'dataset: lsp\nepoch: 3\nfreeze: [a, b]\n', 'a.yaml')])
    assert (options.dataset, options.epoch, options.freeze) == (['lsp'], 3, ['a', 'b'])
    for text in ('!!python/object/apply:os.getcwd []', 'a: [', 'dataset: !!python/name:os.system'):
        with pytest.raises(InputError, match='not a YAML file'):
            parse_options(['--config', _config(tmp_path, text, 'b.yaml')])


def test_people_without_any_joint_of_the_network_are_refused(
    run_training: Callable[..., None], people_folder: Path, tmp_path: Path,
) -> None:
    face = tmp_path / 'face.json'
    face.write_text(json.dumps({'name': 'face', 'joints': ['chin', 'left brow', 'right brow']}))
    arguments = ['--out', tmp_path / 'out', '--joints', face]
    with pytest.raises(InputError, match='--dataset lsp: has none of the joints chin, left brow, right brow; the'):
        run_training(*arguments)
    # One that teaches something does not make up for another that cannot.
    trunk = tmp_path / 'trunk.json'
    trunk.write_text(json.dumps({'name': 'trunk', 'joints': ['thorax', 'pelvis']}))
    with pytest.raises(InputError, match='--dataset lsp: has none of the joints thorax, pelvis'):
        load_joined(['synthetic', 'lsp'], [None, str(people_folder)], read_joint_set(str(trunk)), True, 5)
    assert not (tmp_path / 'out').exists()


def test_a_training_can_be_repeated_from_its_record(
    run_training: Callable[..., None], tmp_path: Path, same_result: Callable[[Path, Path], None],
) -> None:
    from training.trainer import train

    a, b = tmp_path / 'a', tmp_path / 'b'
    run_training('--out', a, '--epoch', 1, '--seed', 5, '--joint-weights', 'right wrist=2', '--no-validation',
                 '--augmentation', 'warp', '--rotate-prob', .5, '--scale-range', .8, 1.5, '--cutout', .5)
    record = json.loads((a / 'run.json').read_text())
    assert record['options']['seed'] == 5
    assert record['options']['lr'] == 2.5e-4
    assert record['network']['joints'] == 'lsp'
    assert {'python', 'chainer', 'numpy'} <= set(record['versions'])
    train(parse_options(['--config', str(a / 'run.json'), '--out', str(b)]))
    assert (a / 'model.npz').read_bytes() == (b / 'model.npz').read_bytes()
    other = json.loads((b / 'run.json').read_text())
    assert other['data'] == record['data']
    assert {**other['options'], 'out': str(a)} == record['options']


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--init', 'small-mpii16'], '--stacks 1: the weights of --init have 2'),
    (['--init', 'nothing.npz'], 'nothing.npz'),
    (['--init', ''], '--init is empty'),
    (['--joints', ''], '--joints is empty'),
    (['--resume', ''], '--resume is empty'),
    (['--samples', '8'], '--samples is for synthetic'),
    (['--freeze', 'x*'], "--freeze 'x*' fits no parameter"),
    (['--lr-scale', 'conv0/*'], "--lr-scale 'conv0/*' is not"),
    (['--lr-scale', 'conv0/*=-1'], "--lr-scale 'conv0/*=-1' is not"),
    (['--lr-scale', 'x=1'], "--lr-scale 'x' fits no parameter"),
    (['--joint-weights', 'nose=2'], "no joint 'nose'"),
    (['--ema', '1'], '--ema must'),
    (['--keep', '0'], '--keep must'),
    (['--seed', '4294967296'], '--seed must'),
    (['--ohkm', '0'], '--ohkm must'),
    (['--snapshot-minutes', 'nan'], '--snapshot-minutes must'),
    (['--rotation', '-1'], '--rotation must'),
    (['--rotate-prob', '1.1'], '--rotate-prob must'),
    (['--cutout', '-0.1'], '--cutout must'),
    (['--scale-range', '2', '1'], '--scale-range must'),
    (['--augmentation', 'warp', '--crop', 'torch7'], '--augmentation warp does not go with the crop torch7'),
    (['--epochs', '3'], 'unrecognized arguments'),
    (['--freeze', '*'], '--freeze *: no parameter is left to train'),
    (['--ohkm', '15'], '--ohkm 15: the network has 14 joints'),
    (['--stacks', '0'], '--stacks 0: must be from 1 to 4096'),
    (['--depth', '9'], '--input-size 32: with --depth 9 it must be a multiple of 2048'),
    (['--width', '10'], '--width 10: must be a multiple of 4'),
    (['--input-size', '36'], '--input-size 36: with --depth 1 it must be a multiple of 8'),
    (['--input-size', '-32'], '--input-size -32'),
    (['--sync-bn'], '--sync-bn is for --distributed'),
    (['--mixed16', '--gpu', '0,1'], '--mixed16 on several GPUs needs --distributed'),
    (['--distributed', '--sync-bn', '--mixed16'], '--sync-bn does not go with --mixed16'),
    (['--init', 'small-mpii16', '--stacks', '2', '--width', '64', '--depth', '3', '--joints', 'mpii', '--freeze', 'x*'],
     "--freeze 'x*' fits no parameter"),
])
def test_mistakes_are_told_before_anything_is_written(
    run_training: Callable[..., None], tmp_path: Path, arguments: list[str], reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError) as caught:
        run_training('--out', tmp_path / 'out', *arguments)
    assert reason in str(caught.value)
    assert not (tmp_path / 'out').exists()
    assert capsys.readouterr() == ('', '')
