"""Find the weights of this project's networks in graphs of Torch7.

The Torch7 code has two networks: an earlier one of two stacks, which is :class:`hourglass.network.StackedHG` with
nearest-neighbour upsampling, and that of its training, :class:`hourglass.preactivation.PreActivationHG`.  The numbers
of stacks, levels and residual modules are counted in the graph; the network of these numbers (:func:`expected_graph`)
has to compute the same as the graph, but for the parameters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.foreign import Damage
from hourglass.parameters import Operation, structure_of
from hourglass.spec import ModelSpec
from pretrained.topology import TORCH7_CODE, joint_set_of
from pretrained.torch7.graph import Graph, Node, load_graph

import numpy as np

#: What the networks of this project add to the variance.
EPS = 1e-5
#: Settings of operations in these networks, but for convolutions (:data:`pretrained.torch7.graph.OPERATIONS`).
_SETTINGS = {'relu': (0, 0), 'pool': (2, 2, 2, 2, 0, 0), 'upsample': (2,), 'join': (2,)}


def parse_torch7(path: Path, part: str | None = None) -> dict[str, np.ndarray]:
    """Read a network for :func:`pretrained.formats.load_any`.

    Returns:
        Its arrays by their keys in a weights file, ``spec``, its description as JSON, and ``origin``.
    """
    if part is not None:
        raise InputError('a Torch7 file holds one network; --part is for other kinds of files')
    spec, nodes = find_network(load_graph(path))
    return {**_arrays(nodes), 'spec': np.array(spec.to_json()), 'origin': np.array('Torch7')}


def find_network(graph: Graph) -> tuple[ModelSpec, dict[str, Node]]:
    """Find one of this project's networks in a graph.

    Returns:
        Its sizes, and the convolutions and batch normalisations by their keys in a weights file.

    Raises:
        Damage: it is another network.
        InputError: it is of joints or sizes that are not known.
    """
    n_stack = len(graph.outputs)
    if not n_stack:
        raise Damage('it has no outputs')
    # Before an output there are two convolutions of one pixel, each with a ReLU, or residual modules and one such.
    head = [graph.outputs[-1]]
    while len(head) < 5 and len(head[-1].inputs) == 1:
        head.append(head[-1].inputs[0])
    ops = [node.op for node in graph.nodes]
    layer_num = max(1, math.ceil((ops.count('pool') - 1) / n_stack))
    stem = next((node for node in graph.nodes if node.op == 'conv'), head[0])
    sizes: dict[str, Any] = {'n_stack': n_stack, 'layer_num': layer_num, 'upsampling': 'nearest'}
    if head[-1].op == 'relu':
        sizes |= {'network': 'StackedHG'}
    else:
        # A sum at the end of each residual module (3 of the stem), of each level, and between stacks.
        n_residuals = ops.count('add') - 3 - n_stack * layer_num - (n_stack - 1)
        n_modules = max(1, n_residuals // (n_stack * (3 * layer_num + 2)))
        sizes |= {'network': 'PreActivationHG', 'n_modules': n_modules}
    spec = ModelSpec(**sizes, **TORCH7_CODE)
    nodes = _pair(expected_graph(spec), graph)
    joints, width = len(_tensor(graph.outputs[-1], 'weight')), 4 * len(_tensor(stem, 'weight'))
    return replace(spec, out_channels=joints, joints=joint_set_of(joints), width=width), nodes


def expected_graph(spec: ModelSpec) -> Graph:
    """Return a network as a graph of Torch7; a node's name is the key of its parameters in a weights file."""
    structure = structure_of(spec)
    nodes: dict[Operation, Node] = {}
    for operation in structure.operations:
        size, stride, pad = operation.ksize, operation.stride, operation.ksize // 2
        settings = ((size, size, stride, stride, pad, pad, 1) if operation.kind == 'conv'
                    else _SETTINGS.get(operation.kind, ()))
        inputs = tuple(nodes[source] for source in operation.inputs)
        nodes[operation] = Node(operation.kind, inputs, operation.key, settings)
    return Graph(list(nodes.values()), [nodes[output] for output in structure.outputs])


def _has_features_first(node: Node) -> bool:
    """Return whether a concatenation has the features first, and here the stem of half their width is first."""
    return node.op == 'join' and node.inputs[0].op == 'relu'


def _pair(expected: Graph, graph: Graph) -> dict[str, Node]:
    """Return the convolutions and batch normalisations of a graph by their names in the expected one.

    The inputs of sums have to be in the order in which the Torch7 code gives them.

    Raises:
        Damage: the graphs differ by more than their parameters.
    """
    partner: dict[Node, Node] = {}
    pending = list(zip(expected.outputs, graph.outputs, strict=True))
    while pending:
        node, other = pending.pop()
        if partner.get(node) is other:
            continue
        inputs = other.inputs[::-1] if _has_features_first(other) else other.inputs
        if node in partner or (node.op, node.settings, len(node.inputs)) != (other.op, other.settings, len(inputs)):
            raise Damage('not a known network: it has other layers or other connections')
        partner[node] = other
        pending += zip(node.inputs, inputs, strict=True)
    return {node.name: other for node, other in partner.items() if node.op in ('conv', 'bn')}


def _arrays(nodes: dict[str, Node]) -> dict[str, np.ndarray]:
    """Return the parameters by their keys in a weights file."""
    arrays: dict[str, np.ndarray] = {}
    for key, node in nodes.items():
        arrays.update({f'{key}/{name}': array for name, array in parameters(node).items()})
        if _has_features_first(node.inputs[0]):
            weight = arrays[f'{key}/W']
            width = weight.shape[1] * 2 // 3
            arrays[f'{key}/W'] = np.concatenate((weight[:, width:], weight[:, :width]), axis=1)
    return arrays


def parameters(node: Node) -> dict[str, np.ndarray]:
    """Return the arrays of a convolution or a batch normalisation, under Chainer's names.

    Raises:
        Damage: one is missing.
    """
    if node.op == 'conv':
        weight = _tensor(node, 'weight')
        if weight.ndim == 2:  # until 2015
            weight = weight.reshape(len(weight), -1, *map(int, node.settings[:2]))
        return {'W': weight, 'b': _tensor(node, 'bias', np.zeros(len(weight), 'f'))}
    mean, eps = _tensor(node, 'running_mean'), node.fields.get('eps', EPS)
    with np.errstate(all='ignore'):
        if 'running_std' in node.fields:  # version 1 of the class: 1 / sqrt(variance + eps)
            variance = (_tensor(node, 'running_std').astype(np.float64) ** -2 - EPS).astype(np.float32)
        else:  # the sum with eps is all that counts
            variance = _tensor(node, 'running_var')
            variance = variance if eps == EPS else (variance + (eps - EPS)).astype(np.float32)
    return {'gamma': _tensor(node, 'weight', np.ones(mean.size, 'f')),
            'beta': _tensor(node, 'bias', np.zeros(mean.size, 'f')),
            'avg_mean': mean, 'avg_var': variance, 'N': np.array(0)}


def _tensor(node: Node, name: str, default: np.ndarray | None = None) -> np.ndarray:
    value = node.fields.get(name)
    if default is not None and (value is None or not value.size):
        return default
    if not isinstance(value, np.ndarray):
        raise Damage(f'no tensor {name} in {node.name}')
    return value
