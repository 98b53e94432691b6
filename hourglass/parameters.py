"""The arrays of a network: their keys in a weights file and their shapes, without Chainer.

The keys are those of :mod:`hourglass.network` and :mod:`hourglass.preactivation`, because published weights are loaded
by them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourglass.spec import ModelSpec

Shape = tuple[int, ...]
_Entries = Iterator[tuple[str, Shape]]


def _conv(name: str, in_channels: int, out_channels: int, ksize: int = 1) -> _Entries:
    yield f'{name}/W', (out_channels, in_channels, ksize, ksize)
    yield f'{name}/b', (out_channels,)


def _bn(name: str, channels: int) -> _Entries:
    for array in ('gamma', 'beta', 'avg_mean', 'avg_var'):
        yield f'{name}/{array}', (channels,)
    yield f'{name}/N', ()


def _residual(name: str, in_channels: int, out_channels: int) -> _Entries:
    half = out_channels // 2
    for i, (before, after, ksize) in enumerate(((in_channels, half, 1), (half, half, 3), (half, out_channels, 1)), 1):
        yield from _conv(f'{name}/conv{i}', before, after, ksize)
        yield from _bn(f'{name}/bn{i}', after)
    if in_channels != out_channels:
        yield from _conv(f'{name}/conv0', in_channels, out_channels)
        yield from _bn(f'{name}/bn0', out_channels)


def _hourglass(name: str, in_channels: int, out_channels: int, depth: int, width: int) -> _Entries:
    for branch, last in (('a', out_channels), ('b', width)):
        yield from _residual(f'{name}/res1{branch}_1', in_channels, width)
        yield from _residual(f'{name}/res1{branch}_2', width, width)
        yield from _residual(f'{name}/res1{branch}_3', width, last)
    if depth > 1:
        yield from _hourglass(f'{name}/block', width, out_channels, depth - 1, width)
    else:
        yield from _residual(f'{name}/block', width, out_channels)
    yield from _residual(f'{name}/res1b_4', out_channels, out_channels)


def _stacked_hg(spec: ModelSpec) -> _Entries:
    width, stem, joints = spec.width, spec.width // 2, spec.out_channels
    yield from _conv('conv0', 3, width // 4, 7)
    yield from _bn('bn0', width // 4)
    yield from _residual('res0', width // 4, stem)
    yield from _residual('res1_1', stem, stem)
    yield from _residual('res1_2', stem, stem)
    yield from _residual('res1_3', stem, width)
    for i in range(1, spec.n_stack + 1):
        is_last = i == spec.n_stack
        features = 2 * width if is_last else width
        yield from _hourglass(f'hg{i}', width if i == 1 else stem + width, 2 * width, spec.layer_num, width)
        yield from _conv(f'conv{i}_1', 2 * width, 2 * width)
        yield from _bn(f'bn{i}_1', 2 * width)
        yield from _conv(f'conv{i}_2', 2 * width, features)
        yield from _bn(f'bn{i}_2', features)
        yield from _conv(f'conv{i}_3a', features, joints)
        if not is_last:
            yield from _conv(f'conv{i}_3b', stem + width, stem + width)
            yield from _conv(f'conv{i}_4a', joints, stem + width)


def _preactivation_residual(name: str, in_channels: int, out_channels: int) -> _Entries:
    half = out_channels // 2
    for i, (before, after, ksize) in enumerate(((in_channels, half, 1), (half, half, 3), (half, out_channels, 1)), 1):
        yield from _bn(f'{name}/bn{i}', before)
        yield from _conv(f'{name}/conv{i}', before, after, ksize)
    if in_channels != out_channels:
        yield from _conv(f'{name}/conv0', in_channels, out_channels)


def _residuals(name: str, width: int, n_modules: int) -> _Entries:
    for i in range(n_modules):
        yield from _preactivation_residual(f'{name}/{i}', width, width)


def _preactivation_block(name: str, width: int, depth: int, n_modules: int) -> _Entries:
    for place in ('upper', 'lower_in', 'lower_out', *(() if depth > 1 else ('inner',))):
        yield from _residuals(f'{name}/{place}', width, n_modules)
    if depth > 1:
        yield from _preactivation_block(f'{name}/inner', width, depth - 1, n_modules)


def _preactivation_hg(spec: ModelSpec) -> _Entries:
    width, joints = spec.width, spec.out_channels
    between = width if spec.wide_stem else width // 2
    yield from _conv('conv0', 3, width // 4, 7)
    yield from _bn('bn0', width // 4)
    yield from _preactivation_residual('res0', width // 4, width // 2)
    yield from _preactivation_residual('res1', width // 2, between)
    yield from _preactivation_residual('res2', between, width)
    for i in range(1, spec.n_stack + 1):
        yield from _preactivation_block(f'hg{i}', width, spec.layer_num, spec.n_modules)
        yield from _residuals(f'after{i}', width, spec.n_modules)
        yield from _conv(f'feature{i}', width, width)
        yield from _bn(f'feature_bn{i}', width)
        yield from _conv(f'output{i}', width, joints)
        if i < spec.n_stack:
            yield from _conv(f'merge_feature{i}', width, width)
            yield from _conv(f'merge_output{i}', joints, width)


_KINDS = {'StackedHG': _stacked_hg, 'PreActivationHG': _preactivation_hg}


@lru_cache(maxsize=8)
def network_shapes(spec: ModelSpec) -> dict[str, Shape]:
    """Return the shape of every array in a weights file of this network, by key in alphabetical order."""
    return dict(sorted(_KINDS[spec.network](spec)))


def is_counter(key: str) -> bool:
    """Return whether a key is batch normalisation's count of batches, the only integer."""
    return key.endswith('/N')


def is_trained(key: str) -> bool:
    """Return whether a key is a trained parameter; running statistics and counts are not."""
    return key.rpartition('/')[2] in ('W', 'b', 'gamma', 'beta')


def count_parameters(spec: ModelSpec) -> int:
    """Return the number of trained parameters."""
    return sum(math.prod(shape) for key, shape in network_shapes(spec).items() if is_trained(key))
