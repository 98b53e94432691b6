"""Chainer itself as an engine."""

from __future__ import annotations

import threading

from hourglass.engine.base import Engine
from hourglass.functions.graph import CudaGraph, Recorder
from hourglass.functions.layout import Array

import chainer
import numpy as np

#: Shapes of the input for which a GPU keeps the network as a graph.
_N_GRAPHS = 8


class ChainerEngine(Engine):
    """A network that Chainer runs, on the CPU or a GPU.

    Args:
        network: the trained network, on the device where it shall run.
    """

    name = 'chainer'

    def __init__(self, network: chainer.Chain) -> None:
        self.network = network
        self._graphs: dict[tuple[int, ...], CudaGraph] = {}
        self._recorder: Recorder | None = None
        self._lock = threading.Lock()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        # In every thread: Chainer's functions make the device of their arrays the current one.
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            if self.network.device.xp is np:
                return self._run(x)
            with self._lock, chainer.using_device(self.network.device):
                return self._run_on_gpu(self.network.device.send(x)).get()

    def _run(self, x: Array) -> Array:
        return self.network(x)[-1].array

    def _run_on_gpu(self, x: Array) -> Array:
        """Run the network; from the second time on with a graph for this shape."""
        if chainer.config.hourglass_functions == 'fast':
            try:
                return self._graph(x)(x)
            except MemoryError:
                # What graphs of other shapes use is not free.
                self._graphs.clear()
                self._recorder = None
        return self._run(x)

    def _graph(self, x: Array) -> CudaGraph:
        self._recorder = self._recorder or Recorder()
        # Arrays that were moved to the CPU and back lie elsewhere.
        key = (*x.shape, next(self.network.params()).array.data.ptr)
        graph = self._graphs.pop(key, None) or CudaGraph(self._run, self._recorder)
        if len(self._graphs) == _N_GRAPHS:
            del self._graphs[next(iter(self._graphs))]  # that was used longest ago
        self._graphs[key] = graph
        return graph
