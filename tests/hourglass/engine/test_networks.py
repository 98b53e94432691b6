from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

from hourglass.engine.cache import GRAPH_VERSION
from hourglass.engine.networks import network_graph
from hourglass.network import StackedHG
from hourglass.parameters import network_shapes
from hourglass.preactivation import PreActivationHG
from hourglass.spec import ModelSpec
from tests.networks import graph_of, maps_of, randomise, run_graph

import numpy as np
import pytest

pytest.importorskip('onnxruntime')

NETWORKS = {
    'reference, 3 stacks': lambda: StackedHG(16, 3, 16, 2),
    'reference, 1 stack, repeated pixels': lambda: StackedHG(5, 1, 8, 3, 'nearest'),
    'Torch7, 3 stacks': lambda: PreActivationHG(7, 3, 16, 2),
    'Torch7, wide stem, 2 modules': lambda: PreActivationHG(16, 2, 8, 3, 2, True),
}


@pytest.mark.parametrize('kind', NETWORKS)
@pytest.mark.parametrize('shape', [(3, 3, 64, 96), (1, 3, 32, 32)])
def test_a_graph_computes_what_chainer_computes(kind: str, shape: tuple[int, ...]) -> None:
    network = randomise(NETWORKS[kind]())
    x = np.random.default_rng(0).random(shape, np.float32)
    expected = maps_of(network, x, 'stock')
    model = graph_of(network, all_stacks=True)
    assert [output.name for output in model.graph.output] == [f'heatmaps_{i + 1}' for i in range(len(expected))]
    got = run_graph(model, x)
    last, = run_graph(graph_of(network), x)
    for maps, wanted in zip([*got, last], [*expected, expected[-1]], strict=True):
        assert abs(wanted).max() > 0.1
        np.testing.assert_allclose(maps, wanted, atol=1e-5 * abs(wanted).max())


def test_only_what_has_to_be_computed_is_in_a_graph() -> None:
    stacked = graph_of(randomise(StackedHG(16, 2, 8, 2))).graph.node
    assert {node.op_type for node in stacked} == {'Conv', 'Relu', 'Add', 'Concat', 'MaxPool', 'Resize'}
    # No output needs the first stack's heatmaps, and their way into the second is part of another convolution.
    names = {node.name for node in stacked}
    assert {'conv0', 'conv1_3b', 'heatmaps'} <= names
    assert not names & {'conv1_3a', 'conv1_4a', 'heatmaps_1'}
    # In the Torch7 code the first normalisation of a residual module comes after an addition.
    torch7 = PreActivationHG(16, 2, 8, 2)
    modules = sum(hasattr(link, 'bn3') for link in torch7.links())
    assert sum(node.op_type == 'Mul' for node in graph_of(torch7).graph.node) == modules


@pytest.mark.parametrize('tiled', [False, True])
def test_the_full_network_computes_what_the_reference_computed(
    tiled: bool, shared: Callable[[str], Path], rule_network: StackedHG,
) -> None:
    reference = np.load(shared('reference/forward_test.npz'))
    x = np.random.RandomState(zlib.crc32(b'dev-image')).uniform(0, 1, (2, 3, 256, 256)).astype(np.float32)
    outputs = run_graph(graph_of(rule_network, all_stacks=True, tiled=tiled), x)
    for got, name in zip(outputs, ('out1', 'out2'), strict=True):
        np.testing.assert_allclose(got, reference[name], atol=1e-4)


#: Hash of the graphs below, and the version under which they are cached.
RECORDED = (3, '095b96a58b4eea74')


def test_other_graphs_have_another_version() -> None:
    """A graph that an earlier version of the code made must not be used by a later one that makes another."""
    digest = hashlib.sha256(' '.join(sorted(ModelSpec.__dataclass_fields__)).encode())
    specs = [ModelSpec(width=8, layer_num=2), ModelSpec(n_stack=1, width=256, layer_num=2, upsampling='nearest'),
             ModelSpec('PreActivationHG', n_stack=2, width=8, layer_num=2, n_modules=2)]
    for spec in specs:
        rng = np.random.RandomState(0)
        arrays = {key: rng.uniform(0.5, 1, shape).astype(np.float32) for key, shape in network_shapes(spec).items()}
        graph = network_graph(arrays, spec, tiled=spec.width > 8).graph
        digest.update(graph.SerializeToString(deterministic=True))
    found = GRAPH_VERSION, digest.hexdigest()[:16]
    assert found == RECORDED, 'the graphs or the entries of ModelSpec have changed: raise GRAPH_VERSION in ' \
        f'hourglass/engine/cache.py, and record {found} here'
