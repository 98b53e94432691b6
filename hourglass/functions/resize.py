"""Bilinear resizing with aligned corners as two products of matrices, one for the rows and one for the columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from hourglass.functions.blocks import PASS, threads_for
from hourglass.functions.layout import Array, array_module, batch_outermost, channels_outermost, scratch
from hourglass.functions.node import Function
from hourglass.functions.parallel import workers
from hourglass.functions.products import matmul

import chainer
import numpy as np
from chainer import Variable
from chainer.backend import Device
from chainer.utils import type_check

_BLOCK_ELEMENTS = 2 ** 16


@lru_cache(maxsize=64)
def _interpolation(size: int, out_size: int, dtype: Any, device: Device) -> Array:
    """Return the (out_size, size) matrix of the interpolation along one axis, on a device."""
    position = np.linspace(0, size - 1, out_size)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, size - 1)
    fraction = position - below
    matrix = np.zeros((out_size, size))
    index = np.arange(out_size)
    np.add.at(matrix, (index, below), 1 - fraction)
    np.add.at(matrix, (index, above), fraction)
    return device.send(matrix.astype(dtype))


def _apply(x: Array, rows: Array, columns: Array, added: Array | None = None) -> Array:
    """Return ``rows @ image @ columns.T`` for every image of (C, N, H, W) ``x``, plus ``added``."""
    xp = array_module(x)
    c, n, height, width = x.shape
    out_height, out_width = len(rows), len(columns)
    columns = xp.ascontiguousarray(columns.T)
    images = x.reshape(c * n, height, width)
    out = xp.empty((c * n, out_height, out_width), x.dtype)
    other = None if added is None else added.reshape(out.shape)

    def work(blocks: Iterator[slice]) -> None:
        for block in blocks:
            part = images[block]
            wide = scratch(xp, 'wide', (len(part) * height, out_width), x.dtype)
            matmul(part.reshape(-1, width), columns, wide)
            matmul(rows, wide.reshape(-1, height, out_width), out[block])
            if other is not None:
                out[block] += other[block]

    step = c * n if xp is not np else max(_BLOCK_ELEMENTS // (out_height * out_width), 1)
    with workers().settings():
        workers().run([slice(i, i + step) for i in range(0, c * n, step)], work,
                      threads_for((height + width + 2 * PASS) * out.size))
    return out.reshape(c, n, out_height, out_width)


class ResizeAdd(Function):
    """Resize x (N, C, H, W) to ``shape`` and add a second input of the result's size.

    Args:
        shape: (H', W') of the result.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape

    def check_type_forward(self, in_types: tuple) -> None:
        x, added = in_types
        type_check.expect(x.dtype.kind == 'f', x.ndim == 4, added.dtype == x.dtype, added.ndim == 4,
                          added.shape[:2] == x.shape[:2], added.shape[2:] == self.shape)

    def forward(self, inputs: tuple[Array, ...]) -> tuple[Array]:
        """Compute the resized images, with the channels outermost in memory."""
        x, added = inputs
        device = chainer.backend.get_device_from_array(x)
        self._matrices = tuple(_interpolation(a, b, x.dtype, device)
                               for a, b in zip(x.shape[2:], self.shape, strict=True))
        rows, columns = self._matrices
        return batch_outermost(_apply(channels_outermost(x), rows, columns, channels_outermost(added))),

    def gradients(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable, ...]:
        gy, = grad_outputs
        if 0 not in indexes:
            return gy,
        rows, columns = self._matrices
        gx = _apply(channels_outermost(gy.array), rows.T, columns.T)
        return (Variable(batch_outermost(gx)), gy)[:len(indexes)]
