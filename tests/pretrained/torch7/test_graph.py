from __future__ import annotations

from pathlib import Path
from typing import Any

from pretrained.torch7 import load_graph
from pretrained.torch7.network import parameters
from tests.pretrained.torch7.writer import Obj, Table, Tensor, dump
from tests.refusal import damage

import numpy as np


def _conv(**fields: Any) -> Obj:
    return Obj('nn.SpatialConvolution', {'kW': 1, 'kH': 1, 'weight': Tensor(np.ones((4, 4, 1, 1), 'f')), **fields})


def test_containers(path: Path) -> None:
    """A residual module as the Torch7 code makes it."""
    body = Obj('nn.Sequential', {'modules': [_conv(), Obj('cudnn.ReLU', {})]})
    branches = Obj('nn.ConcatTable', {'modules': [body, Obj('nn.Identity', {})]})
    path.write_bytes(dump(Obj('nn.Sequential', {'modules': [branches, Obj('nn.CAddTable', {})]})))
    graph = load_graph(path)
    image, conv, relu, add = graph.nodes
    assert [node.op for node in graph.nodes] == ['input', 'conv', 'relu', 'add']
    assert (conv.inputs, relu.inputs, add.inputs, graph.outputs) == ((image,), (conv,), (relu, image), [add])


def test_missing_bias_and_affine(path: Path) -> None:
    ones = Tensor(np.ones(4, 'f'))
    modules = [_conv(), Obj('nn.SpatialBatchNormalization', {'running_mean': ones, 'running_var': ones}),
               _conv(bias=Tensor())]
    path.write_bytes(dump(Obj('nn.Sequential', {'modules': modules})))
    _, conv, bn, other = (parameters(node) if node.op != 'input' else {} for node in load_graph(path).nodes)
    for array, value in ((conv['b'], 0), (bn['gamma'], 1), (bn['beta'], 0), (other['b'], 0)):
        np.testing.assert_array_equal(array, np.full(4, value, 'f'))


def test_broken_modules(path: Path) -> None:
    relu = Obj('nn.ReLU', {})
    first: dict[Any, Any] = {'module': relu}
    second: dict[Any, Any] = {'module': relu, 'mapindex': Table([(1, first)])}
    first['mapindex'] = Table([(1, second)])
    nodes = [Obj('nngraph.Node', {'data': data}) for data in (first, second)]
    for module, reason in (
            ({}, 'it holds no network'),
            (_conv(kW='one'), 'no number kW in nn.SpatialConvolution'), (_conv(dH=True), 'no number dH in'),
            (Obj('nn.Sequential', {}), 'modules'), (Obj('nn.Sequential', {'modules': [5]}), 'class_name'),
            (Obj('nn.gModule', {'forwardnodes': [3]}), 'fields'),
            (Obj('nn.gModule', {'forwardnodes': nodes, 'outnode': nodes[1]}), '')):
        path.write_bytes(dump(module))
        assert reason in damage(load_graph, path)
