"""The computation of a Torch7 network as a graph, without the classes of Torch.

Modules (``nn.*`` and ``cudnn.*`` alike) are taken apart down to single operations.  The nodes of an ``nn.gModule`` are
followed in the order of its ``forwardnodes``: a node is known by its ``data`` table, and its inputs are the entries
1, 2, ... of ``data.mapindex`` (nngraph's ``gmodule.lua``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from hourglass.foreign import Damage, printable
from pretrained.torch7.reader import Table, TorchObject, read_t7

#: The operation of each class, and the fields that decide what it computes, with their values where they are missing.
OPERATIONS: dict[str, tuple[str, dict[str, int | None]]] = {
    'SpatialConvolution': (
        'conv', {'kH': None, 'kW': None, 'dH': 1, 'dW': 1, 'padH': 0, 'padW': 0, 'groups': 1}),
    'SpatialBatchNormalization': ('bn', {}),
    'ReLU': ('relu', {'threshold': 0, 'val': 0}),  # cudnn.ReLU has neither field
    'SpatialMaxPooling': ('pool', {'kH': None, 'kW': None, 'dH': None, 'dW': None, 'padH': 0, 'padW': 0}),
    'SpatialUpSamplingNearest': ('upsample', {'scale_factor': None}),
    'CAddTable': ('add', {}),
    'JoinTable': ('join', {'dimension': None}),
}
OPERATIONS['SpatialConvolutionMM'] = OPERATIONS['SpatialConvolution']


@dataclass(eq=False)
class Node:
    """One operation; nodes are compared by identity.

    Attributes:
        op: ``input``, or an operation of :data:`OPERATIONS`.
        inputs: the nodes whose results it takes, in order.
        name: class of the module; in an expected graph, the key in a weights file.
        settings: values of the fields in :data:`OPERATIONS`, in their order.
        fields: of the module.
    """

    op: str
    inputs: tuple[Node, ...]
    name: str = ''
    settings: tuple[float, ...] = ()
    fields: Table = field(default_factory=Table)


@dataclass(frozen=True)
class Graph:
    """A network as operations.

    Attributes:
        nodes: all nodes, the image first; every node comes after its inputs.
        outputs: the nodes whose results the network returns, in order.
    """

    nodes: list[Node]
    outputs: list[Node]


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a network saved by Torch7; in a child process, as :func:`read_t7`: a small file can stand for any number of
    modules.

    Args:
        path: a file with an ``nn.gModule``, or with any module made of the known ones.

    Raises:
        InputError: as for :func:`pretrained.torch7.reader.read_t7`.
        Exception: the same, or the file holds no network, or a broken one.
    """
    root = read_t7(path)
    if not isinstance(root, TorchObject):
        raise Damage('it holds no network')
    builder = _Builder()
    result = builder.apply(root, builder.add(Node('input', ())))
    return Graph(builder.nodes, builder.flat(result))


# What flows along an edge: the result of a node, or a list of such values.
_Value = Any


class _Builder:
    """The nodes that were made so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def apply(self, module: TorchObject, value: _Value) -> _Value:
        """Return the result of a module for a value."""
        name, fields = module.class_name.removeprefix('cudnn.').removeprefix('nn.'), module.fields
        if name == 'Identity':
            return value
        if name == 'gModule':
            return self._apply_graph(fields, value)
        if name == 'Sequential':
            for child in fields['modules'].array():
                value = self.apply(child, value)
            return value
        if name == 'ConcatTable':
            return [self.apply(child, value) for child in fields['modules'].array()]
        if name not in OPERATIONS:
            raise Damage(f'{printable(module.class_name)}, which no known network has')
        op, names = OPERATIONS[name]
        settings = tuple(_setting(module, key, default) for key, default in names.items())
        return self.add(Node(op, tuple(self.flat(value)), module.class_name, settings, fields))

    def flat(self, value: _Value) -> list[Node]:
        """Return the nodes of a list of lists."""
        return [value] if isinstance(value, Node) else [node for part in value for node in self.flat(part)]

    def _apply_graph(self, fields: Table, value: _Value) -> _Value:
        results: dict[int, _Value] = {}  # by the identity of a data table
        for node in fields['forwardnodes'].array():
            data = node.fields['data']
            sources = data['mapindex'].array() if 'mapindex' in data else []
            inputs = [results[id(source)] for source in sources]
            taken = value if not inputs else inputs[0] if len(inputs) == 1 else inputs
            results[id(data)] = self.apply(data['module'], taken) if 'module' in data else taken
        return results[id(fields['outnode'].fields['data'])]


def _setting(module: TorchObject, name: str, default: int | None) -> float:
    # Before 2015 there was one field for the padding in both directions.
    fields = module.fields
    value = fields.get(name, fields.get('padding', default) if name in ('padH', 'padW') else default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Damage(f'no number {name} in {printable(module.class_name)}')
    return value
