"""Processes that prepare samples and write their arrays into shared memory."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import suppress
from itertools import cycle
from typing import Any

from hourglass.errors import InputError

import cv2
import numpy as np

# Each array begins at a multiple of this, as NumPy's own do.
_ALIGNMENT = 64

_dataset: Any = None
_memory: mmap.mmap | None = None


def _become_loader(dataset: Any, memory: mmap.mmap | None) -> None:
    """Set up a loader process."""
    global _dataset, _memory
    _dataset, _memory = dataset, memory
    # A terminal or a job queue sends Ctrl-C and SIGTERM to all processes of a group. Only the training handles them: it
    # finishes its step and then ends its loaders.
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # There is already a process for each core.
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the training has been killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _aligned(n_bytes: int) -> int:
    return -(-n_bytes // _ALIGNMENT) * _ALIGNMENT


def _measure(index: int) -> int:
    """Return how many bytes of shared memory a sample needs."""
    buffers: list[pickle.PickleBuffer] = []
    pickle.dumps(_dataset[index], 5, buffer_callback=buffers.append)
    return sum(_aligned(buffer.raw().nbytes) for buffer in buffers)


def _load(indices: list[int], start: int, end: int) -> tuple[bytes, list[slice]]:
    """Prepare samples and write their arrays into the shared memory from ``start`` to ``end``.

    Returns:
        The list of samples, pickled, and where its arrays are; those that are not contiguous or do not fit are in the
        pickle.
    """
    places: list[slice] = []

    def write(buffer: pickle.PickleBuffer) -> bool:
        nonlocal start
        assert _memory is not None
        array = buffer.raw()
        place = slice(start, start + array.nbytes)
        if place.stop > end:
            return True  # pickle it
        _memory[place] = array
        places.append(place)
        start += _aligned(array.nbytes)
        return False

    samples = [_dataset[index] for index in indices]
    return pickle.dumps(samples, 5, buffer_callback=write), places


class Loaders:
    """Processes that prepare the samples of several batches at a time.

    They are forked when this is made: before threads are started and before a GPU is used.

    Args:
        dataset: returns samples by index.
        n: number of processes.
        indices: of a batch as long as all others will be.  The size of its first sample determines how much memory is
            shared; larger ones are correct, but slower.
        n_held: number of batches that have shared memory.  The arrays of a batch stay until this many other batches
            are requested.

    Raises:
        InputError: the system cannot fork processes.
    """

    def __init__(self, dataset: Any, n: int, indices: np.ndarray, n_held: int) -> None:
        if not hasattr(os, 'fork'):  # on Windows
            raise InputError('--loaders: this system cannot fork processes')
        context = multiprocessing.get_context('fork')
        self._n, self._sample_size = n, 0
        # Not in this process: OpenCV's threads and open HDF5 files do not survive a fork. An error comes again with the
        # batch.
        with suppress(Exception), ProcessPoolExecutor(1, context, _become_loader, (dataset, None)) as pool:
            self._sample_size = pool.submit(_measure, int(indices[0])).result()
        batch_size = len(indices) * self._sample_size
        memory = mmap.mmap(-1, max(1, n_held * batch_size))
        self._memory, self._starts = memoryview(memory), cycle([i * batch_size for i in range(n_held)])
        self._pool = ProcessPoolExecutor(n, context, _become_loader, (dataset, memory))
        # The first task starts the processes.
        self._pool.submit(os.getpid).result()

    def request(self, indices: np.ndarray) -> list[Future[Any]]:
        """Start to prepare a batch; each process takes a part of it."""
        start, n = next(self._starts), -(-len(indices) // self._n)
        parts = [indices[i:i + n].tolist() for i in range(0, len(indices), n)]
        ends = start + self._sample_size * np.cumsum([0, *map(len, parts)])
        return [self._pool.submit(_load, part, int(ends[i]), int(ends[i + 1])) for i, part in enumerate(parts)]

    def take(self, batch: list[Future[Any]]) -> list[Any]:
        """Wait for a requested batch and return its samples.

        Raises:
            BrokenProcessPool: a process was killed.
            Exception: what the data set raised.
        """
        samples = []
        for pickled, places in [future.result() for future in batch]:
            samples += pickle.loads(pickled, buffers=[self._memory[place] for place in places])
        return samples

    @staticmethod
    def drop(batches: Iterable[list[Future[Any]]]) -> None:
        """Give up batches, so that nothing more is written into their memory."""
        wait([future for batch in batches for future in batch if not future.cancel()])

    def finalize(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)
