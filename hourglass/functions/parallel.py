"""Work on blocks of an array with several threads.

NumPy runs elementwise loops on one core and releases the interpreter's lock meanwhile.  Here every thread takes blocks
of pixels through all steps of a layer, products of matrices included.  The result of one step is then still in the
core's cache for the next step.  Meanwhile the BLAS library has one thread; afterwards it has as many as before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from hourglass.memory import keep_freed_memory

import numpy as np
from threadpoolctl import ThreadpoolController

T = TypeVar('T')

# In elements.  NumPy copies an operand that is the same for a whole row into its buffers if a row is shorter than they
# are: a product by channel then takes twice the time.
_BUFFER_SIZE = 1024


class Workers:
    """The threads of this process; as many as BLAS had when this was made.

    Attributes:
        size: their number.
    """

    def __init__(self) -> None:
        self._blas = ThreadpoolController().select(user_api='blas')
        self.size = max((library.num_threads for library in self._blas.lib_controllers), default=1)
        keep_freed_memory()
        self._pool = ThreadPoolExecutor(  # starts threads when there is work
            max(self.size - 1, 1), 'hourglass', np.setbufsize, (_BUFFER_SIZE,))
        self._lock = threading.Lock()  # held while BLAS's threads are set
        self._users = 0
        self._before: list[int] = []  # of each library, while there are users: its threads before the first came

    @contextmanager
    def settings(self) -> Iterator[None]:
        """Have what suits work on blocks while the context lasts: one thread of BLAS, small buffers of NumPy."""
        buffer_size = np.setbufsize(_BUFFER_SIZE)
        self._change_users(1)
        try:
            yield
        finally:
            self._change_users(-1)
            np.setbufsize(buffer_size)

    def _change_users(self, by: int) -> None:
        """Hold BLAS to one thread for the first thread that comes; the last one to leave gives it its threads back."""
        if self.size == 1:
            return
        with self._lock:
            if self._users == 0:
                self._before = [library.num_threads for library in self._blas.lib_controllers]
                self._set_blas_threads([1] * len(self._before))
            self._users += by
            if self._users == 0:
                self._set_blas_threads(self._before)

    def _set_blas_threads(self, numbers: list[int]) -> None:
        for library, number in zip(self._blas.lib_controllers, numbers, strict=True):
            # threadpoolctl, from 3.8, obeys only the first thread that set a number, as long as that one lives.
            getattr(library, 'clear_controlling_thread', lambda force: None)(force=True)
            library.set_num_threads(number)

    def run(self, blocks: Iterable[T], work: Callable[[Iterator[T]], Any], threads: int | None = None) -> list[Any]:
        """Share ``blocks`` out among the threads.

        Args:
            blocks: to be processed, in any order.
            work: called once for every thread with an iterator over the thread's share; as for :meth:`all`.
            threads: how many at most; all by default.

        Returns:
            What the calls of ``work`` returned.

        Raises:
            Exception: whatever a call of ``work`` raised, once none is running any more.
        """
        blocks = list(blocks)
        # Who works on what is fixed, so that sums over a thread's blocks are rounded in the same way every time.
        count = min(threads or self.size, self.size, len(blocks))
        if count == 1:
            return [work(iter(blocks))]
        return self.all([partial(work, iter(blocks[i::count])) for i in range(count)])

    def all(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Call functions, which may in turn call ``run`` and ``all``; this thread calls those that no other has begun.

        Args:
            tasks: called in any thread; they find none of the caller's ``chainer.config``, which is one thread's own.

        Returns:
            What the calls returned.

        Raises:
            Exception: whatever a call raised, once none is running any more.
        """
        first, *others = tasks
        if self.size == 1:
            return [task() for task in tasks]
        futures = [self._pool.submit(task) for task in others]
        try:
            # A task that no thread has begun is taken back: all threads may be busy with tasks that wait for it.
            return [first(), *(task() if future.cancel() else future.result()
                               for task, future in zip(others, futures, strict=True))]
        finally:
            wait([future for future in futures if not future.cancel()])


_instance: Workers | None = None
_instance_lock = threading.Lock()


def workers() -> Workers:
    """Return the threads of this process."""
    global _instance
    if _instance is None:
        with _instance_lock:
            if _instance is None:
                _instance = Workers()
    return _instance


def _forget() -> None:
    """Leave the threads to the parent: a process that has just been forked has none of them."""
    global _instance
    _instance = None


if hasattr(os, 'register_at_fork'):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
