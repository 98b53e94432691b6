"""Training steps on a GPU with the forward and backward pass as a CUDA graph."""

from __future__ import annotations

import math
from typing import Any

from hourglass.functions.graph import Graph, Recorder

import chainer
import numpy as np
from chainer import reporter
from chainer.backends import cuda
from chainer.training.updaters import StandardUpdater


def gradient_graph(chain: chainer.Chain) -> Graph:
    """Return a function that sets the gradients of ``chain`` for a batch and returns the loss, a () array."""
    def compute(*batch: Any) -> Any:
        chain.cleargrads()
        loss = chain(*batch)
        loss.backward()
        return loss.array

    return Graph(compute, Recorder())


class _Sender:
    """Copies batches to the current GPU while the step before is computed.

    Chainer's ``ConcatWithAsyncTransfer`` copies a batch twice before that, which takes longer than the step of a small
    network.
    """

    def __init__(self) -> None:
        self._memory: dict[tuple, np.ndarray] = {}  # the GPU reads it without the processor
        self._is_read = cuda.Event()

    def __call__(self, batch: list[tuple], device: Any) -> tuple[Any, ...]:
        """Return the batch's arrays, to be used on the default stream."""
        self._is_read.synchronize()
        return tuple([self._send(i, values) for i, values in enumerate(zip(*batch, strict=True))])

    def _send(self, i: int, values: tuple[np.ndarray, ...]) -> Any:
        shape, dtype = (len(values), *values[0].shape), values[0].dtype
        if (memory := self._memory.get((i, shape))) is None:
            memory = np.frombuffer(cuda.cupy.cuda.alloc_pinned_memory(math.prod(shape) * dtype.itemsize), dtype,
                                   math.prod(shape)).reshape(shape)
            self._memory[i, shape] = memory
        array = cuda.cupy.empty(shape, dtype)
        array.set(np.stack(values, out=memory), cuda.Stream.null)
        self._is_read.record(cuda.Stream.null)
        return array


class GraphUpdater(StandardUpdater):
    """Chainer's updater for one GPU, with a graph in place of the calls of the network."""

    _graph: Graph | None = None

    def __init__(self, iterator: Any, optimizer: Any, device: Any) -> None:
        super().__init__(iterator, optimizer, _Sender(), device)

    def update_core(self) -> None:
        iterator = self.get_iterator('main')
        batch = self.converter(iterator.next(), self.device)
        optimizer = self.get_optimizer('main')
        if self._graph is None:
            self._graph = gradient_graph(optimizer.target)
        # A copy, because the next step overwrites the array.
        reporter.report({'loss': self._graph(*batch).copy()}, optimizer.target)
        optimizer.update()
        if iterator.is_new_epoch:
            optimizer.new_epoch(auto=True)
