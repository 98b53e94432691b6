from __future__ import annotations

from hourglass.engine import winograd
from hourglass.engine.graph import GraphWriter
from hourglass.network import StackedHG
from hourglass.preactivation import PreActivationHG
from tests.networks import graph_of, maps_of, randomise, run_graph

import chainer
import numpy as np
import onnx
import pytest

pytest.importorskip('onnxruntime')


def _tiled(model: onnx.ModelProto) -> set[str]:
    return {node.name for node in model.graph.node if node.op_type == 'Reshape'}


@pytest.mark.parametrize('shape', [(5, 3, 4, 1), (2, 3, 4, 7), (3, 8, 12, 2), (1, 16, 64, 64)])
@pytest.mark.parametrize('n_out', [1, 8])
def test_it_is_a_convolution_and_a_relu(shape: tuple[int, ...], n_out: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    w, b = rng.normal(size=(n_out, shape[1], 3, 3)), rng.normal(size=n_out)
    graph = GraphWriter()
    assert winograd.convolution_3x3(graph, 'image', w, b, 'result', 1) == 'result'
    model = graph.model(['n', shape[1], 'h', 'w'], {'result': ['n', 'o', 'h', 'w']}, {})
    expected = chainer.functions.relu(chainer.functions.convolution_2d(x.astype(np.float64), w, b, 1, 1)).array
    assert 0.1 < np.mean(expected > 0) < 0.9
    np.testing.assert_allclose(run_graph(model, x)[0], expected, atol=3e-6 * abs(expected).max())


#: Networks, and how many of their 3x3 convolutions are wide and in the two upper levels.
NETWORKS = {
    'reference': (lambda: StackedHG(5, 1, 256, 3), 11),
    'reference, two levels': (lambda: StackedHG(5, 1, 256, 2), 4),
    'Torch7': (lambda: PreActivationHG(5, 1, 256, 3), 6),
}


@pytest.mark.parametrize('kind', NETWORKS)
def test_a_network_in_tiles_computes_what_chainer_computes(kind: str) -> None:
    make, n_tiled = NETWORKS[kind]
    network = randomise(make())
    graph = graph_of(network, tiled=True)
    assert len(_tiled(graph)) == n_tiled
    assert not _tiled(graph_of(network))
    # Images of one size after another: the graph is made for all.
    for shape in ((2, 3, 64, 96), (1, 3, 32, 32)):
        x = np.random.default_rng(0).random(shape, np.float32)
        expected = maps_of(network, x, 'stock')[-1]
        np.testing.assert_allclose(run_graph(graph, x)[0], expected, atol=1e-5 * abs(expected).max())


def test_shallow_and_narrow_networks_have_no_tiles() -> None:
    for network in (StackedHG(5, 1, 256, 1), StackedHG(5, 1, 64, 3)):
        assert not _tiled(graph_of(network, tiled=True))
