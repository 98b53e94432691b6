"""The engines by themselves, on a small network's graph; tests/pretrained/test_engines.py loads weights into them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from hourglass.engine.base import Engine
from hourglass.network import StackedHG
from tests.child import run_python
from tests.networks import graph_of, randomise, stock_maps

import numpy as np
import pytest


def _load(engine: str, graph: bytes) -> Engine:
    pytest.importorskip('onnx')
    # Not imported to find out: OpenVINO would report that.
    if find_spec(engine) is None:
        pytest.skip(f'{engine} is not installed')
    if engine == 'onnxruntime':
        from hourglass.engine.onnxruntime_engine import OnnxRuntimeEngine

        return OnnxRuntimeEngine(graph)
    from hourglass.engine.openvino_engine import OpenVINOEngine, compile_graph

    return OpenVINOEngine(compile_graph(graph, 'f32'))


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_images_of_any_number_and_size_from_several_threads(engine: str) -> None:
    network = randomise(StackedHG(5, 1, 16, 2))
    loaded = _load(engine, graph_of(network).SerializeToString())
    x = [np.random.default_rng(i).random((n, 3, height, 64), np.float32)
         for i, (n, height) in enumerate(((1, 64), (9, 64), (1, 96), (2, 64)))]
    expected = [stock_maps(network, images)[-1] for images in x]
    with ThreadPoolExecutor(4) as pool:
        for maps, wanted in zip(pool.map(loaded, x * 3), expected * 3, strict=True):
            np.testing.assert_allclose(maps, wanted, atol=1e-5 * abs(wanted).max())


def test_openvino_does_not_report_to_anybody() -> None:
    if find_spec('openvino') is None:
        pytest.skip('openvino is not installed')
    code = ('import sys, hourglass.engine.openvino_engine;'
            'print([name for name in sys.modules if name.startswith("openvino_telemetry")])')
    found = run_python('-c', code).stdout
    # The entry that says that there is no such package, and nothing of the package.
    assert found.split() == ["['openvino_telemetry']"]
