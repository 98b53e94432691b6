"""Work on blocks of an array with several threads.

NumPy runs elementwise loops on one core and lets go of the interpreter's lock while it does.  Here every thread
takes whole blocks of pixels through all steps of a layer, products of matrices included, so that what one step
leaves is still in the core's cache for the next.  During that time the BLAS library is held to one thread of its
own; it has as many threads as before when the work is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

T = TypeVar('T')


class Workers:
    """The threads of this process; as many as BLAS had when this was made."""

    def __init__(self) -> None:
        self.size = 1
        self._controller: Any = None
        try:
            threadpoolctl = import_module('threadpoolctl')
        except ImportError:
            # BLAS cannot be held to one thread, so the parallel work stays inside BLAS.
            return
        controller = threadpoolctl.ThreadpoolController().select(user_api='blas')
        counts = [library.num_threads for library in controller.lib_controllers]
        if counts:
            self._controller = controller
            self.size = max(counts)
            self._pool = ThreadPoolExecutor(max(self.size - 1, 1), 'hourglass')

    def single_threaded_blas(self) -> AbstractContextManager:
        """Hold BLAS to one thread while the context lasts, if there are threads to do its work."""
        return self._controller.limit(limits=1) if self.size > 1 else nullcontext()

    def run(self, blocks: Iterable[T], work: Callable[[Iterator[T]], Any]) -> list[Any]:
        """Share ``blocks`` out among the threads.

        Args:
            blocks: what is to be worked on, in any order.
            work: called once in every thread with an iterator over the thread's share.

        Returns:
            What the calls of ``work`` returned.
        """
        blocks = list(blocks)
        if self.size == 1 or len(blocks) == 1:
            return [work(iter(blocks))]
        shared = _Shared(blocks)
        futures = [self._pool.submit(work, shared) for _ in range(min(self.size, len(blocks)) - 1)]
        results = [work(shared)]
        return results + [future.result() for future in futures]


class _Shared:
    """An iterator that several threads may read from; each item goes to one of them."""

    def __init__(self, items: list) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self._lock:
            return next(self._items)


@cache
def workers() -> Workers:
    """Return the threads of this process."""
    return Workers()
