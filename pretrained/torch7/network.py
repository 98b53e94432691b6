"""Weights of this project's networks out of graphs of Torch7.

The Torch7 code has two networks: an earlier one of two stacks, which is :class:`hourglass.network.StackedHG` with
nearest-neighbour upsampling, and that of its training, :class:`hourglass.preactivation.PreActivationHG`.  The numbers
of stacks, levels and residual modules are counted in the graph; the network of these numbers
(:mod:`pretrained.torch7.expected`) and the graph are then followed from the outputs back to the image, and every
operation has to be the expected one.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.foreign import Damage, printable
from hourglass.sandbox import read_in_child
from hourglass.spec import ModelSpec
from pretrained.topology import TORCH7_CODE, joint_set_of
from pretrained.torch7.expected import preactivation_hg, stacked_hg
from pretrained.torch7.graph import OPERATIONS, Graph, Node, load_graph
from pretrained.weights_file import Model, model_from_arrays

import numpy as np

#: What the networks of this project add to the variance.
EPS = 1e-5

_NAMES = {'conv': 'a convolution', 'bn': 'a batch normalisation', 'relu': 'a ReLU', 'pool': 'a max pooling',
          'upsample': 'a nearest-neighbour upsampling', 'add': 'a sum', 'join': 'a concatenation',
          'input': 'the image'}
_FIELDS = {op: list(fields) for op, fields in OPERATIONS.values()}


def parse_torch7(path: Path) -> dict[str, np.ndarray]:
    """Return a network's arrays by their keys in a weights file, and ``spec``, its description as JSON.

    For :func:`hourglass.sandbox.read_in_child`.
    """
    graph = load_graph(path)
    try:
        spec, nodes = find_network(graph)
        return {**_arrays(nodes), 'spec': np.array(spec.to_json())}
    except (Damage, InputError) as error:
        raise InputError(f'{path}: not a network that is known here: {printable(str(error), 1000)}') from None


def load_torch7(path: str | os.PathLike[str]) -> Model:
    """Read the weights of one of the Torch7 code's networks.

    Args:
        path: what ``torch.save`` wrote of the network, with classes of ``nn`` or ``cudnn``, on a CPU or a GPU; or a
            zip file with that in it.  The numbers of channels, joints, stacks, levels and residual modules may be
            others than the Torch7 code's.

    Raises:
        InputError: as for :func:`pretrained.torch7.graph.load_graph`, or it is another network; the text has
            what was expected, what was found, and where.
    """
    path = Path(path)
    arrays = read_in_child('pretrained.torch7.network:parse_torch7', path)
    spec = ModelSpec.from_json(str(arrays.pop('spec')))
    return model_from_arrays(spec, arrays, path, f'{path} (Torch7)')


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
        raise Damage('expected outputs, found none')
    # Before an output there are two convolutions of one pixel, each with a ReLU, or residual modules and one such.
    head = [graph.outputs[-1]]
    while len(head) < 5 and len(head[-1].inputs) == 1:
        head.append(head[-1].inputs[0])
    ops = [node.op for node in graph.nodes]
    layer_num = max(1, math.ceil((ops.count('pool') - 1) / n_stack))
    stem = next((node for node in graph.nodes if node.op == 'conv'), head[0])
    sizes: dict[str, Any] = {'n_stack': n_stack, 'layer_num': layer_num, 'upsampling': 'nearest'}
    variants: list[tuple[dict[str, Any], Graph]]
    if head[-1].op == 'relu':
        variants = [({'network': 'StackedHG'}, stacked_hg(n_stack, layer_num))]
    else:
        # A sum at the end of each residual module (3 of the stem), of each level, and between stacks.
        n_residuals = ops.count('add') - 3 - n_stack * layer_num - (n_stack - 1)
        n_modules = max(1, n_residuals // (n_stack * (3 * layer_num + 2)))
        # Some ports widen the stem one module earlier than the Torch7 code.
        variants = [({'network': 'PreActivationHG', 'n_modules': n_modules, 'wide_stem': is_wide},
                     preactivation_hg(n_stack, layer_num, n_modules, is_wide)) for is_wide in (False, True)]
    numbers = _Numbers()
    found = numbers.of(graph)
    own, expected = next((v for v in variants if numbers.of(v[1]) == found), variants[0])
    nodes = _match(expected, graph, numbers)
    joints = len(_tensor(graph.outputs[-1], 'weight'))
    return ModelSpec(out_channels=joints, joints=joint_set_of(joints), width=4 * len(_tensor(stem, 'weight')),
                     **sizes, **own, **TORCH7_CODE), nodes


class _Numbers:
    """Gives nodes that compute the same, but for their parameters, the same number, in any graph."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._of_node: dict[Node, int] = {}

    def of(self, graph: Graph) -> list[int]:
        """Return the numbers of a graph's outputs."""
        for node in graph.nodes:
            inputs = [self._of_node[source] for source in node.inputs]
            # The order does not matter in a sum, and after a concatenation the weights can be rearranged.
            key = (node.op, node.settings, *(sorted(inputs) if node.op in ('add', 'join') else inputs))
            self._of_node[node] = self._numbers.setdefault(key, len(self._numbers))
        return [self._of_node[node] for node in graph.outputs]

    def pairs(self, expected: Node, found: Node) -> list[tuple[Node, Node]]:
        """Return the inputs of two nodes of the same operation that belong together."""
        if expected.op not in ('add', 'join'):
            return list(zip(expected.inputs, found.inputs, strict=True))
        ours, theirs = ({self._of_node[node] for node in side.inputs} for side in (expected, found))
        ops = {node.op for node in expected.inputs} & {node.op for node in found.inputs}

        def order(node: Node) -> tuple[Any, ...]:
            # Equal ones first; of the others, in which something is wrong, those of the same operation.
            number = self._of_node[node]
            return (0, number) if number in ours & theirs else (1, node.op not in ops, node.op)

        return list(zip(sorted(expected.inputs, key=order), sorted(found.inputs, key=order), strict=True))


def _match(expected: Graph, graph: Graph, numbers: _Numbers) -> dict[str, Node]:
    """Return the nodes of a graph by the keys of the expected ones."""
    partner: dict[Node, Node] = {}
    pending = list(zip(expected.outputs, graph.outputs, strict=True))
    while pending:
        node, other = pending.pop()
        if node in partner and partner[node] is other:
            continue
        if node.op != other.op or node.settings != other.settings or len(node.inputs) != len(other.inputs):
            is_same = node.op == other.op and node.settings == other.settings
            raise Damage(f'expected {_describe(node, is_same)} as {node.place}, found {_describe(other, is_same)} at '
                           f'{other.place}')
        if node in partner:
            raise Damage(f'expected one {node.place}, found it at {partner[node].place} and at {other.place}')
        partner[node] = other
        pending += numbers.pairs(node, other)
    matched = set(partner.values())
    for other in graph.nodes:
        if other not in matched:
            raise Damage(f'expected nothing more, found {_describe(other)} at {other.place}')
    return {node.place: other for node, other in partner.items() if node.op in ('conv', 'bn')}


def _describe(node: Node, with_inputs: bool = False) -> str:
    fields = dict(zip(_FIELDS.get(node.op, ()), node.settings, strict=False))
    settings = f' ({", ".join(f"{name} {value:g}" for name, value in fields.items())})' if fields else ''
    inputs = f' of {len(node.inputs)} inputs' if with_inputs else ''
    return f'{_NAMES.get(node.op, node.op)}{settings}{inputs}'


def _arrays(nodes: dict[str, Node]) -> dict[str, np.ndarray]:
    """Return the parameters by their keys in a weights file."""
    arrays: dict[str, np.ndarray] = {}
    for key, node in nodes.items():
        arrays.update({f'{key}/{name}': array for name, array in parameters(node).items()})
        joined = node.inputs[0]
        if joined.op == 'join' and joined.inputs[0].op == 'relu':
            # The features come first in such a file, and here the stem of half their width does.
            weight = arrays[f'{key}/W']
            width = weight.shape[1] * 2 // 3
            arrays[f'{key}/W'] = np.concatenate((weight[:, width:], weight[:, :width]), axis=1)
    return arrays


def parameters(node: Node) -> dict[str, np.ndarray]:
    """Return the arrays of a convolution or a batch normalisation, under Chainer's names.

    Raises:
        Damage: they are missing, or are not what they should be.
    """
    if node.op == 'conv':
        weight = _tensor(node, 'weight')
        kernel = tuple(int(size) for size in node.settings[:2])
        if weight.ndim == 2 and weight.shape[1] % (kernel[0] * kernel[1]) == 0:  # until 2015
            weight = weight.reshape(len(weight), -1, *kernel)
        return {'W': weight, 'b': _tensor(node, 'bias', np.zeros(len(weight), 'f'))}
    mean = _tensor(node, 'running_mean')
    eps = node.fields.get('eps', EPS)
    if type(eps) is not float or not 0 <= eps < 1:
        raise Damage(f'no number eps at {node.place}')
    with np.errstate(all='ignore'):
        if 'running_std' in node.fields:  # version 1 of the class: 1 / sqrt(variance + eps)
            variance = (_tensor(node, 'running_std').astype(np.float64) ** -2 - EPS).astype(np.float32)
        else:  # the sum with eps is all that counts
            variance = _tensor(node, 'running_var')
            variance = variance if eps == EPS else (variance + (eps - EPS)).astype(np.float32)
    if variance.min() < 0:
        raise Damage(f'a variance below zero, with {EPS:g} added to it, at {node.place}')
    return {'gamma': _tensor(node, 'weight', np.ones(mean.size, 'f')),
            'beta': _tensor(node, 'bias', np.zeros(mean.size, 'f')),
            'avg_mean': mean, 'avg_var': variance, 'N': np.array(0)}


def _tensor(node: Node, name: str, default: np.ndarray | None = None) -> np.ndarray:
    value = node.fields.get(name)
    if default is not None and (value is None or (isinstance(value, np.ndarray) and not value.size)):
        return default
    if not isinstance(value, np.ndarray) or value.dtype.kind != 'f' or not value.size:
        raise Damage(f'no tensor {name} at {node.place}')
    return value
