"""Networks of this project found in the graphs of Torch7.

Two networks of the authors of the paper are known: the earlier one of two stacks, which is
:class:`hourglass.network.StackedHG` with nearest-neighbour upsampling, and that of their training code,
:class:`hourglass.preactivation.PreActivationHG`.  Each is followed from its outputs back to the image, and every
operation on the way has to be the one expected there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from hourglass.errors import InputError
from pretrained.torch7.graph import Graph, Node, load_graph
from pretrained.torch7.modules import Unusable
from pretrained.torch7.parameters import Parameters, mismatch
from pretrained.torch7.pattern import Hourglass, Matcher, Residual, ResidualStyle, expect_count

import numpy as np

_POST_ACTIVATION = ResidualStyle(
    body=('bn3', 'conv3', 'relu2', 'bn2', 'conv2', 'relu1', 'bn1', 'conv1'), projection=('bn0', 'conv0'))
_PRE_ACTIVATION = ResidualStyle(
    body=('conv3', 'relu3', 'bn3', 'conv2', 'relu2', 'bn2', 'conv1', 'relu1', 'bn1'), projection=('conv0',))
#: Most hourglasses; the paper's network has 8.
MAX_STACKS = 64


@dataclass(frozen=True)
class Converted:
    """Weights for a network of this project.

    Attributes:
        family: the class, ``StackedHG`` or ``PreActivationHG``.
        sizes: arguments of the class: ``out_channels``, ``n_stack``, ``width``, ``layer_num``, and for ``StackedHG``
            ``upsampling`` ('nearest'), for ``PreActivationHG`` ``n_modules`` and ``wide_stem``.
        arrays: the parameters by Chainer's keys, float32; ``N`` of a batch normalisation is 0.
    """

    family: str
    sizes: dict[str, Any]
    arrays: dict[str, np.ndarray]


def convert_t7(path: str | os.PathLike[str]) -> Converted:
    """Read the weights of one of the authors' networks.

    Args:
        path: what ``torch.save`` wrote of the network, with classes of ``nn`` or ``cudnn``, on a CPU or a GPU.

    Returns:
        The weights.  Channels, joints, stacks, levels and residual modules may be of other numbers than the
        authors'.

    Raises:
        InputError: as for :func:`pretrained.torch7.graph.load_graph`, or it is another network; the text says what
            was expected, what was found, and where.
    """
    graph = load_graph(path)
    try:
        return convert_graph(graph)
    except Unusable as error:
        raise InputError(f'{path}: not a network that is known here: {error}') from None


def convert_graph(graph: Graph) -> Converted:
    """Do the same for a graph.

    Raises:
        Unusable: it is another network.
    """
    outputs = graph.outputs
    if not 1 <= len(outputs) <= MAX_STACKS:
        raise Unusable(f'expected 1 to {MAX_STACKS} outputs, found {len(outputs)}')
    # The networks differ in what the features of an output are made from: two convolutions of one pixel, each with
    # a ReLU, or residual modules and one such convolution.
    _, before = Matcher(graph, _PRE_ACTIVATION).back(outputs[-1], 'conv relu bn conv', f'stack {len(outputs)}')
    convert: Callable[[Graph], Converted] = _stacked_hg if before.op == 'relu' else _pre_activation_hg
    return convert(graph)


def _stacked_hg(graph: Graph) -> Converted:
    matcher, parameters = Matcher(graph, _POST_ACTIVATION), Parameters()
    n_stack = len(graph.outputs)
    heads: list[list[Node]] = []
    hourglasses: list[Hourglass] = []
    for i, output in enumerate(graph.outputs, 1):
        head, end = matcher.back(output, 'conv relu bn conv relu bn conv', f'stack {i}')
        heads.append(head)
        hourglasses.append(matcher.hourglass(end, f'hg{i}'))
    layer_num = hourglasses[0].levels
    out_channels = _out_channels(graph.outputs[-1])

    stem = _find_stem(matcher, hourglasses[0].start, ('res0', 'res1_1', 'res1_2', 'res1_3'))
    width = _store_stem(parameters, stem, lambda width: (width // 4, width // 2, width // 2, width // 2, width))
    joined = width // 2 + width
    for i, (head, hourglass) in enumerate(zip(heads, hourglasses, strict=True), 1):
        features = 2 * width if i == n_stack else width
        _check_levels(hourglass, layer_num, f'hg{i}')
        _store_post_activation(parameters, hourglass, f'hg{i}', width if i == 1 else joined, width)
        parameters.convolution(head[6], f'conv{i}_1', (2 * width, 2 * width))
        parameters.normalization(head[5], f'bn{i}_1', 2 * width)
        parameters.convolution(head[3], f'conv{i}_2', (2 * width, features))
        parameters.normalization(head[2], f'bn{i}_2', features)
        parameters.convolution(head[0], f'conv{i}_3a', (features, out_channels))
        if i < n_stack:
            merged = hourglasses[i].start
            of_output, (of_joined,) = _merged(matcher, merged, head[0], 2)
            parameters.convolution(of_output, f'conv{i}_4a', (out_channels, joined))
            parameters.convolution(of_joined, f'conv{i}_3b', (joined, joined))
            matcher.take(of_joined, 'conv', 'the input of a stack')
            join = matcher.take(matcher.single_input(of_joined), 'join', f'the input of conv{i}_3b')
            key = f'conv{i}_3b/W'
            parameters.arrays[key] = _stem_first(parameters.arrays[key], join, stem.pool, head[1], width)
    matcher.finish()
    sizes = {'out_channels': out_channels, 'n_stack': n_stack, 'width': width, 'layer_num': layer_num,
             'upsampling': 'nearest'}
    return Converted('StackedHG', sizes, parameters.arrays)


def _pre_activation_hg(graph: Graph) -> Converted:
    matcher, parameters = Matcher(graph, _PRE_ACTIVATION), Parameters()
    n_stack = len(graph.outputs)
    heads: list[list[Node]] = []
    afters: list[list[Residual]] = []
    hourglasses: list[Hourglass] = []
    for i, output in enumerate(graph.outputs, 1):
        head, end = matcher.back(output, 'conv relu bn conv', f'stack {i}')
        after, end = matcher.residuals(end)
        heads.append(head)
        afters.append(after)
        hourglasses.append(matcher.hourglass(end, f'hg{i}'))
    layer_num = hourglasses[0].levels
    n_modules = len(hourglasses[0].upper)
    out_channels = _out_channels(graph.outputs[-1])

    stem = _find_stem(matcher, hourglasses[0].start, ('res0', 'res1', 'res2'))
    # Some ports widen the stem one module earlier than the authors.
    between = _out_channels(stem.residuals[1].links['conv3'])
    width = _store_stem(parameters, stem, lambda width: (
        width // 4, width // 2, width if between == width else width // 2, width))
    for i, (head, after, hourglass) in enumerate(zip(heads, afters, hourglasses, strict=True), 1):
        _check_levels(hourglass, layer_num, f'hg{i}')
        _store_pre_activation(parameters, hourglass, f'hg{i}', width, n_modules)
        _store_residuals(parameters, after, f'after{i}', width, n_modules, head[3])
        parameters.convolution(head[3], f'feature{i}', (width, width))
        parameters.normalization(head[2], f'feature_bn{i}', width)
        parameters.convolution(head[0], f'output{i}', (width, out_channels))
        if i < n_stack:
            merged = hourglasses[i].start
            of_output, others = _merged(matcher, merged, head[0], 3)
            of_features = [node for node in others if node is not hourglass.start]
            if len(of_features) != 1 or of_features[0].inputs != (head[1],):
                raise mismatch(f'a sum of the input, the features and the output of stack {i}', merged, 'another sum')
            parameters.convolution(of_output, f'merge_output{i}', (out_channels, width))
            parameters.convolution(of_features[0], f'merge_feature{i}', (width, width))
            matcher.take(of_features[0], 'conv', f'merge_feature{i}')
    matcher.finish()
    sizes = {'out_channels': out_channels, 'n_stack': n_stack, 'width': width, 'layer_num': layer_num,
             'n_modules': n_modules, 'wide_stem': between == width}
    return Converted('PreActivationHG', sizes, parameters.arrays)


class _Stem(NamedTuple):
    """What comes before the first hourglass.

    Attributes:
        head: ReLU, batch normalisation and convolution at the beginning.
        names: keys of the residual modules.
        residuals: the residual modules, the first of which is before the pooling.
        pool: the pooling.
    """

    head: list[Node]
    names: tuple[str, ...]
    residuals: list[Residual]
    pool: Node


def _find_stem(matcher: Matcher, node: Node, names: tuple[str, ...]) -> _Stem:
    after, pool = matcher.residuals(node)
    if pool.op != 'pool':
        raise matcher.no_residual(pool, 'a residual module or a max pooling in the stem')
    before, node = matcher.residuals(matcher.pooling(pool, 'the stem'))
    if node.op != 'relu':
        raise matcher.no_residual(node, 'a residual module or a ReLU in the stem')
    head, image = matcher.back(node, 'relu bn conv', 'the stem')
    matcher.take(image, 'input', 'the stem')
    if (len(before), len(after)) != (1, len(names) - 1):
        raise mismatch(f'1 residual module before and {len(names) - 1} after the pooling of the stem', pool,
                       f'{len(before)} and {len(after)}')
    return _Stem(head, names, before + after, pool)


def _store_stem(parameters: Parameters, stem: _Stem, channels: Callable[[int], tuple[int, ...]]) -> int:
    """Store the stem and return the width; ``channels`` gives the channels between residual modules for a width."""
    width = 4 * _out_channels(stem.head[2])
    parameters.convolution(stem.head[2], 'conv0', (3, width // 4), 7, 2, 3)
    parameters.normalization(stem.head[1], 'bn0', width // 4)
    sizes = channels(width)
    for j, (name, residual) in enumerate(zip(stem.names, stem.residuals, strict=True)):
        parameters.residual(residual.links, residual.end, name, sizes[j], sizes[j + 1])
    return width


def _check_levels(hourglass: Hourglass, layer_num: int, part: str) -> None:
    if hourglass.levels != layer_num:
        raise mismatch(f'{layer_num} levels in {part}, as in hg1', hourglass.end, f'{hourglass.levels}')


def _store_post_activation(parameters: Parameters, hourglass: Hourglass, key: str, in_channels: int,
                           width: int) -> None:
    is_bottom = hourglass.inner is None
    expect_count(hourglass.upper, 3, f'the upper branch of {key}', hourglass.end)
    expect_count(hourglass.lower_in, 5 if is_bottom else 3, f'the lower branch of {key}', hourglass.end)
    lower = hourglass.lower_in[:3]
    if hourglass.inner:
        expect_count(hourglass.lower_out, 1, f'the end of the lower branch of {key}', hourglass.end)
        _store_post_activation(parameters, hourglass.inner, f'{key}/block', width, width)
        last = hourglass.lower_out[0]
    else:
        block, last = hourglass.lower_in[3:]
        parameters.residual(block.links, block.end, f'{key}/block', width, 2 * width)
    inner = ((in_channels, width), (width, width))
    for branch, residuals, sizes in (('a', hourglass.upper, (*inner, (width, 2 * width))),
                                     ('b', [*lower, last], (*inner, (width, width), (2 * width, 2 * width)))):
        for j, (residual, size) in enumerate(zip(residuals, sizes, strict=True), 1):
            parameters.residual(residual.links, residual.end, f'{key}/res1{branch}_{j}', *size)


def _store_pre_activation(parameters: Parameters, hourglass: Hourglass, key: str, width: int, n_modules: int) -> None:
    lower_in, lower_out = hourglass.lower_in, hourglass.lower_out
    if hourglass.inner:
        _store_pre_activation(parameters, hourglass.inner, f'{key}/inner', width, n_modules)
    else:
        expect_count(lower_in, 3 * n_modules, f'the lower branch of {key}', hourglass.end)
        lower_in, bottom, lower_out = (lower_in[j * n_modules:(j + 1) * n_modules] for j in range(3))
        _store_residuals(parameters, bottom, f'{key}/inner', width, n_modules, hourglass.end)
    for name, residuals in (('upper', hourglass.upper), ('lower_in', lower_in), ('lower_out', lower_out)):
        _store_residuals(parameters, residuals, f'{key}/{name}', width, n_modules, hourglass.end)


def _store_residuals(parameters: Parameters, residuals: list[Residual], key: str, width: int, n_modules: int,
                     end: Node) -> None:
    expect_count(residuals, n_modules, key, end)
    for j, residual in enumerate(residuals):
        parameters.residual(residual.links, residual.end, f'{key}/{j}', width, width)


def _merged(matcher: Matcher, node: Node, output: Node, count: int) -> tuple[Node, list[Node]]:
    """Find the convolution of an output in a sum of ``count``; also return what else is added."""
    matcher.take(node, 'add', 'the input of a stack')
    of_output = [part for part in node.inputs if part.op == 'conv' and part.inputs == (output,)]
    if len(node.inputs) != count or len(of_output) != 1:
        raise mismatch(f'a sum of {count} as the input of a stack, one of them a convolution of the output before',
                       node, f'a sum of {len(node.inputs)} with {len(of_output)} such')
    matcher.take(of_output[0], 'conv', 'the input of a stack')
    return of_output[0], [part for part in node.inputs if part is not of_output[0]]


def _stem_first(weight: np.ndarray, join: Node, pool: Node, features: Node, width: int) -> np.ndarray:
    """Return the weights of a convolution for the channels of the stem followed by those of the features."""
    if join.settings['axis'] != 1 or set(join.inputs) != {pool, features} or len(join.inputs) != 2:
        raise mismatch('the features and the pooled stem, joined along the channels', join, 'another concatenation')
    if join.inputs[0] is pool:
        return weight
    return np.concatenate((weight[:, width:], weight[:, :width]), axis=1)


def _out_channels(convolution: Node) -> int:
    return len(convolution.arrays['W'])
