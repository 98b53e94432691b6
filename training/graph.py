"""Training steps on a GPU with the forward and backward pass as a CUDA graph."""

from __future__ import annotations

from typing import Any

from hourglass.functions.graph import CudaGraph, Recorder

import chainer
import numpy as np
from chainer import reporter
from chainer.backends import cuda
from chainer.training.updaters import StandardUpdater


def gradient_graph(chain: chainer.Chain) -> CudaGraph:
    """Return a function that sets the gradients of ``chain`` for a batch and returns the loss, a () array."""
    def compute(*batch: Any) -> Any:
        chain.cleargrads()
        loss = chain(*batch)
        loss.backward()
        return loss.array

    return CudaGraph(compute, Recorder())


class _Sender:
    """Gathers batches in page-locked memory, from which the GPU copies them without the processor.

    Chainer's converters copy a batch once more on the CPU.  Compared with a step of a small network that takes long.
    """

    def __init__(self) -> None:
        self._memory: list[np.ndarray] = []
        self._is_copied = cuda.Event()

    def __call__(self, batch: list[tuple[np.ndarray, ...]]) -> list[Any]:
        """Return the batch's arrays, to be used on the default stream; all batches have the same shapes."""
        columns = list(zip(*batch, strict=True))
        if not self._memory:
            self._memory = [cuda.cupyx.empty_pinned((len(batch), *values[0].shape), values[0].dtype)
                            for values in columns]
        self._is_copied.synchronize()  # before the memory is written to again
        arrays = [cuda.cupy.empty(memory.shape, memory.dtype) for memory in self._memory]
        for array, values, memory in zip(arrays, columns, self._memory, strict=True):
            array.set(np.stack(values, out=memory), cuda.Stream.null)
        self._is_copied.record(cuda.Stream.null)
        return arrays


class GraphUpdater(StandardUpdater):
    """Chainer's updater for one GPU, with a graph in place of the calls of the network."""

    _graph: CudaGraph | None = None

    def __init__(self, iterator: Any, optimizer: Any, device: Any) -> None:
        super().__init__(iterator, optimizer, device=device)
        self._send = _Sender()

    def update_core(self) -> None:
        iterator = self.get_iterator('main')
        batch = self._send(iterator.next())
        optimizer = self.get_optimizer('main')
        if self._graph is None:
            self._graph = gradient_graph(optimizer.target)
        # A copy, because the next step overwrites the array.
        reporter.report({'loss': self._graph(*batch).copy()}, optimizer.target)
        optimizer.update()
        if iterator.is_new_epoch:
            optimizer.new_epoch(auto=True)
