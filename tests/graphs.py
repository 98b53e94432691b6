"""Graphs of networks that tests make."""

from __future__ import annotations

from typing import Any

from hourglass.engine.networks import network_graph
from hourglass.joint_table import from_table
from hourglass.spec import NETWORKS, ModelSpec
from pretrained.weights_file import Model

import chainer


def graph_of(network: chainer.Chain, size: tuple[int, int] | None = None, **options: Any) -> Any:
    """Return the graph of a network; the arguments are those of :func:`network_graph`."""
    kind = type(network).__name__
    arguments = {name: getattr(network, name) for name in NETWORKS[kind].arguments if hasattr(network, name)}
    joints = from_table({'joints': [f'joint {i}' for i in range(network.out_channels)]}, 'test')
    spec = ModelSpec(kind, joints=joints, input_size=(4096, 4096), **arguments)
    return network_graph(Model.of_network(network, spec, 'test').arrays, spec, size, **options)
