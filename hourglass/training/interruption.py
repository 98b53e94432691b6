"""Stopping a training from outside, between two iterations."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from chainer.training import Trainer


class StopRequest:
    """Whether somebody asked the training to stop (SIGTERM or Ctrl-C).

    Attributes:
        signal: number of the signal, or ``None``.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def status(self) -> int:
        """Exit status of a process that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or 0)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to both signals in this block; the second Ctrl-C or SIGTERM ends it at once."""
        # Python lets only the main thread handle signals; a training in another one goes without.
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
        previous = {number: signal.getsignal(number) for number in numbers}

        def stop(number: int, frame: FrameType | None) -> None:
            if self.requested:
                raise KeyboardInterrupt
            self.signal = number
            # Not print(): the signal may have come in the middle of one.
            os.write(sys.stderr.fileno(), b'\nstopping after this step; once more stops at once and loses it\n')

        try:
            for number in numbers:
                signal.signal(number, stop)
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


class EndOfTraining:
    """Stop trigger of a trainer: the last epoch is done, or a stop is requested.

    It keeps no state, so that a resumed training may be made longer.

    Args:
        epochs: length of the training.
        stop: asked before each iteration.
    """

    def __init__(self, epochs: int, stop: StopRequest) -> None:
        self.epochs = epochs
        self.stop = stop

    def __call__(self, trainer: Trainer) -> bool:
        return self.stop.requested or trainer.updater.epoch >= self.epochs

    def get_training_length(self) -> tuple[int, str]:
        return self.epochs, 'epoch'
