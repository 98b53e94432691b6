"""The settings of a training: what does not go together, and command line and file."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from training import TrainConfig
from training.config import NEWEST
from training.options import parse_config

import pytest


@pytest.mark.parametrize(('values', 'reason'), [
    ({'dataset': ()}, '--dataset is missing'),
    ({'dataset': 'other'}, '--dataset must be one of'),
    ({'dataset_weights': (1, 2)}, '--dataset-weights needs'),
    ({'samples': 8}, '--samples is for'),
    ({'images': 'x'}, '--images is for'),
    ({'epochs': 0}, '--epoch must'),
    ({'ema': 1}, '--ema must'),
    ({'width': 10}, '--width must'),
    ({'scale_range': (2, 1)}, '--scale-range must'),
    ({'augmentation': 'warp', 'crop': 'torch7'}, '--augmentation warp'),
    ({'sync_bn': True}, '--sync-bn is for --distributed'),
    ({'mixed16': True, 'gpu': '0,1'}, '--mixed16 on several GPUs'),
    ({'distributed': True, 'sync_bn': True, 'mixed16': True}, '--sync-bn does not go with --mixed16'),
])
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        TrainConfig(**{'dataset': 'lsp', **values})


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'run.json'
    path.write_text(json.dumps({'dataset': ['lsp', 'lspet'], 'epoch': 7, 'batchsize': 3, 'no-validation': True,
                                'joint_weights': ['right wrist=2'], 'samples': None, 'init': './-x'}))
    config = parse_config(['--config', str(path), '--epoch', '9'])
    assert config == TrainConfig(dataset=['lsp', 'lspet'], epochs=9, batchsize=3, validation=False,
                                 joint_weights=['right wrist=2'], init='./-x')
    config = parse_config(['--dataset', 'synthetic', '--config', str(path), '--validation', '--joint-weights', 'x=1'])
    assert config == TrainConfig(dataset='synthetic', epochs=7, batchsize=3, joint_weights='x=1', init='./-x')


def test_a_resumed_training_takes_its_options_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'run.json').write_text(json.dumps({'options': {'dataset': ['lsp'], 'epochs': 7, 'out': 'elsewhere'}}))
    config = parse_config(['--resume', '--out', str(tmp_path), '--epoch', '9'])
    assert config == TrainConfig(dataset='lsp', epochs=9, out=str(tmp_path), resume=NEWEST)
    assert parse_config(['--resume', '--dataset', 'coco', '--out', str(tmp_path)]).epochs == TrainConfig.epochs
    snapshot = str(tmp_path / 'snapshot_iter_4')
    assert parse_config(['--resume', snapshot]) == TrainConfig(
        dataset='lsp', epochs=7, out=str(tmp_path), resume=snapshot), 'the folder of the snapshot'
    assert parse_config(['--resume', snapshot, '--out', 'b']).out == 'b'
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath('result').mkdir()
    tmp_path.joinpath('run.json').rename('result/run.json')
    assert parse_config(['--resume']).out == 'result', 'the folder that was read, not the one of its run.json'


def test_help_in_python_explains_every_field() -> None:
    assert TrainConfig.__doc__ is not None
    for entry in fields(TrainConfig):
        assert f'\n    {entry.name}: ' in TrainConfig.__doc__
    assert 'times 0.2 after 70 % of the training' in TrainConfig.__doc__


@pytest.mark.parametrize(('arguments', 'reason'), [
    ([], '--dataset is missing'),
    (['--dataset', 'lsp', '--other', '3'], 'unrecognized arguments: --other'),
    (['--dataset', 'lsp', '--epochs', '3'], 'unrecognized arguments: --epochs'),
    (['--dataset', 'lsp', '--epoch', 'x'], '--epoch must'),
    (['--config', 'missing.json'], r'missing\.json'),
    (['--resume', '--out', 'missing'], r'missing.run\.json'),
])
def test_mistakes_on_the_command_line_are_refused(arguments: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_config(arguments)
