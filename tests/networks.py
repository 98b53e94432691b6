"""Networks of tests: random values, double precision, what Chainer's own functions compute, and graphs."""

from __future__ import annotations

from typing import Any

from hourglass.engine.networks import network_graph
from hourglass.joint_table import from_table
from hourglass.spec import NETWORKS, ModelSpec
from pretrained.weights_file import Model

import chainer
import numpy as np
from chainer.serializers import DictionarySerializer


def values_of(network: chainer.Link) -> dict[str, np.ndarray]:
    """Return a copy of everything that a network saves, by key."""
    serializer = DictionarySerializer()
    serializer.save(network)
    return {key: np.array(value) for key, value in serializer.target.items()}


def shapes_of(network: chainer.Link) -> dict[str, tuple[int, ...]]:
    return {key: value.shape for key, value in values_of(network).items()}


def randomise(network: chainer.Link) -> chainer.Link:
    """Give every parameter and running statistic a value of its own, of the usual size: new ones are zero or one."""
    rng = np.random.default_rng(1)
    for link in network.links():
        for name in sorted(link._params | (link._persistent & {'avg_mean', 'avg_var'})):
            value = getattr(link, name)
            array = value.array if isinstance(value, chainer.Variable) else value
            if name == 'W':
                array[...] = rng.normal(0, np.sqrt(1 / np.prod(array.shape[1:])), array.shape)
            elif name in ('gamma', 'avg_var'):
                array[...] = rng.uniform(0.5, 1.5, array.shape)
            else:
                array[...] = rng.normal(0, 0.1, array.shape)
    return network


def to_double(network: chainer.Link) -> None:
    """Convert parameters and running statistics to double precision: batch statistics amplify rounding."""
    for link in network.links():
        for name in link._params:
            getattr(link, name).array = getattr(link, name).array.astype(np.float64)
        for name in {'avg_mean', 'avg_var'} & link._persistent:
            setattr(link, name, getattr(link, name).astype(np.float64))


def maps_of(network: chainer.Chain, x: np.ndarray, functions: str = 'fast') -> list[np.ndarray]:
    """Return the heatmaps of all stacks; with ``stock`` by Chainer's own functions."""
    with (chainer.using_config('train', False), chainer.no_backprop_mode(),
          chainer.using_config('hourglass_functions', functions)):
        return [output.array for output in network(x)]


def graph_of(network: chainer.Chain, size: tuple[int, int] | None = None, **options: Any) -> Any:
    """Return the graph of a network; the arguments are those of :func:`network_graph`."""
    kind = type(network).__name__
    arguments = {name: getattr(network, name) for name in NETWORKS[kind] if hasattr(network, name)}
    joints = from_table({'joints': [f'joint {i}' for i in range(network.out_channels)]}, 'test')
    spec = ModelSpec(kind, joints=joints, input_size=(4096, 4096), **arguments)
    return network_graph(Model.of_network(network, spec, 'test').arrays, spec, size, **options)


def run_graph(model: Any, x: np.ndarray) -> list[np.ndarray]:
    """Check a graph, and return its outputs by ONNX Runtime."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {'image': x})
