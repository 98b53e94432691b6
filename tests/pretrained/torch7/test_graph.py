"""Taking modules and graphs of modules apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pretrained.torch7 import load_graph
from pretrained.torch7.network import parameters
from tests.pretrained.torch7 import writer as t7
from tests.pretrained.torch7.networks import Net
from tests.refusal import refusal

import numpy as np
import pytest


@pytest.fixture
def net() -> Any:
    return Net(np.random.RandomState(0))


def test_missing_bias_and_affine(path: Path, net: Any) -> None:
    bn = net.bn(4)
    del bn.fields['weight'], bn.fields['bias']
    empty_bias = net.conv(4, 2)
    empty_bias.fields['bias'] = t7.Tensor()
    path.write_bytes(t7.dump(net.sequential(net.conv(3, 4, bias=False), bn, empty_bias)))
    nodes = load_graph(path).nodes
    np.testing.assert_array_equal(parameters(nodes[1])['b'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[2])['gamma'], np.ones(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[2])['beta'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[3])['b'], np.zeros(2, 'f'))


def _with(module: Any, **fields: Any) -> Any:
    module.fields.update(fields)
    return module


def test_broken_modules(path: Path, net: Any) -> None:
    first: dict[Any, Any] = {'module': net.relu()}
    second: dict[Any, Any] = {'module': net.relu(), 'mapindex': t7.Table([(1, first)])}
    first['mapindex'] = t7.Table([(1, second)])
    nodes = [t7.Obj('nngraph.Node', {'data': data}) for data in (first, second)]
    for module, reason in (
            ({}, 'it holds no network'),
            (_with(net.conv(3, 4), kW='one'), 'no number kW in nn.SpatialConvolution'),
            (_with(net.conv(3, 4), dH=True), 'no number dH in'),
            (t7.Obj('nn.Sequential', {}), 'broken'),
            (net.sequential(5), 'broken'),
            (t7.Obj('nn.gModule', {'forwardnodes': [3]}), 'broken'),
            (t7.Obj('nn.gModule', {'forwardnodes': nodes, 'outnode': nodes[1]}), 'broken')):
        path.write_bytes(t7.dump(module))
        assert reason in refusal(load_graph, path)
