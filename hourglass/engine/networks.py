"""The networks as graphs in ONNX, made from the arrays of a weights file without Chainer.

Batch normalisation is folded into the convolutions: a convolution and a normalisation with fixed statistics are one
convolution with other numbers, which are computed in double precision.  Between stacks, the convolution that makes the
heatmaps and the one that takes them back follow each other directly, so these are one convolution as well.  The
operations are those of :mod:`hourglass.parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hourglass.engine import winograd
from hourglass.engine.graph import GraphWriter
from hourglass.parameters import Operation, Structure, structure_of
from hourglass.spec import ModelSpec

import numpy as np
import onnx

# Where a convolution in tiles takes less time than a plain one, measured at 256x256 on two CPU cores (in batches of
# four also a level further down): with fewer channels or rows the combinations cost more than the products save.
_TILED_CHANNELS = 128
_TILED_LEVELS = 2
#: Epsilon of every batch normalisation.
_EPS = 1e-5
#: How ONNX doubles the resolution, by :data:`hourglass.spec.UPSAMPLINGS`.
_RESIZE = {
    'bilinear': {'mode': 'linear', 'coordinate_transformation_mode': 'align_corners'},
    'nearest': {'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'},
}


class _Map(NamedTuple):
    """A convolution: weights ``w`` (O, I, k, k) and bias ``b`` (O,), float64."""

    w: np.ndarray
    b: np.ndarray


class _Writer:
    """Writes the operations of a network into a graph; names in the graph are those of the operations.

    Args:
        arrays: float arrays by their keys in a weights file.
        structure: the operations.
        upsampling: how an hourglass doubles the resolution.
        outputs: names of the heatmaps that are wanted, by the operations that make them.
        tiled_levels: at how many levels of the hourglasses, from the top, wide 3x3 convolutions are computed by
            :mod:`hourglass.engine.winograd`.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], structure: Structure, upsampling: str, outputs: Mapping[Operation, str],
        tiled_levels: int,
    ) -> None:
        self.graph = GraphWriter()
        self.arrays = arrays
        self.upsampling = upsampling
        self.outputs = outputs
        self.tiled_levels = tiled_levels
        self.heatmaps = set(structure.outputs)
        self.values = {structure.image: 'image'}
        # What follows a convolution, up to the ReLU, is computed with it.
        self.followers = {op.inputs[0]: op for op in structure.operations
                          if op.kind in ('bn', 'relu') and op.inputs[0].kind != 'relu'}
        # Two convolutions each: of features, and of the heatmaps that are made of these.
        merges = {op for op in structure.operations if op.kind == 'add' and op.inputs[-1].inputs[0] in self.heatmaps}
        merged = {part for op in merges for part in op.inputs[-2:]}
        for op in structure.operations:
            if op in merges:
                self.values[op] = self.merge(op)
            elif op.kind == 'conv' and op not in merged:
                self.convolve(op)
            elif op not in self.values and op not in merged:
                self.values[op] = self.write(op, [self.values[source] for source in op.inputs])

    def plain(self, name: str) -> _Map:
        """Return a convolution without the normalisation after it."""
        return _Map(self.arrays[f'{name}/W'].astype(np.float64), self.arrays[f'{name}/b'].astype(np.float64))

    def affine(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return what a normalisation multiplies by and adds, (C,) float64."""
        gamma, beta, mean, variance = (self.arrays[f'{name}/{key}'].astype(np.float64)
                                       for key in ('gamma', 'beta', 'avg_mean', 'avg_var'))
        scale = gamma / np.sqrt(variance + _EPS)
        return scale, beta - mean * scale

    def convolve(self, op: Operation) -> None:
        """Write a convolution with the normalisation and the ReLU after it, if any."""
        if op in self.heatmaps and op not in self.outputs:
            return
        numbers, level, parts = self.plain(op.key), op.halvings - 2, [op]
        while parts[-1] in self.followers:
            parts.append(self.followers[parts[-1]])
            if parts[-1].kind == 'bn':
                scale, shift = self.affine(parts[-1].key)
                numbers = _Map(numbers.w * scale[:, None, None, None], numbers.b * scale + shift)
        x, name = self.values[op.inputs[0]], self.outputs.get(op, op.key)
        if op.ksize == 3 and 0 <= level < self.tiled_levels and op.channels >= _TILED_CHANNELS:
            y = winograd.convolution_3x3(self.graph, x, *numbers, name, 4 << level)
        else:
            y = self.graph.convolution(x, *numbers, name, op.stride, op.ksize // 2)
            y = self.graph.relu(y, f'{name}/relu') if parts[-1].kind == 'relu' else y
        self.values.update(dict.fromkeys(parts, y))

    def merge(self, op: Operation) -> str:
        """Write the sum of two convolutions as one: of features, and of the heatmaps that are made of these."""
        *others, features, way_back = op.inputs
        w, b = self.plain(features.key)
        heatmaps, back = self.plain(way_back.inputs[0].key), self.plain(way_back.key)
        after = back.w[:, :, 0, 0]
        way = (after @ heatmaps.w[:, :, 0, 0])[:, :, None, None]
        # The features may be joined with others, which come first.
        w[:, w.shape[1] - way.shape[1]:] += way
        y = self.graph.convolution(self.values[features.inputs[0]], w, b + (after @ heatmaps.b + back.b),
                                   features.key.replace('_feature', ''))
        for other in others:
            y = self.graph.add(y, self.values[other], op.key)
        return y

    def write(self, op: Operation, inputs: list[str]) -> str:
        """Write an operation by itself."""
        graph = self.graph
        if op.kind == 'bn':
            scale, shift = (numbers[:, None, None] for numbers in self.affine(op.key))
            scaled = graph.node('Mul', [*inputs, graph.constant(scale, f'{op.key}/scale')], f'{op.key}/scaled')
            return graph.node('Add', [scaled, graph.constant(shift, f'{op.key}/shift')], op.key)
        if op.kind == 'relu':
            return graph.relu(inputs[0], f'{inputs[0]}/relu')
        if op.kind == 'pool':
            return graph.node('MaxPool', inputs, op.key, kernel_shape=[2, 2], strides=[2, 2])
        if op.kind == 'upsample':
            scales = graph.constant(np.array([1, 1, 2, 2]), 'scales')
            return graph.node('Resize', [*inputs, '', scales], op.key, **_RESIZE[self.upsampling])
        if op.kind == 'join':
            return graph.node('Concat', inputs, op.key, axis=1)
        # The order is that of the graphs which are in caches.
        a, b = inputs[::-1] if op.inputs[1].kind == 'upsample' else inputs
        return graph.add(a, b, op.key)


def network_graph(
    arrays: Mapping[str, np.ndarray], spec: ModelSpec, size: tuple[int, int] | None = None, all_stacks: bool = False,
    metadata: Mapping[str, str] | None = None, tiled: bool = False,
) -> onnx.ModelProto:
    """Write a trained network as a graph.

    Args:
        arrays: its arrays by their keys in a weights file (:mod:`hourglass.parameters`).
        spec: the network's sizes.
        size: (height, width) of the input; by default it is free, like the number of images.
        all_stacks: whether the heatmaps of every stack are outputs, or only those of the last stack.
        metadata: texts for the file.
        tiled: whether most 3x3 convolutions of a wide network are written with half of the multiplications
            (:mod:`hourglass.engine.winograd`): for floating-point numbers of 32 bits, and for programs that join
            what follows a convolution to it.

    Returns:
        A model with the input ``image`` (N, 3, H, W) float32, and the output ``heatmaps`` (N, K, H / 4, W / 4)
        float32; with ``all_stacks`` the outputs ``heatmaps_1``, ``heatmaps_2``, ...
    """
    structure = structure_of(spec)
    outputs = {structure.outputs[-1]: 'heatmaps'}
    if all_stacks:
        outputs = {op: f'heatmaps_{i}' for i, op in enumerate(structure.outputs, 1)}
    # At level l the number of rows is a multiple of 2 ** (layer_num - l), and tiles need one of 4.
    tiled_levels = min(_TILED_LEVELS, spec.layer_num - 1) if tiled else 0
    upsampling = spec.upsampling if spec.network == 'StackedHG' else 'nearest'
    writer = _Writer(arrays, structure, upsampling, outputs, tiled_levels)
    inputs: list[int | str] = ['height', 'width'] if size is None else [*size]
    cells: list[int | str] = ['rows', 'columns'] if size is None else [s // 4 for s in size]
    shapes = {name: ['images', spec.out_channels, *cells] for name in outputs.values()}
    return writer.graph.model(['images', 3, *inputs], shapes, metadata or {})
