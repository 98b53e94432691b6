"""Stopping a training from outside, between two iterations."""

from __future__ import annotations

from hourglass.interruption import StopRequest
from training.distributed import Communicator

from chainer.training import Trainer


class EndOfTraining:
    """Stop trigger of a trainer: the last epoch is done, or a stop is requested.

    It keeps no state, so that a resumed training may be made longer.

    Args:
        epochs: length of the training.
        stop: asked before each iteration.
        comm: the processes of the training, which stop before the same iteration.
    """

    def __init__(self, epochs: int, stop: StopRequest, comm: Communicator | None = None) -> None:
        self.epochs = epochs
        self.stop = stop
        self.comm = comm or Communicator()

    def __call__(self, trainer: Trainer) -> bool:
        self.stop.agreed = self.comm.max(self.stop.signal or 0) or None
        return self.stop.agreed is not None or trainer.updater.epoch >= self.epochs

    def get_training_length(self) -> tuple[int, str]:
        return self.epochs, 'epoch'
