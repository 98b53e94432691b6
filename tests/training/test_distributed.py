"""Trainings of two processes that mpiexec starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hourglass.device import use_device
from hourglass.errors import InputError
from hourglass.network import StackedHG
from tests.child import ROOT, wait_until
from tests.conftest import GPU
from tests.training.conftest import assert_same_result, log_of
from training import distributed
from training.options import parse_config
from training.trainer import train

import chainer
import numpy as np
import pytest

RANKS = Path(__file__).with_name('ranks.py')
#: A job that takes longer hangs.
SECONDS = 900

pytestmark = pytest.mark.mpi


class Job:
    """Starts Python in two processes."""

    def __init__(self, mpiexec: str) -> None:
        self.mpiexec = mpiexec
        # Tests may run as root, and on fewer cores than processes.
        self.environment = {
            **os.environ, 'PYTHONPATH': str(ROOT), 'OMPI_ALLOW_RUN_AS_ROOT': '1',
            'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1', 'PRTE_ALLOW_RUN_AS_ROOT': '1',
            'PRTE_ALLOW_RUN_AS_ROOT_CONFIRM': '1', 'OMPI_MCA_rmaps_base_oversubscribe': '1'}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen([self.mpiexec, '-n', '2', sys.executable, *map(str, arguments)], cwd=ROOT, text=True,
                                env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Return status, stdout and stderr."""
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f'hangs: {process.communicate()}')
        return process.returncode, output, errors


@pytest.fixture(scope='module')
def job() -> Job:
    pytest.importorskip('mpi4py', reason='mpi4py is not installed (extra "distributed")')
    beside = Path(sys.executable).with_name('mpiexec')
    found = str(beside) if beside.exists() else shutil.which('mpiexec')
    if found is None:
        pytest.skip('there is no mpiexec (extra "distributed" installs one)')
    return Job(found)


@pytest.fixture(scope='module')
def arguments(small: list[str]) -> list[str]:
    """The small training, whose batches of 4 are 2 for each of two processes."""
    return [*small, '--batchsize', '2', '--snapshot-interval', '1']


@pytest.fixture(scope='module')
def done(job: Job, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the results of two trainings, ``fixed`` and ``whole``, and what the last check wrote on stderr."""
    folder = tmp_path_factory.mktemp('distributed')
    status, _, errors = job.run(RANKS, 'checks', folder / 'fixed', folder / 'whole', *arguments)
    assert status == 2, errors
    return folder, errors


def _values(path: Path) -> np.ndarray:
    with np.load(path) as file:
        return np.concatenate([file[key].ravel() for key in file.files if file[key].dtype.kind == 'f'])


def test_all_pieces_agree_and_a_bad_loss_is_reported_once(done: tuple[Path, str]) -> None:
    _, errors = done
    line, = [line for line in errors.splitlines() if line.startswith('ranks.py')]
    assert 'rank 1: the loss is nan at iteration 7' in line
    assert 'people image1.jpg' in line


def test_two_processes_learn_what_one_learns(done: tuple[Path, str], arguments: list[str], tmp_path: Path) -> None:
    folder, _ = done
    with chainer.using_config('train', False):
        train(parse_config([*arguments, '--batchsize', '4', '--out', str(tmp_path / 'out')]))
    for alone, shared in zip(log_of(tmp_path / 'out'), log_of(folder / 'fixed'), strict=True):
        np.testing.assert_allclose(shared['main/loss'], alone['main/loss'], rtol=1e-4)
    alone, shared = (_values(path / 'model.npz') for path in (tmp_path / 'out', folder / 'fixed'))
    assert np.linalg.norm(shared - alone) < 2e-3 * np.linalg.norm(alone)


def test_the_first_process_writes_everything_once(done: tuple[Path, str]) -> None:
    folder, _ = done
    assert {path.name for path in (folder / 'whole').iterdir()} == {
        'model.npz', 'best.npz', 'log', 'log.csv', 'plots.png', 'people.jpg', 'run.json', 'snapshot_epoch_1',
        'snapshot_epoch_2', 'snapshot_epoch_3'}
    record = json.loads((folder / 'whole' / 'run.json').read_text())
    assert record['processes'] == 2
    assert 'distributed' not in record['options']
    assert [entry['iteration'] for entry in log_of(folder / 'whole')] == [4, 8, 12]


def test_stopped_by_one_process_all_resume_exactly(
    job: Job, done: tuple[Path, str], arguments: list[str], tmp_path: Path,
) -> None:
    folder, _ = done
    out = tmp_path / 'out'
    status, _, errors = job.run(RANKS, 'stop', *arguments, '--ema', '0.9', '--out', out)
    assert status == 0, errors
    assert f'resume with: mpiexec -n 2 python train.py --distributed --resume {out}/' in errors
    assert f'resuming from {out}/snapshot_iter_6 (epoch 1, iteration 6)' in errors
    assert_same_result(out, folder / 'whole')


def test_the_number_of_processes_may_change_if_the_batch_stays(
    done: tuple[Path, str], arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    snapshot = done[0] / 'whole' / 'snapshot_epoch_2'
    more = ['--ema', '0.9', '--resume', str(snapshot), '--out', str(tmp_path / 'out')]
    with pytest.raises(InputError, match=r'--batchsize was 2 times 2, not 2$'):
        train(parse_config([*arguments, *more]))
    train(parse_config([*arguments, *more, '--batchsize', '4']))
    assert 'each batch was divided among 2 processes, now among 1' in capsys.readouterr().err
    assert [entry['iteration'] for entry in log_of(tmp_path / 'out')] == [4, 8, 12]


def test_a_signal_to_mpiexec_saves_first(job: Job, arguments: list[str], tmp_path: Path) -> None:
    if 'HYDRA' not in subprocess.run([job.mpiexec, '--version'], check=True, capture_output=True, text=True).stdout:
        pytest.skip('only MPICH\'s mpiexec waits for its processes')
    out = tmp_path / 'out'
    process = job.start(ROOT / 'train.py', '--distributed', *arguments, '--epoch', 10000, '--out', out,
                        '--no-validation')
    try:
        wait_until(lambda: any(out.glob('snapshot_*')))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 143, errors
    assert errors.count('resume with: mpiexec') == 1
    assert errors.count('stopping after this step') == 1
    assert any(out.glob('snapshot_*'))


@pytest.mark.parametrize(('scenario', 'statuses', 'reason'), [
    ('fail', {1}, 'ZeroDivisionError: out of luck'),
    ('mistake', {2}, 'ranks.py: rank 1: photo.jpg: cannot be read'),
    ('killed', {9, 137}, ''),
])
def test_no_process_outlives_another(
    job: Job, arguments: list[str], tmp_path: Path, scenario: str, statuses: set[int], reason: str,
) -> None:
    status, _, errors = job.run(RANKS, scenario, *arguments, '--out', tmp_path / 'out')
    assert status in statuses, errors
    assert reason in errors
    assert not (tmp_path / 'out' / 'model.npz').exists()


def test_processes_that_do_not_know_each_other_are_refused(job: Job, arguments: list[str], tmp_path: Path) -> None:
    status, _, errors = job.run(ROOT / 'train.py', *arguments, '--out', tmp_path / 'out')
    assert status == 2
    assert 'train.py: 2 processes were started' in errors
    assert not (tmp_path / 'out').exists()


def test_a_missing_package_is_reported(
    run_training: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'mpi4py', None)
    monkeypatch.setitem(sys.modules, 'mpi4py.MPI', None)
    with pytest.raises(InputError, match=r'--distributed needs mpi4py.*distributed'):
        run_training('--distributed', '--out', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('device', [GPU], indirect=True)
def test_one_process_gathers_its_gradients_by_nccl(device: int) -> None:
    try:
        communicator = distributed._communicator(on_gpu=True)
    except InputError as error:
        pytest.skip(str(error))
    network = use_device(StackedHG(14, 1, 4, 1), device)
    for number, parameter in enumerate(network.params()):
        parameter.grad = network.xp.full_like(parameter.array, number)
    communicator.multi_node_mean_grad(network)
    for number, parameter in enumerate(network.params()):
        assert (parameter.grad == number).all()
