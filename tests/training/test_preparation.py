"""Settings that are checked against data and weights, and the record of a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.sets import DATASETS, load_joined
from hourglass.errors import InputError
from hourglass.joint_table import read_joint_set
from hourglass.spec import ModelSpec
from pretrained import save_model
from training import train
from training.distributed import Communicator
from training.options import parse_config
from training.preparation import default_loaders, read_inputs

import pytest


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


def test_data_sets_without_validation_people_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, 'synthetic', replace(DATASETS['synthetic'], val_split=None))
    lines: list[object] = []
    read_inputs(parse_config(['--dataset', 'synthetic', '--samples', '5']), False, lines.append)
    assert lines == ['the data sets have no validation people: no score is reported, and there will be no best.npz']


def test_a_training_can_be_repeated_from_its_record(run_training: Callable[..., None], tmp_path: Path) -> None:
    a, b = tmp_path / 'a', tmp_path / 'b'
    run_training('--out', a, '--epoch', 1, '--seed', 5, '--joint-weights', 'right wrist=2', '--no-validation',
                 '--augmentation', 'warp', '--rotate-prob', .5, '--scale-range', .8, 1.5, '--cutout', .5,
                 '--shift', .1, '--degrade', .5, '--loaders', 1)
    record = json.loads((a / 'run.json').read_text())
    assert record['options']['seed'] == 5
    assert record['options']['lr'] == 2.5e-4
    assert record['network']['joints'] == 'lsp'
    assert {'python', 'chainer', 'numpy'} <= set(record['versions'])
    train(parse_config(['--config', str(a / 'run.json'), '--out', str(b), '--loaders', '0']))
    assert (a / 'model.npz').read_bytes() == (b / 'model.npz').read_bytes()
    other = json.loads((b / 'run.json').read_text())
    assert other['data'] == record['data']
    assert {**other['options'], 'out': str(a), 'loaders': 1} == record['options']


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--init', 'bundled'], '--stacks 1: bundled ('),
    (['--init', 'nothing.npz'], 'nothing.npz'),
    (['--root', 'nowhere'], 'nowhere/joints.mat'),
    (['--dataset', 'lsp', 'lspet', '--root', 'one'], '--root names 1 folder for 2'),
    (['--gpu', '77'], '--gpu 77'),
    (['--resume', 'missing'], 'missing'),
    (['--freeze', 'x*'], "--freeze 'x*' fits no parameter"),
    (['--lr-scale', 'conv0/*'], "--lr-scale 'conv0/*': the factor must be a number"),
    (['--joint-weights', 'nose=2'], "no joint 'nose'"),
    (['--freeze', '*'], '--freeze *: no parameter is left to train'),
    (['--ohkm', '15'], '--ohkm 15: the network has 14 joints'),
    (['--depth', '9'], '--input-size 32: with --depth 9 it must be a multiple of 2048'),
])
def test_mistakes_are_found_before_anything_is_written(
    run_training: Callable[..., None], tmp_path: Path, arguments: list[str], reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InputError) as caught:
        run_training('--out', tmp_path / 'out', *arguments)
    assert reason in str(caught.value)
    assert not (tmp_path / 'out').exists()
    assert capsys.readouterr() == ('', '')


def test_what_does_not_go_with_the_weights_is_refused(run_training: Callable[..., None], tmp_path: Path) -> None:
    spec = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32), joints='lsp', out_channels=14, crop='torch7')
    save_model(tmp_path / 'x.npz', spec.build_network(), spec)
    with pytest.raises(InputError, match='--augmentation warp does not go with --crop torch7'):
        run_training('--init', tmp_path / 'x.npz', '--augmentation', 'warp', '--out', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_gpu_gets_loaders_for_all_cores_but_one(monkeypatch: pytest.MonkeyPatch) -> None:
    comm, counts = Communicator(), []
    for cores, comm.local_size in ((1, 1), (8, 1), (64, 1), (64, 8)):
        monkeypatch.setattr('training.preparation.cpus', lambda n=cores: n)
        counts.append(default_loaders(True, comm))
        assert default_loaders(False, comm) == 0
    assert counts == [0, 7, 16, 7]
