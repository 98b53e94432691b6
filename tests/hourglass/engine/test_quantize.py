from __future__ import annotations

from pathlib import Path

from data.synthetic import demo_scene
from hourglass.codec import decode_for
from hourglass.crop import picture_box
from hourglass.engine import quantize
from hourglass.engine.quantize import quantized
from hourglass.preactivation import PreActivationHG
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from tests.networks import graph_of

import numpy as np
import pytest

onnxruntime = pytest.importorskip('onnxruntime')


def test_eight_bits_find_the_same_joints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path))
    monkeypatch.setattr(quantize.quantized, '__defaults__', (12,))
    fine, coarse = (PosePredictor.load('bundled', precision=precision) for precision in ('f32', 'int8'))
    image = demo_scene()
    inputs = fine.prepare(image, picture_box(image.shape[1:], fine.spec))[None]
    expected, got = fine.heatmaps(inputs), coarse.heatmaps(inputs)
    assert 1e-4 < abs(got - expected).max() < 0.3
    points, rough_points = (decode_for(fine.spec, maps, np.array([128, 128]))[0] for maps in (expected, got))
    assert np.median(abs(points - rough_points)) <= 1
    assert abs(points - rough_points).max() <= 6
    sizes = sorted(path.stat().st_size for path in (tmp_path / 'engines').iterdir())
    assert sizes[0] < 0.4 * sizes[1]


def test_the_network_of_the_torch7_code() -> None:
    np.random.seed(0)
    spec = ModelSpec('PreActivationHG', n_stack=2, width=8, layer_num=2, input_size=(64, 64), crop='torch7',
                     decoding='torch7', mean=(0.4, 0.4, 0.4))
    network = spec.build_network()
    assert isinstance(network, PreActivationHG)
    graph = graph_of(network)
    small = quantized(graph, spec, n_people=1)
    x = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    expected, got = (onnxruntime.InferenceSession(g.SerializeToString()).run(None, {'image': x})[0]
                     for g in (graph, small))
    assert 0 < abs(got - expected).max() < 0.25 * abs(expected).max()
