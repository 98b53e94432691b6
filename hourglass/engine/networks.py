"""The networks as graphs in ONNX, made from the arrays of a weights file without Chainer.

Batch normalisation is folded into the convolutions: a convolution followed by a normalisation with fixed statistics is
one convolution with other numbers, which are computed in double precision.  What a stack passes on goes through two
convolutions without anything between (the heatmaps and their way back), which are one as well.  Each method follows
the ``forward`` of the link that it is named after, in :mod:`hourglass.network` and :mod:`hourglass.preactivation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hourglass.engine import winograd
from hourglass.engine.graph import Graph
from hourglass.spec import ModelSpec

import numpy as np
import onnx

# Where a convolution in tiles takes less time than a plain one, measured at 256x256 on two CPU cores (in batches of
# four also a level further down): with fewer channels or rows the combinations cost more than the products save.
_TILED_CHANNELS = 128
_TILED_LEVELS = 2
#: Epsilon of every batch normalisation.
_EPS = 1e-5


class _Map(NamedTuple):
    """What a convolution does: ``w`` (O, I, k, k) and ``b`` (O,), float64."""

    w: np.ndarray
    b: np.ndarray


def _composed(first: _Map, second: _Map) -> _Map:
    """Return the 1x1 convolution that does what two 1x1 convolutions do one after the other."""
    after = second.w[:, :, 0, 0]
    return _Map((after @ first.w[:, :, 0, 0])[:, :, None, None], after @ first.b + second.b)


def _sum(a: _Map, b: _Map) -> _Map:
    return _Map(a.w + b.w, a.b + b.b)


class _Writer:
    """Writes the layers of a network into a graph; names in the graph are those of the layers.

    Args:
        arrays: float arrays by their keys in a weights file.
        upsampling: how an hourglass doubles the resolution.
        outputs: names of the stacks' heatmaps by the number of the stack, for those that are wanted.
        tiled_levels: at how many levels of the hourglasses, from the top, wide 3x3 convolutions are computed by
            :mod:`hourglass.engine.winograd`.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], upsampling: str, outputs: Mapping[int, str], tiled_levels: int,
    ) -> None:
        self.graph = Graph()
        self.arrays = arrays
        self.upsampling = upsampling
        self.outputs = outputs
        self.tiled_levels = tiled_levels
        self.level = -1  # how often the resolution has been halved since the stem's end

    def plain(self, name: str) -> _Map:
        """Return a convolution as it is."""
        return _Map(self.arrays[f'{name}/W'].astype(np.float64), self.arrays[f'{name}/b'].astype(np.float64))

    def affine(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return what a normalisation multiplies by and adds, (C,) float64."""
        gamma, beta, mean, variance = (self.arrays[f'{name}/{key}'].astype(np.float64)
                                       for key in ('gamma', 'beta', 'avg_mean', 'avg_var'))
        scale = gamma / np.sqrt(variance + _EPS)
        return scale, beta - mean * scale

    def folded(self, name: str, normalization: str) -> _Map:
        """Return the convolution that does what a convolution and the normalisation after it do."""
        w, b = self.plain(name)
        scale, shift = self.affine(normalization)
        return _Map(w * scale[:, None, None, None], b * scale + shift)

    def has(self, name: str) -> bool:
        """Return whether the network has a convolution of this name."""
        return f'{name}/W' in self.arrays

    def convolution(self, x: str, numbers: _Map, name: str, relu: bool = False, stride: int = 1) -> str:
        pad = numbers.w.shape[2] // 2
        y = self.graph.convolution(x, numbers.w, numbers.b, name, stride, pad)
        return self.graph.relu(y, f'{name}/relu') if relu else y

    def middle(self, x: str, numbers: _Map, name: str) -> str:
        """Write a residual module's 3x3 convolution with its ReLU."""
        if 0 <= self.level < self.tiled_levels and len(numbers.w) >= _TILED_CHANNELS:
            return winograd.convolution_3x3(self.graph, x, numbers.w, numbers.b, name, 4 << self.level)
        return self.convolution(x, numbers, name, relu=True)

    def heatmaps(self, stack: int, features: str, numbers: _Map) -> None:
        if stack in self.outputs:
            self.convolution(features, numbers, self.outputs[stack])

    def residual_module(self, x: str, name: str) -> str:
        skip = x
        if self.has(f'{name}/conv0'):
            skip = self.convolution(x, self.folded(f'{name}/conv0', f'{name}/bn0'), f'{name}/conv0')
        h = self.convolution(x, self.folded(f'{name}/conv1', f'{name}/bn1'), f'{name}/conv1', relu=True)
        h = self.middle(h, self.folded(f'{name}/conv2', f'{name}/bn2'), f'{name}/conv2')
        h = self.convolution(h, self.folded(f'{name}/conv3', f'{name}/bn3'), f'{name}/conv3')
        return self.graph.add(h, skip, name)

    def hg_block(self, x: str, name: str) -> str:
        upper, lower = x, self.graph.pool(x, f'{name}/pool')
        for i in (1, 2, 3):
            upper = self.residual_module(upper, f'{name}/res1a_{i}')
        self.level += 1
        for i in (1, 2, 3):
            lower = self.residual_module(lower, f'{name}/res1b_{i}')
        inner = self.residual_module if self.has(f'{name}/block/conv1') else self.hg_block
        lower = self.residual_module(inner(lower, f'{name}/block'), f'{name}/res1b_4')
        self.level -= 1
        return self.graph.add(self.graph.double(lower, f'{name}/doubled', self.upsampling), upper, name)

    def stacked_hg(self, n_stack: int) -> None:
        h = self.convolution('image', self.folded('conv0', 'bn0'), 'conv0', relu=True, stride=2)
        h = stem = self.graph.pool(self.residual_module(h, 'res0'), 'pool')
        self.level = 0
        for i in (1, 2, 3):
            h = self.residual_module(h, f'res1_{i}')
        for i in range(1, n_stack + 1):
            h = self.hg_block(h, f'hg{i}')
            for j in (1, 2):
                h = self.convolution(h, self.folded(f'conv{i}_{j}', f'bn{i}_{j}'), f'conv{i}_{j}', relu=True)
            heatmaps = self.plain(f'conv{i}_3a')
            self.heatmaps(i, h, heatmaps)
            if i < n_stack:
                passed_on = self.plain(f'conv{i}_3b')
                # The features' part of this convolution takes in the way over the heatmaps.
                n_stem = passed_on.w.shape[1] - heatmaps.w.shape[1]
                way_back = _composed(heatmaps, self.plain(f'conv{i}_4a'))
                passed_on.w[:, n_stem:] += way_back.w
                h = self.convolution(self.graph.concat([stem, h], f'joined{i}'),
                                     _Map(passed_on.w, passed_on.b + way_back.b), f'conv{i}_3b')

    def preactivation_residual(self, x: str, name: str) -> str:
        skip = x
        if self.has(f'{name}/conv0'):
            skip = self.convolution(x, self.plain(f'{name}/conv0'), f'{name}/conv0')
        h = self.graph.scale_and_shift(x, *self.affine(f'{name}/bn1'), f'{name}/bn1')
        h = self.graph.relu(h, f'{name}/bn1/relu')
        h = self.convolution(h, self.folded(f'{name}/conv1', f'{name}/bn2'), f'{name}/conv1', relu=True)
        h = self.middle(h, self.folded(f'{name}/conv2', f'{name}/bn3'), f'{name}/conv2')
        return self.graph.add(self.convolution(h, self.plain(f'{name}/conv3'), f'{name}/conv3'), skip, name)

    def residuals(self, x: str, name: str) -> str:
        i = 0
        while self.has(f'{name}/{i}/conv1'):
            x = self.preactivation_residual(x, f'{name}/{i}')
            i += 1
        return x

    def preactivation_block(self, x: str, name: str) -> str:
        self.level += 1
        lower = self.residuals(self.graph.pool(x, f'{name}/pool'), f'{name}/lower_in')
        inner = self.residuals if self.has(f'{name}/inner/0/conv1') else self.preactivation_block
        lower = self.residuals(inner(lower, f'{name}/inner'), f'{name}/lower_out')
        self.level -= 1
        upper = self.residuals(x, f'{name}/upper')
        return self.graph.add(self.graph.double(lower, f'{name}/doubled', self.upsampling), upper, name)

    def preactivation_hg(self, n_stack: int) -> None:
        h = self.convolution('image', self.folded('conv0', 'bn0'), 'conv0', relu=True, stride=2)
        h = self.graph.pool(self.preactivation_residual(h, 'res0'), 'pool')
        self.level = 0
        for i in (1, 2):
            h = self.preactivation_residual(h, f'res{i}')
        for i in range(1, n_stack + 1):
            features = self.residuals(self.preactivation_block(h, f'hg{i}'), f'after{i}')
            features = self.convolution(features, self.folded(f'feature{i}', f'feature_bn{i}'), f'feature{i}',
                                        relu=True)
            heatmaps = self.plain(f'output{i}')
            self.heatmaps(i, features, heatmaps)
            if i < n_stack:
                merged = _sum(self.plain(f'merge_feature{i}'), _composed(heatmaps, self.plain(f'merge_output{i}')))
                h = self.graph.add(self.convolution(features, merged, f'merge{i}'), h, f'in{i + 1}')


def network_graph(
    arrays: Mapping[str, np.ndarray], spec: ModelSpec, size: tuple[int, int] | None = None, all_stacks: bool = False,
    metadata: Mapping[str, str] | None = None, tiled: bool = False,
) -> onnx.ModelProto:
    """Write a trained network as a graph.

    Args:
        arrays: its arrays by their keys in a weights file (:mod:`hourglass.parameters`).
        spec: the network's sizes.
        size: (height, width) of the input; by default it is left open, as the number of images always is.
        all_stacks: whether every stack's heatmaps are outputs, or those of the last alone.
        metadata: texts for the file.
        tiled: whether most 3x3 convolutions of a wide network are written with half of the multiplications
            (:mod:`hourglass.engine.winograd`): for floating-point numbers of 32 bits, and for programs that join
            what follows a convolution to it.

    Returns:
        A model with the input ``image`` (N, 3, H, W) float32, and the output ``heatmaps`` (N, K, H / 4, W / 4)
        float32; with ``all_stacks`` the outputs ``heatmaps_1``, ``heatmaps_2``, ...
    """
    last = spec.n_stack
    outputs = {i: f'heatmaps_{i}' for i in range(1, last + 1)} if all_stacks else {last: 'heatmaps'}
    # At level l the number of rows is a multiple of 2 ** (layer_num - l), and tiles need one of 4.
    tiled_levels = min(_TILED_LEVELS, spec.layer_num - 1) if tiled else 0
    if spec.network == 'StackedHG':
        writer = _Writer(arrays, spec.upsampling, outputs, tiled_levels)
        writer.stacked_hg(last)
    else:
        writer = _Writer(arrays, 'nearest', outputs, tiled_levels)
        writer.preactivation_hg(last)
    inputs: list[int | str] = ['height', 'width'] if size is None else [*size]
    cells: list[int | str] = ['rows', 'columns'] if size is None else [s // 4 for s in size]
    shapes = {name: ['images', spec.out_channels, *cells] for name in outputs.values()}
    return writer.graph.model(['images', 3, *inputs], shapes, metadata or {})
