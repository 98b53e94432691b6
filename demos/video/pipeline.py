"""Steps of work that overlap: each runs in a thread of its own, so that the slowest step sets the pace.

The heavy parts of every step (decoding, matrix products, drawing, encoding) release Python's global lock.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

#: Seconds after which a waiting thread checks whether the work has been broken off.
_POLL = 0.1


class _Broken(Exception):
    """The work has been broken off."""


class _End(NamedTuple):
    """The last entry of a channel, with the error that made it the last."""

    error: BaseException | None = None


class _Channel:
    """A queue of bounded length between two threads; both stop waiting when ``broken`` is set."""

    def __init__(self, length: int, broken: threading.Event) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(length)
        self._broken = broken

    def put(self, item: Any) -> None:
        while not self._broken.is_set():
            try:
                return self._queue.put(item, timeout=_POLL)
            except queue.Full:
                continue
        raise _Broken

    def get(self) -> Any:
        while not self._broken.is_set():
            try:
                return self._queue.get(timeout=_POLL)
            except queue.Empty:
                continue
        raise _Broken


def _work(step: Callable[[Any], Any], source: Iterable[Any], target: _Channel) -> None:
    """Take everything from a source through one step; the body of a thread."""
    try:
        try:
            for item in source:
                target.put(step(item))
        except _Broken:
            raise
        except BaseException as error:
            target.put(_End(error))
        else:
            target.put(_End())
    except _Broken:
        pass


def _entries(channel: _Channel) -> Iterator[Any]:
    """Go through a channel, and raise the error that ended it."""
    while True:
        item = channel.get()
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item


def serial(source: Iterable[Any], steps: Sequence[Callable[[Any], Any]]) -> Generator[Any, None, None]:
    """Take each item of a source through all steps before the next."""
    for item in source:
        for step in steps:
            item = step(item)
        yield item


def overlapped(
    source: Iterable[Any], steps: Sequence[Callable[[Any], Any]], length: int = 2,
) -> Generator[Any, None, None]:
    """Do what :func:`serial` does, with the source and every step in threads of their own.

    The order is kept, and a step sees one item at a time.  An error of the source or a step is raised here, after
    what came before it.  Close the iterator (:func:`contextlib.closing`) to break the work off: it returns when
    every thread has ended, at the latest when it is done with the item that it holds.

    Args:
        source: gone through in a thread; not touched any more once the iterator is closed.
        steps: functions of one argument.
        length: how many results of a step may wait for the next one.
    """
    broken = threading.Event()
    threads = []
    items: Iterable[Any] = source
    for step in (_unchanged, *steps):
        channel = _Channel(length, broken)
        threads.append(threading.Thread(target=_work, args=(step, items, channel), daemon=True))
        items = _entries(channel)
    for thread in threads:
        thread.start()
    try:
        yield from items
    finally:
        broken.set()
        for thread in threads:
            thread.join()


def _unchanged(item: Any) -> Any:
    return item
