"""Finding known structures in a graph, from an output back to what it was made of.

Going backwards every operation has defined inputs, so nothing has to be guessed, and the order in which a file lists
its modules does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pretrained.torch7.graph import Graph, Node
from pretrained.torch7.modules import Unusable
from pretrained.torch7.parameters import NAMES, mismatch

#: Most levels of an hourglass; the paper's has 4.
MAX_LEVELS = 16

_POOLING = {'ksize': (2, 2), 'stride': (2, 2), 'pad': (0, 0)}


class ResidualStyle(NamedTuple):
    """How a residual module is built, from its end to its beginning.

    Operations are named as the links of the Chainer networks are.
    """

    body: tuple[str, ...]
    projection: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Residual:
    """A residual module that was found: its links by name, where it ends, and what goes in."""

    links: dict[str, Node]
    end: Node
    start: Node


@dataclass(frozen=True, eq=False)
class Hourglass:
    """An hourglass that was found, with what goes in; lists of residual modules in the order of the computation.

    Attributes:
        upper: on the branch that keeps the resolution.
        lower_in: after the pooling; at the bottom these are all there are on the lower branch.
        inner: the hourglass inside, or None at the bottom.
        lower_out: before the upsampling.
        start: what goes in.
        end: the addition of the branches.
    """

    upper: list[Residual]
    lower_in: list[Residual]
    inner: Hourglass | None
    lower_out: list[Residual]
    start: Node
    end: Node

    @property
    def levels(self) -> int:
        return 1 + (self.inner.levels if self.inner else 0)


class Matcher:
    """Takes a graph apart, and remembers which of its nodes have found their place.

    Args:
        graph: the network.
        style: its residual modules.
    """

    def __init__(self, graph: Graph, style: ResidualStyle) -> None:
        self._nodes = graph.nodes
        self._style = style
        self._seen: set[Node] = set()

    def back(self, node: Node, ops: str, part: str) -> tuple[list[Node], Node]:
        """Go back over operations that have one input each.

        Args:
            node: the last of them.
            ops: their names, the last first, separated by spaces.
            part: what they are a part of, for messages.

        Returns:
            The nodes, and what went into the first of them.
        """
        nodes = []
        for op in ops.split():
            nodes.append(self.take(node, op, part))
            node = self.single_input(node)
        return nodes, node

    def take(self, node: Node, op: str, part: str) -> Node:
        """Make sure that a node is what is expected here."""
        if node.op != op:
            raise mismatch(f'{NAMES[op]} in {part}', node)
        self._seen.add(node)
        return node

    @staticmethod
    def single_input(node: Node) -> Node:
        if len(node.inputs) != 1:
            raise mismatch('one input', node, f'{len(node.inputs)} into {NAMES.get(node.op, node.op)}')
        return node.inputs[0]

    def pooling(self, node: Node, part: str) -> Node:
        """Make sure that a node halves the resolution, and return its input."""
        self.take(node, 'pool', part)
        if any(node.settings[name] != value for name, value in _POOLING.items()):
            raise mismatch(f'a 2x2 max pooling of stride 2 in {part}', node, 'another one')
        return self.single_input(node)

    def residual(self, node: Node) -> Residual | None:
        """Return the residual module that ends in a node, or None."""
        if node.op != 'add' or len(node.inputs) != 2:
            return None
        for body, skip in (node.inputs, node.inputs[::-1]):
            links, start, failed = self._follow(body, self._style.body)
            if failed:
                continue
            if skip is start:
                return self._found(links, node, start)
            projection, origin, failed = self._follow(skip, self._style.projection)
            if not failed and origin is start:
                return self._found({**links, **projection}, node, start)
            steps = ' after '.join(NAMES[_op(name)] for name in self._style.projection)
            raise mismatch(f'the input of the residual module or {steps} beside its body', failed or skip)
        return None

    def residuals(self, node: Node) -> tuple[list[Residual], Node]:
        """Return all residual modules that follow one another up to a node, and what goes into the first."""
        found = []
        while residual := self.residual(node):
            found.append(residual)
            node = residual.start
        return found[::-1], node

    def residuals_from(self, start: Node, node: Node, part: str) -> list[Residual]:
        """Return the residual modules between two nodes, where there must be nothing else."""
        found = []
        while node is not start:
            residual = self.residual(node)
            if residual is None:
                raise self.no_residual(node, f'a residual module in {part}')
            found.append(residual)
            node = residual.start
        return found[::-1]

    def no_residual(self, node: Node, expected: str) -> Unusable:
        """Return the error for a node where residual modules end, naming the part that spoils one, if any."""
        if node.op != 'add' or len(node.inputs) != 2:
            return mismatch(expected, node)
        # Of the two inputs, the body is the one that goes on longer as it should.
        tries = [self._follow(body, self._style.body) for body in node.inputs]
        links, _, failed = max(tries, key=lambda found: len(found[0]))
        if failed is None or not links:
            return mismatch(expected, node)
        missing = _op(self._style.body[len(links)])
        if failed.op == missing:
            return mismatch('one input', failed, f'{len(failed.inputs)} into {NAMES[missing]}')
        return mismatch(f'{NAMES[missing]} in a residual module', failed)

    def hourglass(self, node: Node, part: str) -> Hourglass:
        """Return the hourglass that ends in a node."""
        levels: list[tuple[Node, Node, list[Residual]]] = []
        while True:
            self.take(node, 'add', part)
            upsamplings = [n for n in node.inputs if n.op == 'upsample']
            if len(node.inputs) != 2 or len(upsamplings) != 1:
                raise self.no_residual(node, f'an addition of two branches, one of them upsampled, in {part}')
            upper = node.inputs[1 - node.inputs.index(upsamplings[0])]
            if upsamplings[0].settings['scale'] != 2:
                raise mismatch(f'upsampling by 2 in {part}', upsamplings[0], 'another factor')
            self._seen.add(upsamplings[0])
            after, lower = self.residuals(self.single_input(upsamplings[0]))
            levels.append((node, upper, after))
            if len(levels) > MAX_LEVELS:
                raise Unusable(f'more than {MAX_LEVELS} levels in {part}')
            if lower.op != 'add':
                break
            node = lower

        # At the bottom nothing separates the residual modules before and after the lowest level.
        end, upper, before = levels.pop()
        start = self.pooling(lower, part)
        found = Hourglass(self.residuals_from(start, upper, part), before, None, [], start, end)
        while levels:
            end, upper, after = levels.pop()
            before, lower = self.residuals(found.start)
            if lower.op != 'pool':
                raise self.no_residual(lower, f'a residual module or a pooling in {part}')
            start = self.pooling(lower, part)
            found = Hourglass(self.residuals_from(start, upper, part), before, found, after, start, end)
        return found

    def finish(self) -> None:
        """Make sure that every part of the graph has found its place."""
        for node in self._nodes:
            if node not in self._seen and node.op != 'input':
                raise mismatch('nothing more', node)

    def _follow(self, node: Node, names: Sequence[str]) -> tuple[dict[str, Node], Node, Node | None]:
        """Go back over named operations; also return what went in, and the first node that is another operation."""
        links: dict[str, Node] = {}
        for name in names:
            if node.op != _op(name) or len(node.inputs) != 1:
                return links, node, node
            links[name] = node
            node = node.inputs[0]
        return links, node, None

    def _found(self, links: dict[str, Node], end: Node, start: Node) -> Residual:
        self._seen.update((end, *links.values()))
        return Residual(links, end, start)


def _op(name: str) -> str:
    return name.rstrip('0123456789')


def expect_count(found: Sequence[Residual], expected: int, part: str, node: Node) -> None:
    """Make sure of the number of residual modules in a part of the network."""
    if len(found) != expected:
        raise mismatch(f'{expected} residual modules in {part}', node, f'{len(found)}')
