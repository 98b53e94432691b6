"""Steps of work that overlap: each runs in a thread of its own, so that the slowest step sets the pace.

The heavy parts of every step (decoding, matrix products, drawing, encoding) release Python's global lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

_END = object()


def _ahead(
    thread: ThreadPoolExecutor, items: Iterator[Any], step: Callable[[Any], Any], length: int,
) -> Iterator[Any]:
    """Yield the results of one step, some of which its thread has made in advance."""
    def work() -> Any:
        item = next(items, _END)
        return item if item is _END else step(item)

    results = deque(thread.submit(work) for _ in range(length))
    while (result := results.popleft().result()) is not _END:
        results.append(thread.submit(work))
        yield result


def overlapped(
    source: Iterable[Any], steps: Sequence[Callable[[Any], Any]], length: int = 2,
) -> Generator[Any, None, None]:
    """Take each item of a source through all steps; the source and every step have threads of their own.

    The order is kept, and a step sees one item at a time.  An error of the source or a step is raised here, after
    what came before it.  Close the iterator (:func:`contextlib.closing`) to end early: it returns when every thread
    has ended, at the latest when it is done with the item that it holds, and the source is not touched any more.

    Args:
        source: gives the items.
        steps: functions of one item, which give that of the next step.
        length: how many results of a step, the one in work included, may wait for the next step.
    """
    items = iter(source)
    with ExitStack() as threads:
        for step in (lambda item: item, *steps):
            thread = ThreadPoolExecutor(1)
            # The last step ends first: it may wait for a result of the one before.
            threads.callback(thread.shutdown, cancel_futures=True)
            items = _ahead(thread, items, step, length)
        yield from items
