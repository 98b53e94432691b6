"""What the networks consist of, without Chainer: their operations, and the keys and shapes of their arrays.

The keys are those of :mod:`hourglass.network` and :mod:`hourglass.preactivation`, because published weights are loaded
by them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourglass.spec import ModelSpec

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a network; compared by identity.

    Attributes:
        kind: ``input``, ``conv`` (padded by half of its kernel), ``bn``, ``relu``, ``pool`` (2 x 2), ``upsample``
            (by 2), ``add`` or ``join`` (the channels of one after those of the other).
        inputs: the operations whose results it takes, in order.
        channels: of its result.
        halvings: how often the resolution of its result is half of the image's.
        key: its name; that of a convolution's or batch normalisation's arrays in a weights file.
        ksize, stride: of a convolution.
    """

    kind: str
    inputs: tuple[Operation, ...]
    channels: int
    halvings: int = 0
    key: str = ''
    ksize: int = 1
    stride: int = 1


class Structure:
    """A network as operations; a method adds some and returns the last.

    Attributes:
        operations: all, the image first; each comes after its inputs.
        outputs: the heatmaps of each stack.
    """

    def __init__(self) -> None:
        self.image = Operation('input', (), 3)
        self.operations = [self.image]
        self.outputs: list[Operation] = []

    def _add(self, operation: Operation) -> Operation:
        self.operations.append(operation)
        return operation

    def conv(self, x: Operation, key: str, channels: int, ksize: int = 1, stride: int = 1) -> Operation:
        return self._add(Operation('conv', (x,), channels, x.halvings + stride - 1, key, ksize, stride))

    def bn(self, x: Operation, key: str) -> Operation:
        return self._add(Operation('bn', (x,), x.channels, x.halvings, key))

    def relu(self, x: Operation) -> Operation:
        return self._add(Operation('relu', (x,), x.channels, x.halvings))

    def pool(self, x: Operation, key: str) -> Operation:
        return self._add(Operation('pool', (x,), x.channels, x.halvings + 1, key))

    def add(self, key: str, *inputs: Operation) -> Operation:
        return self._add(Operation('add', inputs, inputs[0].channels, inputs[0].halvings, key))

    def join(self, a: Operation, b: Operation, key: str) -> Operation:
        return self._add(Operation('join', (a, b), a.channels + b.channels, a.halvings, key))

    def join_levels(self, upper: Operation, lower: Operation, key: str) -> Operation:
        doubled = self._add(Operation('upsample', (lower,), lower.channels, upper.halvings, f'{key}/doubled'))
        return self.add(key, upper, doubled)

    def conv_bn_relu(self, x: Operation, conv: str, bn: str, channels: int, ksize: int = 1, stride: int = 1,
                     ) -> Operation:
        return self.relu(self.bn(self.conv(x, conv, channels, ksize, stride), bn))


class _StackedHG(Structure):
    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        width = spec.width
        h = self.conv_bn_relu(self.image, 'conv0', 'bn0', width // 4, 7, 2)
        h = stem = self.pool(self._residual(h, 'res0', width // 2), 'pool')
        for i, channels in enumerate((width // 2, width // 2, width), 1):
            h = self._residual(h, f'res1_{i}', channels)
        for i in range(1, spec.n_stack + 1):
            h = self._hourglass(h, f'hg{i}', spec.layer_num, width)
            h = self.conv_bn_relu(h, f'conv{i}_1', f'bn{i}_1', 2 * width)
            h = self.conv_bn_relu(h, f'conv{i}_2', f'bn{i}_2', width if i < spec.n_stack else 2 * width)
            self.outputs.append(self.conv(h, f'conv{i}_3a', spec.out_channels))
            if i < spec.n_stack:
                joined = self.join(stem, h, f'joined{i}')
                h = self.add(f'in{i + 1}', self.conv(joined, f'conv{i}_3b', joined.channels),
                             self.conv(self.outputs[-1], f'conv{i}_4a', joined.channels))

    def _residual(self, x: Operation, key: str, channels: int) -> Operation:
        skip = x
        if x.channels != channels:
            skip = self.bn(self.conv(x, f'{key}/conv0', channels), f'{key}/bn0')
        h = self.conv_bn_relu(x, f'{key}/conv1', f'{key}/bn1', channels // 2)
        h = self.conv_bn_relu(h, f'{key}/conv2', f'{key}/bn2', channels // 2, 3)
        return self.add(key, self.bn(self.conv(h, f'{key}/conv3', channels), f'{key}/bn3'), skip)

    def _hourglass(self, x: Operation, key: str, depth: int, width: int) -> Operation:
        upper, lower = x, self.pool(x, f'{key}/pool')
        for i, channels in enumerate((width, width, 2 * width), 1):
            upper = self._residual(upper, f'{key}/res1a_{i}', channels)
        for i in (1, 2, 3):
            lower = self._residual(lower, f'{key}/res1b_{i}', width)
        lower = (self._hourglass(lower, f'{key}/block', depth - 1, width) if depth > 1
                 else self._residual(lower, f'{key}/block', 2 * width))
        return self.join_levels(upper, self._residual(lower, f'{key}/res1b_4', 2 * width), key)


class _PreActivationHG(Structure):
    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        width, n_modules = spec.width, spec.n_modules
        h = self.conv_bn_relu(self.image, 'conv0', 'bn0', width // 4, 7, 2)
        h = self.pool(self._residual(h, 'res0', width // 2), 'pool')
        h = self._residual(self._residual(h, 'res1', width if spec.wide_stem else width // 2), 'res2', width)
        for i in range(1, spec.n_stack + 1):
            f = self._residuals(self._hourglass(h, f'hg{i}', spec.layer_num, n_modules), f'after{i}', n_modules)
            f = self.conv_bn_relu(f, f'feature{i}', f'feature_bn{i}', width)
            self.outputs.append(self.conv(f, f'output{i}', spec.out_channels))
            if i < spec.n_stack:
                h = self.add(f'in{i + 1}', h, self.conv(f, f'merge_feature{i}', width),
                             self.conv(self.outputs[-1], f'merge_output{i}', width))

    def _residual(self, x: Operation, key: str, channels: int) -> Operation:
        h, skip = x, self.conv(x, f'{key}/conv0', channels) if x.channels != channels else x
        for n, (after, ksize) in enumerate(((channels // 2, 1), (channels // 2, 3), (channels, 1)), 1):
            h = self.conv(self.relu(self.bn(h, f'{key}/bn{n}')), f'{key}/conv{n}', after, ksize)
        return self.add(key, h, skip)

    def _residuals(self, x: Operation, key: str, n_modules: int) -> Operation:
        for i in range(n_modules):
            x = self._residual(x, f'{key}/{i}', x.channels)
        return x

    def _hourglass(self, x: Operation, key: str, depth: int, n_modules: int) -> Operation:
        lower = self._residuals(self.pool(x, f'{key}/pool'), f'{key}/lower_in', n_modules)
        lower = (self._hourglass(lower, f'{key}/inner', depth - 1, n_modules) if depth > 1
                 else self._residuals(lower, f'{key}/inner', n_modules))
        lower = self._residuals(lower, f'{key}/lower_out', n_modules)
        return self.join_levels(self._residuals(x, f'{key}/upper', n_modules), lower, key)


def structure_of(spec: ModelSpec) -> Structure:
    """Return the operations of a network."""
    return _StackedHG(spec) if spec.network == 'StackedHG' else _PreActivationHG(spec)


@lru_cache(maxsize=8)
def network_shapes(spec: ModelSpec) -> dict[str, Shape]:
    """Return the shape of every array in a weights file of this network, by key in alphabetical order."""
    shapes: dict[str, Shape] = {}
    for operation in structure_of(spec).operations:
        key, channels = operation.key, operation.channels
        if operation.kind == 'conv':
            shapes[f'{key}/W'] = channels, operation.inputs[0].channels, operation.ksize, operation.ksize
            shapes[f'{key}/b'] = channels,
        elif operation.kind == 'bn':
            shapes |= {f'{key}/{name}': (channels,) for name in ('gamma', 'beta', 'avg_mean', 'avg_var')}
            shapes[f'{key}/N'] = ()
    return dict(sorted(shapes.items()))


def is_counter(key: str) -> bool:
    """Return whether a key is batch normalisation's count of batches, the only integer."""
    return key.endswith('/N')


def is_trained(key: str) -> bool:
    """Return whether a key is a trained parameter; running statistics and counts are not."""
    return key.rpartition('/')[2] in ('W', 'b', 'gamma', 'beta')


def count_parameters(spec: ModelSpec) -> int:
    """Return the number of trained parameters."""
    return sum(math.prod(shape) for key, shape in network_shapes(spec).items() if is_trained(key))
