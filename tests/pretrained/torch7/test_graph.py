"""Taking modules and graphs of modules apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.torch7 import load_graph
from pretrained.torch7.graph import Graph
from pretrained.torch7.network import parameters
from tests.pretrained.torch7 import writer as t7
from tests.pretrained.torch7.networks import Net

import numpy as np
import pytest


@pytest.fixture
def load(path: Path) -> Callable[[Any], Graph]:
    def load(root: Any) -> Graph:
        path.write_bytes(t7.dump(root))
        return load_graph(path)

    return load


@pytest.fixture
def net() -> Any:
    return Net(np.random.RandomState(0))


def message(load: Callable[[Any], Graph], root: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(root)
    assert '\n' not in str(caught.value)
    return str(caught.value).partition('network.t7: ')[2]


def test_missing_bias_and_affine(load: Callable[[Any], Graph], net: Any) -> None:
    bn = net.bn(4)
    del bn.fields['weight'], bn.fields['bias']
    empty_bias = net.conv(4, 2)
    empty_bias.fields['bias'] = t7.Tensor()
    nodes = load(net.sequential(net.conv(3, 4, bias=False), bn, empty_bias)).nodes
    np.testing.assert_array_equal(parameters(nodes[1])['b'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[2])['gamma'], np.ones(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[2])['beta'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(parameters(nodes[3])['b'], np.zeros(2, 'f'))


def _with(module: Any, **fields: Any) -> Any:
    module.fields.update(fields)
    return module


def test_broken_modules(load: Callable[[Any], Graph], net: Any) -> None:
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
        assert reason in message(load, module)
