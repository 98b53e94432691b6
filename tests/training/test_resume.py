"""Trainings that are killed, stopped and resumed end exactly as if nothing had happened."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from hourglass.errors import InputError
from tests.child import wait_until
from tests.training.conftest import assert_same_result
from tests.training.processes import Trainings, stat
from training import snapshot

import numpy as np
import pytest


@pytest.fixture(scope='module')
def trainings(small: list[str], tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(small, tmp_path_factory.mktemp('trainings'))


def test_killed_anywhere_it_ends_as_if_nothing_had_happened(
    trainings: Trainings, tmp_path: Path, reference: Path,
) -> None:
    seed = int(np.random.default_rng().integers(1 << 30))
    rng = np.random.default_rng(seed)
    out = tmp_path / 'out'
    often = ['--snapshot-minutes', 1e-6]  # a snapshot in every iteration
    done = kills = 0
    while done < 8:
        status, stderr = trainings.train(
            out, *often, *(['--resume'] if done else []), '--loaders', kills % 3, kill=signal.SIGKILL,
            iteration=done + int(rng.integers(1, 4)), while_writing=kills % 2 == 1)
        assert status == -signal.SIGKILL, f'seed {seed}: {stderr}'
        kills += 1
        done = max(int(path.name.rpartition('_')[2]) for path in out.glob('snapshot_iter_*'))
    status, stderr = trainings.train(out, '--resume')
    assert status == 0, f'seed {seed}: {stderr}'
    assert_same_result(out, reference)
    assert trainings.train(tmp_path / 'whole', *often)[0] == 0
    assert_same_result(tmp_path / 'whole', reference)
    assert not list(out.glob('.partial-*'))
    assert len(list(out.glob('snapshot_iter_*'))) <= 3


@pytest.mark.parametrize(('number', 'status', 'loaders'), [
    (signal.SIGTERM, 143, 0), (signal.SIGINT, 130, 2), (signal.SIGHUP, 129, 0)])
def test_a_stop_writes_a_snapshot_and_says_how_to_resume(
    trainings: Trainings, tmp_path: Path, reference: Path, number: int, status: int, loaders: int,
) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip('started by nohup, which the training respects')
    out = tmp_path / 'out'
    # After the first epoch of three; to the whole group, as a terminal does.
    ended, stderr = trainings.train(out, '--loaders', loaders, kill=number, iteration=4, group=True)
    assert ended == status, stderr
    assert 'Traceback' not in stderr
    command = stderr.strip().splitlines()[-1].partition('resume with: hourglass-train ')[2].split()
    assert command[0] == '--resume'
    assert not (out / 'model.npz').exists()
    ended, stderr = Trainings([], tmp_path).train(out, *command)
    assert ended == 0, stderr
    assert_same_result(out, reference)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_no_loader_outlives_its_training(trainings: Trainings, tmp_path: Path, number: int) -> None:
    trainings.train(tmp_path / 'out', '--loaders', 2, kill=number, iteration=4)
    assert len(trainings.loaders) == 2
    wait_until(lambda: all(stat(pid)[0] in 'Z-' for pid in trainings.loaders))


def test_damaged_snapshots_are_passed_over(
    run_training: Callable[..., None], tmp_path: Path, device: int, capsys: pytest.CaptureFixture[str],
) -> None:
    out, whole = tmp_path / 'out', tmp_path / 'whole'
    run_training('--out', out, '--gpu', device, '--keep', 9)
    shutil.copytree(out, whole)
    first, second, third = (out / f'snapshot_iter_{i}' for i in (4, 8, 12))
    third.write_bytes(third.read_bytes()[:-1000])
    data = bytearray(second.read_bytes())
    data[len(data) // 2:len(data) // 2 + 1000] = bytes(1000)
    second.write_bytes(data)
    (out / 'snapshot_iter_16').write_bytes(b'')
    (out / 'model.npz').unlink()
    run_training('--out', out, '--gpu', device, '--resume')
    err = capsys.readouterr().err
    assert f'resuming from {first}' in err
    for path in (second, third, out / 'snapshot_iter_16'):
        line, = [line for line in err.splitlines() if line.startswith('damaged') and f' {path}:' in line]
        assert first.name in line
    assert_same_result(out, whole)


def test_nothing_whole_to_resume_from_is_one_line(run_training: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no snapshot to resume from'):
        run_training('--out', tmp_path / 'none', '--resume')
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad' / 'snapshot_iter_3').write_bytes(b'PK')
    with pytest.raises(InputError, match=r'no snapshot to resume from: .*snapshot_iter_3'):
        run_training('--out', tmp_path / 'bad', '--resume')


def test_a_snapshot_of_another_training_is_refused(run_training: Callable[..., None], reference: Path) -> None:
    for arguments, reason in (
        (['--batchsize', 8], '--batchsize was 4, not 8'),
        (['--seed', 3], '--seed was 0, not 3'),
        (['--joints', 'mpii'], 'joints was lsp, not mpii'),
    ):
        with pytest.raises(InputError, match=reason):
            run_training(*arguments, '--out', reference, '--resume')
    with pytest.raises(InputError, match='not a snapshot of a training'):
        run_training('--out', reference, '--resume', reference / 'model.npz')


def test_a_full_disk_leaves_the_last_snapshot(
    run_training: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / 'out'
    write, calls, is_full = np.lib.format.write_array, iter(range(10 ** 6)), []

    def fill(*arguments: object, **options: object) -> None:
        if is_full and next(calls) == 50:
            raise OSError(28, 'No space left on device')
        write(*arguments, **options)  # type: ignore[arg-type]

    def write_snapshot(path: Path, trainer: object) -> None:
        # The disk is full in the middle of the second epoch's snapshot.
        is_full.extend([True] if path.name == 'snapshot_iter_8' else [])
        original(path, trainer)

    original = snapshot.write_snapshot
    monkeypatch.setattr(snapshot, 'write_snapshot', write_snapshot)
    monkeypatch.setattr(np.lib.format, 'write_array', fill)
    monkeypatch.setattr('pretrained.save_model', lambda path, *_: path.touch())
    with pytest.raises(InputError, match=r'snapshot_iter_8: cannot be written \(No space left'):
        run_training('--out', out)
    assert [path.name for path in out.glob('*snap*')] == ['snapshot_iter_4']
    assert not list(out.glob('.partial-*'))


def test_a_snapshot_may_lack_a_newer_option_and_be_compressed(
    run_training: Callable[..., None], reference: Path, tmp_path: Path,
) -> None:
    out, key = tmp_path / 'out', 'extensions/RunRecord/run'
    shutil.copytree(reference, out)
    with np.load(reference / 'snapshot_iter_8') as file:
        arrays = {name: file[name] for name in file.files}
    record = json.loads(str(arrays[key]))
    del record['options']['degrade']
    arrays[key] = np.array(json.dumps(record))
    with (out / 'snapshot_iter_8').open('wb') as stream:
        np.savez_compressed(stream, **arrays)
    run_training('--out', out, '--resume', out / 'snapshot_iter_8')
    assert_same_result(out, reference)
