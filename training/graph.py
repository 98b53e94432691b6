"""A training step's forward and backward pass as one CUDA graph.

A small network is hundreds of short kernels, and Python takes longer to start one than the GPU to compute it.  A graph
is recorded once and then starts all of them in one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainer
from chainer import reporter
from chainer.backends import cuda
from chainer.training.updaters import StandardUpdater


class Recorder:
    """Does work, and records it as a graph, on a stream and in memory of its own.

    A graph uses the same memory whenever it is launched: nothing else may be stored there.
    """

    def __init__(self) -> None:
        self._stream = cuda.cupy.cuda.Stream(non_blocking=True)
        self._pool = cuda.cupy.cuda.MemoryPool()

    def run(self, work: Callable[[], None]) -> None:
        """Do the work; this also compiles the kernels and takes the memory, which cannot be recorded."""
        cuda.cupy.cuda.Device().synchronize()
        with self._stream, cuda.cupy.cuda.using_allocator(self._pool.malloc):
            work()
        self._stream.synchronize()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does the work again on the current stream; the work is not done now."""
        with self._stream, cuda.cupy.cuda.using_allocator(self._pool.malloc):
            self._stream.begin_capture()
            work()
            graph = self._stream.end_capture()
        return graph.launch


class GradientGraph:
    """Computes a loss and its gradients: the first time as Chainer does, later with a graph.

    Args:
        chain: called with a batch, returns the loss; on a GPU.
    """

    def __init__(self, chain: chainer.Chain) -> None:
        self._chain = chain
        self._batch: tuple[Any, ...] = ()
        self._launch: Callable[[], None] | None = None

    def __call__(self, batch: tuple[Any, ...]) -> Any:
        """Set the parameters' gradients; return the loss, a () array.

        Args:
            batch: arrays on the GPU, of the same shapes in all calls.
        """
        if not self._batch:
            self._batch = tuple(array.copy() for array in batch)
            self._loss = self._chain.xp.zeros((), self._batch[0].dtype)
            self._recorder = Recorder()
            self._recorder.run(self._compute)
        else:
            for array, values in zip(self._batch, batch, strict=True):
                array[...] = values
            if self._launch is None:
                self._launch = self._recorder.record(self._compute)
            self._launch()
        return self._loss.copy()

    def _compute(self) -> None:
        self._chain.cleargrads()
        loss = self._chain(*self._batch)
        loss.backward()
        self._loss[...] = loss.array


class GraphUpdater(StandardUpdater):
    """Chainer's updater for one GPU, with a :class:`GradientGraph`."""

    _gradients: GradientGraph | None = None

    def update_core(self) -> None:
        batch = self.converter(self.get_iterator('main').next(), self.device)
        optimizer = self.get_optimizer('main')
        if self._gradients is None:
            self._gradients = GradientGraph(optimizer.target)
        # The array that the chain has reported is overwritten by the next step.
        reporter.report({'loss': self._gradients(batch)}, optimizer.target)
        optimizer.update()
