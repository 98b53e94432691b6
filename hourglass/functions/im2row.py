"""Convolutions of a block of pixels as products of matrices.

A k x k convolution is the sum over the rows of its kernel of one product each.  The columns of the kernel are
gathered into the inner dimension of the product: the input is copied k times, shifted by one pixel each time,
and not k * k times as im2col does; the rows need no copy, because a shift by rows is a slice.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hourglass.functions.layout import Array, Block, scratch
from hourglass.functions.products import matmul

import numpy as np


class Window(NamedTuple):
    """Size of a convolution's kernel, its stride and its padding (the same in both directions)."""

    ksize: int
    stride: int
    pad: int

    @property
    def is_pointwise(self) -> bool:
        return self == (1, 1, 0)

    @property
    def mirrored(self) -> Window:
        """The window of the gradient by the input; only for stride 1."""
        return Window(self.ksize, 1, self.ksize - 1 - self.pad)

    def output_size(self, size: int) -> int:
        return (size + 2 * self.pad - self.ksize) // self.stride + 1

    def output_shape(self, w: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (O, N, H', W') for (O, C, k, k) weights and an input of ``shape`` (C, N, H, W)."""
        return len(w), shape[1], *map(self.output_size, shape[2:])

    def input_rows(self, block: Block, height: int) -> tuple[int, int]:
        """Return the first row of the input that ``block`` of the output needs, and the one after the last."""
        top = block.top * self.stride - self.pad
        bottom = (block.bottom - 1) * self.stride - self.pad + self.ksize
        return max(top, 0), min(bottom, height)


def weight_rows(w: Array, xp: Any) -> Array:
    """Arrange (O, C, k, k) weights as (k, O, k * C): one matrix for each row of the kernel."""
    o, c, kh, kw = w.shape
    return xp.ascontiguousarray(w.transpose(2, 0, 3, 1)).reshape(kh, o, kw * c)


def window_columns(rows: Array, window: Window, out_height: int, out_width: int) -> Array:
    """Gather what each place of the window sees of whole images (im2col): a copy for each weight.

    Args:
        rows: (C, n, H, W) in NumPy.
        window: of the convolution.
        out_height: height of the output.
        out_width: width of the output.

    Returns:
        (C * k * k, n * out_height * out_width), to be multiplied with the weights as they lie in memory.
    """
    k, stride, pad = window
    c, n, height, width = rows.shape
    padded = np.zeros((c, n, height + 2 * pad, width + 2 * pad), rows.dtype)
    padded[:, :, pad:pad + height, pad:pad + width] = rows
    seen = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]
    columns = np.empty((c, k, k, n, out_height, out_width), rows.dtype)
    columns[...] = seen.transpose(0, 4, 5, 1, 2, 3)
    return columns.reshape(c * k * k, -1)


class Im2Row:
    """The input of one block, copied once for each column of the kernel.

    Args:
        rows: (C, n, rows, W), the rows :meth:`Window.input_rows` of the block's images.
        block: the block of the output.
        window: of the convolution.
        out_width: width of the output.
    """

    def __init__(self, rows: np.ndarray, block: Block, window: Window, out_width: int) -> None:
        k, stride, pad = window
        c, n, _, width = rows.shape
        self.shape = (n, block.bottom - block.top, out_width)
        top = block.top * stride - pad
        span = stride * (self.shape[1] - 1) + k  # rows of the padded input that the block needs
        quotients = -(-span // stride)
        # The rows are sorted by their remainder, so that each row of the kernel finds its own one after another;
        # they are outside the images, so that this holds for several images too.
        self._array = scratch(np, 'shifted', (k, c, stride, quotients, n, out_width), rows.dtype)
        self._stride = stride
        above = max(-top, 0)  # rows of padding
        rows = rows.transpose(0, 2, 1, 3)
        for remainder in range(stride):
            target = self._array[:, :, remainder]
            skip = (remainder - above) % stride
            start = (skip + above) // stride
            source = rows[:, skip::stride]
            stop = min(start + source.shape[1], quotients)
            source = source[:, :stop - start]
            target[:, :, :start] = 0
            target[:, :, stop:] = 0
            for i in range(k):
                left = min(max(-((i - pad) // stride), 0), out_width)
                right = max(min((width - 1 + pad - i) // stride + 1, out_width), left)
                first = left * stride - pad + i
                target[i, :, start:stop, :, :left] = 0
                target[i, :, start:stop, :, right:] = 0
                last = first + (right - left - 1) * stride + 1
                target[i, :, start:stop, :, left:right] = source[..., first:max(last, first):stride]

    def row(self, i: int) -> np.ndarray:
        """Return what row ``i`` of the kernel sees: (k * C, rows * n * out_width), in this order."""
        quotient, remainder = divmod(i, self._stride)
        k, c = self._array.shape[:2]
        n, height, width = self.shape
        part = self._array[:, :, remainder, quotient:quotient + height]
        return part.reshape(k * c, height * n * width)

    def convolve(self, weights: np.ndarray, out: np.ndarray) -> None:
        """Write the convolution into ``out``, (O, n * rows * out_width); ``weights`` are :func:`weight_rows`."""
        n, height, width = self.shape
        o = len(out)
        total = scratch(np, 'total', out.shape, out.dtype)
        term = scratch(np, 'term', out.shape, out.dtype)
        target = out.reshape(o, n, height, width)
        as_target = (o, height, n, width)
        np.matmul(weights[0], self.row(0), out=total)
        for i in range(1, len(weights)):
            np.matmul(weights[i], self.row(i), out=term)
            if i < len(weights) - 1:
                total += term
        if len(weights) == 1:
            term[...] = 0
        np.add(total.reshape(as_target).transpose(0, 2, 1, 3), term.reshape(as_target).transpose(0, 2, 1, 3),
               out=target)

    def correlate(self, other: np.ndarray) -> np.ndarray:
        """Return the products of what each row sees with (D, n, rows, out_width) ``other``: (k, k * C, D)."""
        d = other.shape[0]
        n, height, width = self.shape
        if n > 1:
            ordered = scratch(np, 'ordered', (d, height, n, width), other.dtype)
            ordered[...] = other.transpose(0, 2, 1, 3)
        else:
            ordered = other
        ordered = ordered.reshape(d, height * n * width).T
        return np.stack([self.row(i) @ ordered for i in range(len(self._array))])


def outer_products(a: Array, b: Array) -> Array:
    """Return ``a @ b.T`` for (A, P) and (B, P) arrays; BLAS is faster where the first has more rows."""
    return matmul(a, b.T) if len(a) >= len(b) else matmul(b, a.T).T
