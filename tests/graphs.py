"""Graphs of networks that tests make, and networks in double precision."""

from __future__ import annotations

from typing import Any

from hourglass.engine.networks import network_graph
from hourglass.joint_table import from_table
from hourglass.spec import NETWORKS, ModelSpec
from pretrained.weights_file import Model

import chainer
import numpy as np


def graph_of(network: chainer.Chain, size: tuple[int, int] | None = None, **options: Any) -> Any:
    """Return the graph of a network; the arguments are those of :func:`network_graph`."""
    kind = type(network).__name__
    arguments = {name: getattr(network, name) for name in NETWORKS[kind].arguments if hasattr(network, name)}
    joints = from_table({'joints': [f'joint {i}' for i in range(network.out_channels)]}, 'test')
    spec = ModelSpec(kind, joints=joints, input_size=(4096, 4096), **arguments)
    return network_graph(Model.of_network(network, spec, 'test').arrays, spec, size, **options)


def to_double(network: chainer.Link) -> None:
    """Convert parameters and running statistics to double precision: batch statistics amplify rounding."""
    for link in network.links():
        for name in link._params:
            getattr(link, name).array = getattr(link, name).array.astype(np.float64)
        for name in {'avg_mean', 'avg_var'} & link._persistent:
            setattr(link, name, getattr(link, name).astype(np.float64))
