"""Which snapshots a training writes, takes and leaves alone in unusual places."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from hourglass.errors import InputError
from hourglass.interruption import StopRequest
from hourglass.spec import ModelSpec
from pretrained import load_model, save_model
from tests.touch import Touch
from tests.training.conftest import assert_same_result
from training.evaluator import PoseEvaluator
from training.options import parse_config
from training.snapshot import read_newest
from training.trainer import train

import numpy as np
import pytest


def test_snapshots_are_not_mixed_with_those_of_another_training(
    run_training: Callable[..., None], reference: Path, tmp_path: Path,
) -> None:
    out, first = tmp_path / 'out', reference / 'snapshot_iter_4'

    def there() -> set[str]:
        return {path.name for path in out.glob('snapshot_*')}

    run_training('--out', out, '--epoch', 2, '--snapshot-interval', 2, '--keep', 1)
    for options, whose in (([], 'an earlier'), (['--resume', first], 'another')):
        with pytest.raises(InputError, match=f'holds snapshots of {whose} training'):
            run_training('--out', out, '--epoch', 1, *options)
        assert there() == {'snapshot_epoch_2', 'snapshot_iter_4'}
    # By another name the folder is still the same one.
    run_training('--out', out, '--epoch', 1, '--resume', tmp_path / '.' / 'out' / 'snapshot_iter_4')
    (out / 'snapshot_epoch_50').touch()
    run_training('--out', out, '--epoch', 1, '--overwrite')
    assert there() == {'snapshot_iter_4'}
    run_training('--out', out, '--epoch', 1, '--resume', first, '--overwrite')
    assert not there()
    assert first.exists()


def test_a_stop_before_the_first_step_leaves_no_snapshot(
    run_training: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, stop = tmp_path / 'out', StopRequest()
    stop.signal = signal.SIGTERM
    with monkeypatch.context() as patch:
        patch.setattr('training.trainer.StopRequest', lambda **_: stop)
        with pytest.raises(SystemExit) as caught:
            run_training('--out', out)
    assert caught.value.code == 143
    assert 'stopped before the first step' in capsys.readouterr().err
    assert not list(out.glob('snapshot_*'))
    # The folder is as good as new.
    run_training('--out', out, '--epoch', 1)


def test_a_small_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / 'bomb.npz', **{'updater/iteration': np.array(3), 'x': np.zeros(10_000_000)})
    (tmp_path / 'bomb.npz').rename(tmp_path / 'snapshot_iter_3')
    with pytest.raises(InputError, match=r'snapshot_iter_3: 80,000,008 bytes of arrays, more'):
        read_newest(tmp_path)


def test_a_training_with_oblong_inputs_resumes_by_its_record(people_folder: Path, tmp_path: Path) -> None:
    weights, out = tmp_path / 'oblong.npz', tmp_path / 'out'
    spec = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 16), joints='lsp', out_channels=14)
    save_model(weights, spec.build_network(), spec)
    train(parse_config(['--dataset', 'lsp', '--root', str(people_folder), '--init', str(weights), '--epoch', '1',
                         '--batchsize', '8', '--out', str(out)]))
    assert json.loads((out / 'run.json').read_text())['options']['input_size'] is None
    train(parse_config(['--config', str(out / 'run.json'), '--epoch', '2', '--resume']))
    assert load_model(out / 'model.npz').spec.input_size == (32, 16)


def test_nothing_in_a_snapshot_is_executed(
    run_training: Callable[..., None], reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with np.load(reference / 'snapshot_iter_8') as file:
        arrays = {key: file[key] for key in file.files}
    arrays['updater/optimizer:main/t'] = np.array(Touch(Path('executed')), dtype=object)
    with Path('evil').open('wb') as stream:
        np.savez(stream, **arrays)
    with pytest.raises(InputError, match=r'evil: not a readable .npz file at .*/t'):
        run_training('--out', 'out', '--resume', 'evil')
    assert [path.name for path in tmp_path.iterdir()] == ['evil']


def test_an_early_snapshot_of_an_earlier_version_is_read(
    run_training: Callable[..., None], reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, key = tmp_path / 'out', 'extensions/Snapshots/observed'
    with monkeypatch.context() as patch:
        patch.setattr(PoseEvaluator, '__call__', Mock(side_effect=MemoryError))
        with pytest.raises(InputError, match='the memory is full'):
            run_training('--out', out)
    with np.load(out / 'snapshot_iter_4') as file:
        arrays = dict(file)
    with open(out / 'snapshot_iter_4', 'wb') as stream:
        np.savez(stream, **{**arrays, key: json.dumps([289, json.loads(str(arrays[key]))])})
    run_training('--out', out, '--resume')
    assert_same_result(out, reference)
