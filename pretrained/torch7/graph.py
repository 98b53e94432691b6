"""The computation that a network of Torch7 stands for, without the classes of Torch.

Modules (``nn.*`` and ``cudnn.*`` alike) are taken apart down to single operations.  The nodes of an ``nn.gModule`` are
followed in the order of its ``forwardnodes``: a node is known by its ``data`` table, and its inputs are the entries
1, 2, ... of ``data.mapindex`` (nngraph's ``gmodule.lua``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hourglass.errors import InputError
from hourglass.foreign import Damage, printable
from pretrained.torch7.reader import Table, TorchObject, read_t7

import numpy as np

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
        op: ``input``, an operation of :data:`OPERATIONS`, or the name of a class that is not known there.
        inputs: the nodes whose results it takes, in order.
        place: where it is in the network, for messages.
        settings: values of the fields in :data:`OPERATIONS`, in their order.
        fields: of the module.
    """

    op: str
    inputs: tuple[Node, ...]
    place: str
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
        path: a file with an ``nn.gModule``, or with any module made of those that are known here.

    Raises:
        InputError: as for :func:`pretrained.torch7.reader.read_t7`, or the file holds no network, or a broken one.
    """
    root = read_t7(path)
    try:
        if not isinstance(root, TorchObject):
            raise Damage(f'it holds {_describe(root)} and not a network')
        builder = _Builder()
        image = builder.add(Node('input', (), 'the input'))
        result = builder.apply(root, image, _Place(printable(root.class_name), 0))
        return Graph(builder.nodes, builder.flat(result))
    except Damage as error:
        raise InputError(f'{path}: {printable(str(error), 1000)}') from None


class _Place(NamedTuple):
    text: str
    depth: int

    def inside(self, name: str, module: Any) -> _Place:
        name = f'{name} ({printable(module.class_name) if isinstance(module, TorchObject) else _describe(module)})'
        return _Place(f'{self.text} > {name}' if self.depth else name, self.depth + 1)


# What flows along an edge: the result of a node, or a list of such values.
_Value = Any


class _Builder:
    """The nodes that were made so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def apply(self, module: Any, value: _Value, place: _Place) -> _Value:
        """Return what a module makes of a value."""
        if not isinstance(module, TorchObject):
            raise Damage(f'{_describe(module)} in the place of a module at {place.text}')
        name = module.class_name.removeprefix('cudnn.').removeprefix('nn.')
        if name == 'Identity':
            return value
        if name == 'gModule':
            return self._apply_graph(module.fields, value, place)
        if name in ('Sequential', 'ConcatTable', 'ParallelTable'):
            return self._apply_container(name, module.fields, value, place)
        op, names = OPERATIONS.get(name, (printable(module.class_name), {}))
        settings = tuple(_setting(module.fields, key, default, place) for key, default in names.items())
        if op == 'join' and _setting(module.fields, 'nInputDims', 0, place) == 3:
            settings = (settings[0] + 1,)  # counted without the batch
        return self.add(Node(op, tuple(self.flat(value)), place.text, settings, module.fields))

    def flat(self, value: _Value) -> list[Node]:
        """Return the nodes of a list of lists."""
        return [value] if isinstance(value, Node) else [node for part in value for node in self.flat(part)]

    def _apply_container(self, name: str, fields: Table, value: _Value, place: _Place) -> _Value:
        modules = _table(fields, 'modules', place).array()
        children = [(child, place.inside(f'{i}', child)) for i, child in enumerate(modules, 1)]
        if name == 'Sequential':
            for child, inside in children:
                value = self.apply(child, value, inside)
            return value
        values = value if name == 'ParallelTable' else [value] * len(children)
        if not isinstance(values, list) or len(values) != len(children):
            raise Damage(f'{len(children)} modules side by side for other inputs at {place.text}')
        return [self.apply(child, v, inside) for v, (child, inside) in zip(values, children, strict=True)]

    def _apply_graph(self, fields: Table, value: _Value, place: _Place) -> _Value:
        results: dict[int, _Value] = {}  # by the identity of a data table
        for i, node in enumerate(_table(fields, 'forwardnodes', place).array(), 1):
            data = _data(node, place)
            sources = data.get('mapindex')
            sources = sources.array() if isinstance(sources, Table) else []
            if any(id(source) not in results for source in sources):
                raise Damage(f'forward node {i} comes before one of its inputs')
            inputs = [results[id(source)] for source in sources]
            taken = value if not inputs else inputs[0] if len(inputs) == 1 else inputs
            if (index := data.get('selectindex')) is not None:  # most nodes stand for all of a list
                if not (isinstance(taken, list) and isinstance(index, float) and index in range(1, len(taken) + 1)):
                    raise Damage(f'forward node {i} selects an entry that is not there')
                taken = taken[int(index) - 1]
            child = data.get('module')
            results[id(data)] = taken if child is None else self.apply(
                child, taken, place.inside(f'forward node {i}', child))
        outputs = _data(fields.get('outnode'), place)
        if id(outputs) not in results:
            raise Damage(f'the output of {place.text} is not among its nodes')
        return results[id(outputs)]


def _data(node: Any, place: _Place) -> Table:
    return _table(node.fields if isinstance(node, TorchObject) else Table(), 'data', place)


def _table(fields: Table, name: str, place: _Place) -> Table:
    value = fields.get(name)
    if not isinstance(value, Table):
        raise Damage(f'no table {name} at {place.text}')
    return value


def _setting(fields: Table, name: str, default: int | None, place: _Place) -> float:
    # Before 2015 there was one field for the padding in both directions.
    value = fields.get(name, fields.get('padding', default) if name in ('padH', 'padW') else default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Damage(f'no number {name} at {place.text}')
    return value


def _describe(value: Any) -> str:
    if isinstance(value, TorchObject):
        return f'an object of the class {printable(value.class_name)}'
    if isinstance(value, np.ndarray):
        return 'a tensor'
    return {Table: 'a table', str: 'a text', float: 'a number', bool: 'a truth value'}.get(type(value), 'nothing')
