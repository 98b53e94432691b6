"""Triggers: when extensions run, and when a training ends.

Chainer's own triggers keep a state in snapshots. These have no state, so a resumed training may be made longer, and an
extension may be added to it or left out.
"""

from __future__ import annotations

from hourglass.interruption import StopRequest
from training.distributed import Communicator

from chainer.training import Trainer


def each_iteration(trainer: Trainer) -> bool:
    return True


def each_epoch(trainer: Trainer) -> bool:
    return trainer.updater.is_new_epoch


class EndOfTraining:
    """Stop trigger of a trainer: the last epoch is done, or a stop is requested.

    Args:
        epochs: number of epochs.
        stop: asked before each iteration.
        comm: the processes of the training; all stop before the same iteration.
    """

    def __init__(self, epochs: int, stop: StopRequest, comm: Communicator) -> None:
        self.epochs = epochs
        self.stop = stop
        self.comm = comm

    def __call__(self, trainer: Trainer) -> bool:
        self.stop.agreed = self.comm.max(self.stop.signal or 0) or None
        return self.stop.agreed is not None or trainer.updater.epoch >= self.epochs
