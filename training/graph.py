"""Training steps on a GPU with the forward and backward pass as a CUDA graph."""

from __future__ import annotations

from typing import Any

from hourglass.functions.graph import Graph, Recorder

import chainer
from chainer import reporter
from chainer.backends import cuda
from chainer.dataset.convert import ConcatWithAsyncTransfer
from chainer.training.updaters import StandardUpdater


def gradient_graph(chain: chainer.Chain) -> Graph:
    """Return a function that sets the gradients of ``chain`` for a batch and returns the loss, a () array."""
    def compute(*batch: Any) -> Any:
        chain.cleargrads()
        loss = chain(*batch)
        loss.backward()
        return loss.array

    return Graph(compute, Recorder())


class GraphUpdater(StandardUpdater):
    """Chainer's updater for one GPU, with a graph in place of the calls of the network.

    A batch is copied to the GPU while the step before is computed.
    """

    _graph: Graph | None = None

    def __init__(self, iterator: Any, optimizer: Any, device: Any) -> None:
        converter = ConcatWithAsyncTransfer(compute_stream=cuda.Stream.null)
        super().__init__(iterator, optimizer, lambda batch, device: converter(batch, device.device.id), device)

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
