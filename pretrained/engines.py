"""Load weights into an engine; graphs are kept in the cache."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata

from hourglass.engine.base import Engine
from hourglass.engine.cache import Entry, cached, key_of
from hourglass.engine.choice import choose_engine
from hourglass.errors import InputError, missing_package
from hourglass.files import sha256_of
from hourglass.spec import ModelSpec
from pretrained import registry

Loaded = tuple[Engine, ModelSpec]


def load_engine(
    name: str | None = None, gpu: int = -1, engine: str = 'auto', precision: str = 'f32',
) -> Loaded:
    """Load weights into an engine.

    Args:
        name: weights by name or as a file, as for :meth:`hourglass.predictor.PosePredictor.load`.
        gpu, engine, precision: as for :func:`choose_engine`.

    Returns:
        The engine, ready to run, and the spec of the weights.

    Raises:
        InputError: the engine or the GPU cannot be used, or the weights are not there or cannot be read.
    """
    kind = choose_engine(engine, precision, gpu)
    loaders: dict[str, Callable[[str], Loaded]] = {
        'chainer': lambda name: _load_chainer(name, gpu),
        'onnxruntime': lambda name: _load_onnxruntime(name, precision),
        'openvino': lambda name: _load_openvino(name, precision),
    }
    try:
        return registry.use_weights(name, loaders[kind])
    except ImportError as error:
        missing = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
        # The engine itself is installed (choose_engine), but may be for another system, or damaged.
        if missing and not (kind == 'openvino' and str(error.name).startswith(kind)):
            raise InputError(missing) from None
        problem = f'{kind} cannot be loaded ({" ".join(str(error).split())[:300]})'
        if kind == 'chainer':
            raise
        if engine != 'auto' or precision != 'f32':
            raise InputError(problem) from None
        print(f'{problem}; Chainer runs the network', file=sys.stderr)
        return registry.use_weights(name, loaders['chainer'])


def _load_chainer(name: str, gpu: int) -> Loaded:
    from hourglass.device import check_gpu, use_device
    from hourglass.engine.chainer_engine import ChainerEngine

    check_gpu(gpu)
    model = registry.load(name)
    return ChainerEngine(use_device(model.network, gpu)), model.spec


def _load_onnxruntime(name: str, precision: str) -> Loaded:
    from hourglass.engine.onnxruntime_engine import OnnxRuntimeEngine, version

    entry = cached(_key(name, 'onnxruntime', version(), precision), lambda: _graph(name, precision))
    return OnnxRuntimeEngine(entry.graph), entry.spec


def _load_openvino(name: str, precision: str) -> Loaded:
    from hourglass.engine.openvino_engine import OpenVINOEngine, check_precision, compile_graph, version

    check_precision(precision)

    def make() -> Entry:
        entry = _graph(name, precision)
        return Entry(compile_graph(entry.graph, precision), entry.spec)

    entry = cached(_key(name, 'openvino', version(), precision), make)
    return OpenVINOEngine(entry.graph, precision), entry.spec


def _key(name: str, engine: str, version: str, precision: str) -> str:
    """Return the name of a graph in the cache, a hash of everything that it depends on but the code."""
    path = registry.resolve(name)
    spec = registry.REGISTRY[name].spec.to_json() if name in registry.REGISTRY else ''
    # A named pipe would wait for a writer; the reader of weights reports what is no file.
    digest = sha256_of(path) if path.is_file() else ''
    quantizer = [metadata.version('onnxruntime')] if precision == 'int8' else []
    return key_of(digest, spec, engine, version, precision, *quantizer)


def _graph(name: str, precision: str) -> Entry:
    """Read weights and write them as a graph in ONNX."""
    from hourglass.engine.networks import network_graph

    model = registry.load(name)
    graph = network_graph(model.arrays, model.spec, tiled=precision == 'f32')
    if precision == 'int8':
        from hourglass.engine.quantize import quantized

        graph = quantized(graph, model.spec)
    return Entry(graph.SerializeToString(deterministic=True), model.spec)
