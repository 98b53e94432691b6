"""Run a trainer; an error or a request to stop leaves a snapshot of the last whole iteration."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from typing import Any

from data.sampling import SampleIterator
from hourglass.errors import InputError
from hourglass.interruption import StopRequest
from training.distributed import Communicator
from training.many_arrays import Copies
from training.snapshot import Snapshots, find_newest

import chainer
from chainer.training import Trainer
from chainer.training.updaters import StandardUpdater


class Step:
    """A step of an updater that leaves no trace if it fails before the parameters change.

    A step takes a batch, changes the running statistics in the forward pass, and then the parameters.  The optimiser
    counts the step just before it changes the first parameter.

    Args:
        updater: from now on, its steps go through this object.

    Attributes:
        has_failed: whether a step has failed and has left no trace.
    """

    def __init__(self, updater: StandardUpdater) -> None:
        self.has_failed = False
        self._copies = Copies()
        self._places: list[tuple[Any, str]] = []
        self._updater, self._update = updater, updater.update_core
        updater.update_core = self

    def __call__(self) -> None:
        iterator: SampleIterator = self._updater.get_iterator('main')
        optimizer = self._updater.get_optimizer('main')
        count, position = optimizer.t, iterator.position
        places = self._places = self._places or [
            (link, name) for link in optimizer.target.links() for name in link._persistent]
        with chainer.using_device(optimizer.target.device):
            statistics = self._copies([link.__dict__[name] for link, name in places])
        try:
            self._update()
        except Exception:
            if optimizer.t == count:
                iterator.position = position
                for (link, name), value in zip(places, statistics, strict=True):
                    link.__dict__[name] = value
                self.has_failed = True
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f'the memory is full ({error})' if str(error) else 'the memory is full'
    if isinstance(error, OSError) and error.filename is not None:
        return f'{error.filename}: {error.strerror}'
    return str(error)


def _save(trainer: Trainer, snapshots: Snapshots, step: Step) -> str:
    """Write a snapshot after a failed step; return from which one the training resumes, as the end of a message."""
    if step.has_failed and trainer.updater.iteration:  # before the first step, the optimiser has no state
        with suppress(InputError, OSError, MemoryError):  # of a full disk, most likely: the error that is reported
            snapshots.write_missing(trainer)
    newest = find_newest(snapshots.folder)
    return '' if newest is None else f'; --resume continues from {newest[1]} (iteration {newest[0]})'


def run_trainer(
    trainer: Trainer, snapshots: Snapshots, stop: StopRequest, epochs: int, comm: Communicator | None = None,
) -> bool:
    """Run a trainer to its end, or to a request to stop, for which a snapshot is written.

    An error in a sample or a step, before the parameters are changed, leaves a snapshot of the iteration before.  After
    an error in validation, reports or the log, a training resumes from the epoch's early snapshot and does these again.

    Args:
        trainer: with ``snapshots`` among its extensions.
        snapshots: writes the snapshots.
        stop: ends the training early.
        epochs: the length of the training.
        comm: the processes that train together.

    Returns:
        Whether the training has come to its end.

    Raises:
        InputError: an input is wrong, or the system refused memory or a file; the text names the snapshot from which
            the training resumes.
    """
    step = Step(trainer.updater)
    with stop.listening():
        try:
            # The caller reports errors, in one line.
            trainer.run(show_loop_exception_msg=False)
        except BrokenPipeError:
            raise
        except Exception as error:
            # Chainer does so after an error in its loop, but not where a snapshot's iteration is completed before it.
            for entry in trainer._extensions.values():
                if finalize := getattr(entry.extension, 'finalize', None):
                    finalize()
            # The arrays of the failed step may have filled the memory.
            traceback.clear_frames(error.__traceback__)
            advice = _save(trainer, snapshots, step)
            if isinstance(error, (InputError, OSError, MemoryError)):
                raise InputError(f'{_reason(error)}{advice}') from error
            print(f'the training has failed{advice}', file=sys.stderr)
            raise
        if stop.requested and trainer.updater.epoch < epochs:
            # The request may have come after the snapshots' turn in the last iteration. Before the first one, the
            # optimiser has no state, and a snapshot could not be resumed from.
            if trainer.updater.iteration:
                snapshots.write_missing(trainer)
            if comm is not None:
                comm.wait()
            return False
    return True
