"""ONNX Runtime as an engine, on the CPU."""

from __future__ import annotations

from hourglass.engine.base import Engine, run_in_pieces, threads

import numpy as np
import onnxruntime as ort


def session_options(log_severity: int = 3) -> ort.SessionOptions:
    """Return the options of every network that ONNX Runtime runs here; less than ``log_severity`` is not logged."""
    options = ort.SessionOptions()
    options.log_severity_level = log_severity
    options.intra_op_num_threads = threads()
    # Threads that wait in a loop take the processor from others: a small network gains a fifth alone, and takes nearly
    # twice as long beside other work, such as the other steps of a video.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return options


class OnnxRuntimeEngine(Engine):
    """A graph that ONNX Runtime runs.

    Args:
        graph: a model of :func:`hourglass.engine.networks.network_graph`, or its quantised form.
    """

    name = 'onnxruntime'

    def __init__(self, graph: bytes) -> None:
        self._threads = threads()
        self._session = ort.InferenceSession(graph, session_options(), providers=['CPUExecutionProvider'])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return run_in_pieces(lambda piece: self._session.run(None, {'image': piece})[0], x, self._threads)


def version() -> str:
    """Return what a graph for this engine depends on beside the weights."""
    return ort.__version__
