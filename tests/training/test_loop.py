"""Errors in the middle of a training: what snapshot they leave, and that the training resumes from it exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from hourglass.device import use_device
from hourglass.errors import InputError
from hourglass.lock import only_run
from tests.conftest import SMALL
from tests.networks import values_of
from tests.training.conftest import assert_same_result
from training.evaluator import PoseEvaluator
from training.loop import Step
from training.loss import TrainChain
from training.progress import ProgressBar
from training.report import LogFiles
from training.watch import StopAtBadLoss

import chainer
import numpy as np
import pytest
from chainer.optimizers.rmsprop import RMSpropRule
from chainer.training.updaters import StandardUpdater

Run = Callable[..., None]
# Parameters of the network of the fixture ``small``.
N_PARAMETERS = 174


def _fail(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, at: int, error: Exception, after: bool = False,
) -> None:
    """Have the ``at``-th call of a method fail, before or after its work."""
    original, calls = getattr(owner, name), iter(range(1, 10 ** 9))

    def method(*arguments: Any, **options: Any) -> Any:
        fails = next(calls) == at
        if fails and not after:
            raise error
        result = original(*arguments, **options)
        if fails:
            raise error
        return result

    monkeypatch.setattr(owner, name, method)


# Three epochs of four iterations with four people each, and a snapshot of each epoch before its reports. An error in a
# step leaves the state before it, unless parameters have changed.
CASES: dict[str, tuple[type, str, int, Exception, int]] = {
    'a sample': (TrainingDataset, 'get_example', 22, OSError(5, 'Input/output error', 'a.jpg'), 5),
    'the first sample of an epoch': (TrainingDataset, 'get_example', 17, InputError('a.jpg: bad'), 4),
    'the forward pass': (TrainChain, 'forward', 6, ZeroDivisionError('defect'), 5),
    'the update': (RMSpropRule, 'update_core', 5 * N_PARAMETERS + 20, MemoryError(), 4),
    'the loss': (StopAtBadLoss, '__call__', 6, InputError('the loss is nan'), 4),
    'the last validation': (PoseEvaluator, '__call__', 3, MemoryError('Unable to allocate 3 GiB'), 12),
    'the log': (LogFiles, '__call__', 2, OSError(28, 'No space left on device', 'log'), 8),
    'progress': (ProgressBar, '__call__', 6, OSError(5, 'Input/output error'), 4),
}


@pytest.mark.parametrize('place', CASES)
def test_an_error_leaves_a_snapshot_from_which_the_training_resumes_exactly(
    run_training: Run, tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], place: str,
) -> None:
    owner, name, at, error, iteration = CASES[place]
    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        _fail(patch, owner, name, at, error, after=name == 'forward')
        with pytest.raises(type(error) if isinstance(error, ZeroDivisionError) else InputError) as caught:
            run_training('--out', out, '--loaders', 2 if place == 'the forward pass' else 0)
        if place == 'the log':
            _fail(patch, owner, name, 1, error)
            with pytest.raises(InputError) as caught:
                run_training('--out', out, '--resume')
            assert capsys.readouterr().err.endswith('\n'), 'a message begins on the line of the progress bar'
    text = capsys.readouterr().err if isinstance(error, ZeroDivisionError) else str(caught.value)
    assert f'--resume continues from {out}/snapshot_iter_{iteration} (iteration {iteration})' in text
    assert text.startswith('the memory is full') == isinstance(error, MemoryError)
    run_training('--out', out, '--resume')
    assert f'iteration {iteration})' in capsys.readouterr().err
    assert_same_result(out, reference)


def test_a_failed_step_restores_position_and_running_statistics(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    samples = [(rng.random((3, 32, 32), np.float32), rng.random((14, 8, 8), np.float32), np.ones(14, bool))
               for _ in range(8)]
    iterator = SampleIterator(TrainingDataset(samples, lambda sample, _: sample, 0), 2, EpochOrderSampler(0))
    chain = use_device(TrainChain(SMALL.build_network(), SMALL), device)
    updater = StandardUpdater(iterator, chainer.optimizers.SGD(1e-9).setup(chain), device=chain.device)
    step = Step(updater)
    for _ in range(2):
        before = values_of(chain)
        step()
        after, position = values_of(chain), iterator.position
        assert any((after[key] != before[key]).any() for key in after if key.endswith('avg_mean'))
        with monkeypatch.context() as patch:
            _fail(patch, TrainChain, 'forward', 1, ZeroDivisionError(), after=True)
            with pytest.raises(ZeroDivisionError):
                step()
        assert step.has_failed
        assert iterator.position == position
        for key, value in values_of(chain).items():
            np.testing.assert_array_equal(value, after[key], key)


def test_an_error_in_the_first_step_leaves_nothing(
    run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / 'out'
    with monkeypatch.context() as patch:
        _fail(patch, TrainChain, 'forward', 1, MemoryError())
        with pytest.raises(InputError, match=r'the memory is full$'):
            run_training('--out', out)
    assert not list(out.glob('snapshot_*'))
    run_training('--out', out, '--epoch', 1)


def test_two_trainings_do_not_write_to_one_folder(run_training: Run, reference: Path) -> None:
    before = sorted(reference.iterdir())
    with only_run(reference), pytest.raises(InputError, match='another run writes to it'):
        run_training('--out', reference, '--resume', '--epoch', 4)
    assert sorted(reference.iterdir()) == before
