"""Choose the engine."""

from __future__ import annotations

from importlib.util import find_spec

from hourglass.errors import InputError

#: Values of ``--engine``; ``auto`` is the fastest one that is installed.
ENGINES = ('auto', 'chainer', 'onnxruntime', 'openvino')
PRECISIONS = ('f32', 'bf16', 'int8')

#: Engines for graphs, called as their packages, with the precisions that they have; the fastest one comes first.
_GRAPH_ENGINES = {'onnxruntime': ('f32', 'int8'), 'openvino': ('f32', 'bf16', 'int8')}


def _missing(engine: str, precision: str) -> str | None:
    """Return the first package that an engine lacks for a precision, or ``None``."""
    needed = [engine, 'onnx', *(['onnxruntime'] if precision == 'int8' else [])]  # which makes the graph of 8 bits
    return next((name for name in needed if find_spec(name) is None), None)


def choose_engine(engine: str = 'auto', precision: str = 'f32', gpu: int = -1) -> str:
    """Return the name of the engine to use, without loading anything.

    Args:
        engine: one of :data:`ENGINES`.  ``auto``: the first of ONNX Runtime and OpenVINO that is installed and has
            the precision; Chainer if there is none, and on a GPU.
        precision: one of :data:`PRECISIONS`.
        gpu: number of the GPU; -1 for the CPU.

    Raises:
        InputError: the three do not go together, or a package is not installed.
    """
    if engine not in ENGINES or precision not in PRECISIONS:
        raise InputError(f'--engine {engine} --precision {precision}: the engines are {", ".join(ENGINES)}, the '
                         f'precisions {", ".join(PRECISIONS)}')
    if gpu >= 0 and engine not in ('auto', 'chainer'):
        raise InputError(f'--engine {engine} runs on the CPU; --gpu is for --engine chainer')
    if engine == 'chainer' or gpu >= 0:
        if precision != 'f32':
            raise InputError(f'--precision {precision} is for the engines onnxruntime and openvino on a CPU; '
                             'Chainer computes in f32')
        return 'chainer'
    able = [kind for kind, precisions in _GRAPH_ENGINES.items() if precision in precisions]
    candidates = able if engine == 'auto' else [kind for kind in able if kind == engine]
    if not candidates:
        raise InputError(f'--engine {engine} has no --precision {precision}; use --engine {" or ".join(able)}')
    missing = {kind: _missing(kind, precision) for kind in candidates}
    for kind, package in missing.items():
        if package is None:
            return kind
    if engine == 'auto' and precision == 'f32':
        return 'chainer'
    package = missing[candidates[0]]
    raise InputError(f'--engine {engine} --precision {precision} needs the package {package}, which is not installed '
                     f'(pip install {package})')
