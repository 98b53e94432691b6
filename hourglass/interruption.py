"""Stopping long work from outside, by Ctrl-C, SIGTERM or a closed terminal, between two steps."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from hourglass.errors import discard

# Windows has no such signal.
_HANGUP: int | None = getattr(signal, 'SIGHUP', None)


@contextmanager
def handled(handle: Callable[[int, FrameType | None], object], also: tuple[int, ...] = ()) -> Iterator[None]:
    """Let a function handle, in this block, the signals that ask a program to stop.

    SIGHUP, sent when the terminal is closed, is one of them unless it is ignored, as under ``nohup``.

    Args:
        handle: called with the number of a signal.
        also: numbers of further signals.
    """
    is_ignored = _HANGUP is None or signal.getsignal(_HANGUP) == signal.SIG_IGN
    numbers = (signal.SIGINT, signal.SIGTERM, *(() if is_ignored else (_HANGUP,)), *also)
    # Python lets only the main thread handle signals; work in another thread cannot be stopped.
    is_main = threading.current_thread() is threading.main_thread()
    previous = {number: signal.getsignal(number) for number in numbers if is_main}
    try:
        for number in previous:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class StopRequest:
    """Whether a training, or other long work, has been asked to stop (:func:`handled`).

    Args:
        answer: line for stderr on the first signal; may be empty.
        also: numbers of further signals with this meaning.

    Attributes:
        signal: number of the signal that this process has received, or ``None``.
        agreed: number of the signal that some process of a training has received, once all know it, or ``None``.
    """

    def __init__(
        self, answer: str = 'stopping after this step; once more stops at once and loses it',
        also: tuple[int, ...] = (),
    ) -> None:
        self.signal: int | None = None
        self.agreed: int | None = None
        self._answer = f'\n{answer}\n'.encode() if answer else b''
        self._also = also

    @property
    def requested(self) -> bool:
        return self.signal is not None or self.agreed is not None

    @property
    def status(self) -> int:
        """Exit status of a process that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + (self.agreed or self.signal or 0)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the signals in this block; the second one ends it at once, except a second SIGHUP."""
        terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

        def stop(number: int, frame: FrameType | None) -> None:
            if number == _HANGUP:
                for descriptor in terminals:
                    if not os.isatty(descriptor):  # it is closed
                        discard(descriptor)
            if self.signal is not None:
                # The system and a shell may both report the same closed terminal.
                if number == _HANGUP:
                    return
                raise KeyboardInterrupt
            self.signal = number
            # Not print(): the signal may have come in the middle of one.  Not sys.stderr: a notebook's is no file.
            with suppress(OSError):
                os.write(2, self._answer)

        with handled(stop, self._also):
            yield
