"""OpenVINO as an engine, on the CPU."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any

from hourglass.engine.base import Engine, run_in_pieces, threads
from hourglass.errors import InputError

import numpy as np

# Importing OpenVINO reports to its maker over the network, unless the package that does is missing.
sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402


def _settings(precision: str) -> dict[str, Any]:
    # int8 is in the graph; what is not int8 there is computed in single precision.
    return {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_NUM_THREADS': threads(),
            'INFERENCE_PRECISION_HINT': 'bf16' if precision == 'bf16' else 'f32'}


def check_precision(precision: str) -> None:
    """Raise ``InputError`` if this machine's CPU lacks the arithmetic for a precision."""
    if precision == 'bf16' and 'BF16' not in ov.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
        raise InputError('--precision bf16: this CPU has no arithmetic in bfloat16')


def compile_graph(graph: bytes, precision: str) -> bytes:
    """Return OpenVINO's own form of a graph in ONNX, which is faster to load; it is for this machine and version."""
    core = ov.Core()
    return core.compile_model(core.read_model(graph), 'CPU', _settings(precision)).export_model().getvalue()


class OpenVINOEngine(Engine):
    """A graph that OpenVINO runs.

    Args:
        graph: of :func:`compile_graph`.
        precision: as for :func:`compile_graph`.
    """

    name = 'openvino'

    def __init__(self, graph: bytes, precision: str = 'f32') -> None:
        self._model = ov.Core().import_model(io.BytesIO(graph), 'CPU', _settings(precision))
        self._threads = threads()
        self._local = threading.local()  # a request is one thread's

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if not hasattr(self._local, 'request'):
            self._local.request = self._model.create_infer_request()
        request = self._local.request
        # A copy, because the next result overwrites this one.
        return run_in_pieces(lambda piece: request.infer({0: np.ascontiguousarray(piece)})[0].copy(), x, self._threads)


def version() -> str:
    """Return what a compiled graph depends on beside the weights."""
    core = ov.Core()
    names = ('FULL_DEVICE_NAME', 'OPTIMIZATION_CAPABILITIES')
    return ' '.join([ov.__version__, *(str(core.get_property('CPU', name)) for name in names)])
