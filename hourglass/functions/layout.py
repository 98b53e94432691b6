"""Arrays that look like (N, C, H, W) and lie in memory as (C, N, H, W).

With the channels outermost, a 1x1 convolution of a whole batch is one product of matrices.  The statistics of a channel
are sums over one row, and a range of pixels is a slice of columns.  The functions of this package return such arrays;
for every other function they are ordinary arrays of shape (N, C, H, W).
"""

from __future__ import annotations

import math
import threading
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from chainer.backend import get_array_module

Array = Any  # numpy.ndarray or cupy.ndarray


def array_module(x: Array) -> Any:
    """Return NumPy or CuPy; for NumPy in less time than Chainer takes."""
    return np if type(x) is np.ndarray else get_array_module(x)


def channels_outermost(x: Array) -> Array:
    """Return (N, C, H, W) ``x`` as a contiguous (C, N, H, W) array, copied only if it does not lie so already."""
    return array_module(x).ascontiguousarray(x.transpose(1, 0, 2, 3))


def batch_outermost(x: Array) -> Array:
    """Return a view of a (C, N, H, W) array with the axes (N, C, H, W)."""
    return x.transpose(1, 0, 2, 3)


class Block(NamedTuple):
    """Rows ``top`` to ``bottom`` of the images ``first`` to ``last``; one image, or all rows of some images."""

    first: int
    last: int
    top: int
    bottom: int

    def columns(self, height: int, width: int) -> slice:
        """Return the columns of a (C, N * height * width) array which are this block's pixels."""
        if self.last - self.first > 1:
            return slice(self.first * height * width, self.last * height * width)
        start = self.first * height * width
        return slice(start + self.top * width, start + self.bottom * width)


def split(n: int, height: int, width: int, pixels: int) -> list[Block]:
    """Cut a batch of ``n`` images into blocks of about ``pixels`` pixels."""
    if height * width <= pixels:
        step = max(pixels // (height * width), 1)
        return [Block(i, min(i + step, n), 0, height) for i in range(0, n, step)]
    n_bands = min(-(-height * width // pixels), height)
    edges = [height * i // n_bands for i in range(n_bands + 1)]
    return [Block(i, i + 1, a, b) for i in range(n) for a, b in pairwise(edges)]


_scratch = threading.local()


def scratch(xp: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array which stays this thread's until the next call with the same ``name``."""
    if xp is not np:
        return xp.empty(shape, dtype)  # CuPy's memory pool does the same, device by device
    size = math.prod(shape)
    buffers = _scratch.__dict__
    buffer = buffers.get(name)
    if buffer is None or buffer.dtype != dtype or buffer.size < size:
        buffer = buffers[name] = np.empty(size, dtype)
    return buffer[:size].reshape(shape)
