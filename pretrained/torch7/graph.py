"""The computation that a network of Torch7 stands for, without the classes of Torch.

Modules (``nn.*`` and ``cudnn.*`` alike) are taken apart down to single operations.  Their order in the file does not
matter: a node of an ``nn.gModule`` is known by its ``data`` table, and its inputs are the entries 1, 2, ... of
``data.mapindex`` (nngraph's ``gmodule.lua``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hourglass.errors import InputError
from hourglass.npz import printable
from pretrained.torch7.modules import OPERATIONS, Unusable, operation
from pretrained.torch7.objects import Table, TorchObject
from pretrained.torch7.reader import read_t7

import numpy as np

#: Most modules that are applied and values that are passed on; the authors' 8-stack network has about 4,000.
MAX_STEPS = 50_000
#: Most parameters, as tensors may share what the file holds once; the authors' 8-stack network has 25.6 million.
MAX_PARAMETERS = 2 ** 27
#: Deepest nesting of containers.
MAX_NESTING = 50


@dataclass(eq=False)
class Node:
    """One operation; nodes are compared by identity.

    Attributes:
        op: ``input``, an operation of :mod:`pretrained.torch7.modules`, or the name of a class that is not
            known there.
        inputs: the nodes whose results it takes, in order.
        place: where it is in the network, for messages.
        arrays: its parameters as float arrays in Chainer's layout; see :mod:`pretrained.torch7.modules`.
        settings: its geometry.
    """

    op: str
    inputs: tuple[Node, ...]
    place: str
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f'<{self.op} at {self.place}>'


@dataclass(frozen=True)
class Graph:
    """A network as operations.

    Attributes:
        nodes: all nodes; every node comes after its inputs.
        inputs: what goes in.
        outputs: the nodes whose results the network returns, in order.
    """

    nodes: list[Node]
    inputs: list[Node]
    outputs: list[Node]


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a network saved by Torch7.

    Args:
        path: a file with an ``nn.gModule``, or with any module made of those that are known here.

    Raises:
        InputError: as for :func:`pretrained.torch7.reader.read_t7`, or the file holds no network, or a broken one.
    """
    root = read_t7(path)
    try:
        return build_graph(root)
    except Unusable as error:
        raise InputError(f'{path}: {error}') from None


def build_graph(root: Any) -> Graph:
    """Take a network apart.

    Args:
        root: what a file holds.

    Raises:
        Unusable: it is no network, or a broken one.
    """
    if not isinstance(root, TorchObject):
        raise Unusable(f'it holds {_describe(root)} and not a network')
    builder = _Builder()
    image = builder.add(Node('input', (), 'the input'))
    result = builder.apply(root, image, _Place(f'{printable(root.class_name)}', 0))
    return Graph(builder.nodes, [image], builder.flat(result))


class _Place(NamedTuple):
    text: str
    depth: int

    def inside(self, name: str) -> _Place:
        if self.depth >= MAX_NESTING:
            raise Unusable(f'modules are nested more than {MAX_NESTING} levels deep')
        return _Place(f'{self.text} > {name}' if self.depth else name, self.depth + 1)


# What flows along an edge: the result of a node, or a table of such values.
_Value = Any


class _Builder:
    """The nodes that were made so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._n_steps = 0
        self._n_parameters = 0

    def add(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def apply(self, module: Any, value: _Value, place: _Place) -> _Value:
        """Return what a module makes of a value."""
        self._count(1)
        if not isinstance(module, TorchObject):
            raise Unusable(f'{_describe(module)} in the place of a module at {place.text}')
        name = module.class_name.removeprefix('cudnn.').removeprefix('nn.')
        if name in _CONTAINERS:
            return _CONTAINERS[name](self, module, value, place)
        if name in OPERATIONS:
            op, arrays, settings = operation(name, module, place.text)
        else:
            op, arrays, settings = printable(module.class_name), {}, {}
        self._n_parameters += sum(array.size for array in arrays.values())
        if self._n_parameters > MAX_PARAMETERS:
            raise Unusable(f'more than {MAX_PARAMETERS:,} parameters')
        return self.add(Node(op, tuple(self.flat(value)), place.text, arrays, settings))

    def flat(self, value: _Value) -> list[Node]:
        """Return the nodes of a table of tables."""
        nodes: list[Node] = []
        pending = [value]
        while pending:
            part = pending.pop()
            if isinstance(part, Node):
                nodes.append(part)
            else:
                pending.extend(reversed(part))
                self._count(len(part))
        return nodes

    def _count(self, steps: int) -> None:
        # A small file can stand for exponentially many modules or inputs: those that contain one another twice.
        self._n_steps += steps
        if self._n_steps > MAX_STEPS:
            raise Unusable(f'more than {MAX_STEPS:,} modules and inputs')

    def _sequential(self, module: TorchObject, value: _Value, place: _Place) -> _Value:
        for child, inside in self._children(module, place):
            value = self.apply(child, value, inside)
        return value

    def _concat_table(self, module: TorchObject, value: _Value, place: _Place) -> _Value:
        return [self.apply(child, value, inside) for child, inside in self._children(module, place)]

    def _parallel_table(self, module: TorchObject, value: _Value, place: _Place) -> _Value:
        children = self._children(module, place)
        if not isinstance(value, list) or len(value) != len(children):
            raise Unusable(f'{len(children)} modules side by side for other inputs at {place.text}')
        return [self.apply(child, v, inside) for v, (child, inside) in zip(value, children, strict=True)]

    def _identity(self, module: TorchObject, value: _Value, place: _Place) -> _Value:
        return value

    def _g_module(self, module: TorchObject, value: _Value, place: _Place) -> _Value:
        forward_nodes = _table(module.get('forwardnodes'), f'list of nodes in {place.text}').array()
        results: dict[Table, _Value] = {}
        for i, node in enumerate(forward_nodes, 1):
            data = _data(node, place)
            inputs = self._inputs(data, results, i)
            taken = value if not inputs else inputs[0] if len(inputs) == 1 else inputs
            taken = _select(data, taken, i)
            child = data.get('module')
            if child is not None:
                taken = self.apply(child, taken, place.inside(f'forward node {i} ({_class_name(child)})'))
            results[data] = taken
        outputs = _data(module.get('outnode'), place)
        if outputs not in results:
            raise Unusable(f'the output of {place.text} is not among its nodes')
        return results[outputs]

    def _children(self, module: TorchObject, place: _Place) -> list[tuple[Any, _Place]]:
        children = _table(module.get('modules'), f'list of modules at {place.text}').array()
        self._count(len(children))
        return [(child, place.inside(f'{i} ({_class_name(child)})')) for i, child in enumerate(children, 1)]

    def _inputs(self, data: Table, results: dict[Table, _Value], i: int) -> list[_Value]:
        index = data.get('mapindex')
        sources = index.array() if isinstance(index, Table) else []
        self._count(len(sources) + 1)
        inputs = []
        for source in sources:
            if not isinstance(source, Table) or source not in results:
                raise Unusable(f'forward node {i} comes before one of its inputs')
            inputs.append(results[source])
        return inputs


_CONTAINERS: dict[str, Callable[[_Builder, TorchObject, _Value, _Place], _Value]] = {
    'Sequential': _Builder._sequential,
    'ConcatTable': _Builder._concat_table,
    'ParallelTable': _Builder._parallel_table,
    'Identity': _Builder._identity,
    'gModule': _Builder._g_module,
}


def _select(data: Table, value: _Value, i: int) -> _Value:
    """Return the entry of a table that a node stands for; most nodes stand for all."""
    index = data.get('selectindex')
    if index is None:
        return value
    if not isinstance(value, list) or not isinstance(index, float) or not (
            index.is_integer() and 1 <= index <= len(value)):
        raise Unusable(f'forward node {i} selects an entry that is not there')
    return value[int(index) - 1]


def _data(node: Any, place: _Place) -> Table:
    return _table(node.get('data') if isinstance(node, TorchObject) else None, f'data of a node in {place.text}')


def _table(value: Any, name: str) -> Table:
    if not isinstance(value, Table):
        raise Unusable(f'the {name} is missing')
    return value


def _class_name(module: Any) -> str:
    return printable(module.class_name) if isinstance(module, TorchObject) else _describe(module)


def _describe(value: Any) -> str:
    if isinstance(value, TorchObject):
        return f'an object of the class {printable(value.class_name)}'
    if isinstance(value, np.ndarray):
        return 'a tensor'
    return {Table: 'a table', str: 'a text', float: 'a number', bool: 'a truth value'}.get(type(value), 'nothing')

