"""Work on a GPU as a CUDA graph.

A small network is hundreds of short kernels, and Python takes longer to start one than the GPU to compute it.  A graph
is recorded once and then starts all of them in one call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hourglass.functions.layout import Array

from chainer.backends import cuda

# CUDA does not let a thread wait for the device while another one records.
_LOCK = threading.Lock()
#: CUDA's ``cudaErrorMemoryAllocation``.
_OUT_OF_MEMORY = 2


def _allocate(size: int) -> Any:
    """Return new memory of a GPU, for a pool.

    Raises:
        MemoryError: the memory is full.  After CuPy's own error, the pool would free memory that graphs still use.
    """
    memory = cuda.cupy.cuda.memory
    try:
        return memory.MemoryPointer(memory.Memory(size), 0)
    except cuda.cupy.cuda.runtime.CUDARuntimeError as error:
        if error.status != _OUT_OF_MEMORY:
            raise
        raise MemoryError(str(error)) from None


class Recorder:
    """Does work, and records it, on a stream and in memory of its own.

    A graph uses the same memory whenever it is launched.  Nothing else may be stored there, except by graphs that are
    never launched at the same time.
    """

    def __init__(self) -> None:
        self._stream = cuda.cupy.cuda.Stream(non_blocking=True)
        self._pool = cuda.cupy.cuda.MemoryPool(_allocate)

    def run(self, work: Callable[[], Any]) -> Any:
        """Do the work; this also compiles the kernels and takes the memory, which cannot be recorded."""
        with _LOCK:
            cuda.cupy.cuda.Device().synchronize()
            with self._stream, cuda.cupy.cuda.using_allocator(self._pool.malloc):
                result = work()
            self._stream.synchronize()
        return result

    def record(self, work: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        """Return a function that repeats the work on the current stream, and the arrays of its result."""
        with _LOCK, self._stream, cuda.cupy.cuda.using_allocator(self._pool.malloc):
            self._stream.begin_capture()
            try:
                result = work()
            finally:
                graph = self._stream.end_capture()
        return graph.launch, result


class CudaGraph:
    """A function of arrays on a GPU; the first call computes it as usual, the second one records it.

    The function launches the same kernels each time.  If it cannot be recorded, because it waits for the GPU, calls a
    library that forbids it, or finds the memory full, every call computes it as usual.

    Args:
        work: the function; the arrays that it reads beside its arguments must stay where they are.
        recorder: several functions may share it.
    """

    def __init__(self, work: Callable[..., Any], recorder: Recorder) -> None:
        self._work = work
        self._recorder: Recorder | None = recorder  # None: cannot be recorded
        self._arguments: tuple[Array, ...] = ()
        self._launch: Callable[[], None] | None = None

    def __call__(self, *arguments: Array) -> Any:
        """Return what the function returns; the next call overwrites it.

        Args:
            arguments: of the same shapes in all calls.

        Raises:
            MemoryError: the memory is full.
        """
        if self._recorder is None:
            return self._work(*arguments)
        if not self._arguments:
            self._arguments = tuple([array.copy() for array in arguments])
            return self._recorder.run(self._call)
        for array, values in zip(self._arguments, arguments, strict=True):
            array[...] = values
        if self._launch is None:
            with suppress(RuntimeError, MemoryError):  # also CuPy's NotImplementedError and CUDARuntimeError
                self._launch, self._result = self._recorder.record(self._call)
            if self._launch is None:
                self._recorder = None  # with its memory
                return self._work(*arguments)
        self._launch()
        return self._result

    def _call(self) -> Any:
        return self._work(*self._arguments)
