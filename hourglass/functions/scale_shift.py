"""Batch normalisation and ReLU after a convolution, computed where the result is read and not stored.

For a convolution's output ``y``, normalisation and ReLU are ``relu(scale * y + shift)`` by channel, and the gradient of
the normalisation by ``y`` is ``a * gz + b * y + c``.  To compute these again for each block of pixels is faster than to
store them and to read them back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hourglass.functions import kernels
from hourglass.functions.im2row import Window
from hourglass.functions.layout import Array, Block, array_module, scratch

import numpy as np


class ScaleShiftReLU(NamedTuple):
    """``relu(scale * y + shift)`` by channel.

    ``scale`` (C,) is None for one, ``shift`` (C,) is None for zero, and ``relu`` says whether negative results become
    zero.
    """

    scale: Array | None
    shift: Array | None
    relu: bool

    @property
    def is_identity(self) -> bool:
        return self.scale is None and self.shift is None and not self.relu

    @property
    def _scale_and_shift(self) -> tuple[Any, Any]:
        return 1 if self.scale is None else self.scale, 0 if self.shift is None else self.shift

    def __call__(self, y: Array, out: Array, added: Array | None = None) -> Array:
        """Write the result for ``y`` (C, ...) into ``out``, plus ``added``, both of its shape, and return ``out``."""
        if not isinstance(y, np.ndarray):
            kernels.scale_shift_relu(y, *self._scale_and_shift, self.relu, 0 if added is None else added, out)
            return out
        by_channel = (-1,) + (1,) * (y.ndim - 1)
        scale, shift = (None if a is None else a.reshape(by_channel) for a in self[:2])
        if scale is not None:
            y = np.multiply(y, scale, out=out)
        if shift is not None:
            y = np.add(y, shift, out=out)
        if self.relu:
            y = rectify(y, out)
        if y is not out:
            out[...] = y
        if added is not None:
            out += added
        return out

    def gradient(self, y: Array, gy: Array, out: Array) -> tuple[Array, Array]:
        """Write ``gy`` where the ReLU lets ``y`` (C, P) through, and zeros elsewhere, into ``out``.

        Returns:
            :func:`row_sums` of ``out`` and ``y``.
        """
        if not isinstance(y, np.ndarray):
            return kernels.relu_gradient(gy, y, *self._scale_and_shift, out)
        np.multiply(gy, self(y, scratch(np, 'rows', y.shape, y.dtype)) > 0, out=out)
        return row_sums(out, y)


class Epilogue(NamedTuple):
    """What is done to a result (O, N, H, W) in place, part by part: ``affine``, and the addition of such an array."""

    affine: ScaleShiftReLU
    added: Array | None

    def __call__(self, part: Array, channels: slice, columns: slice) -> None:
        """Finish ``part``, the given channels and columns of the result seen as (O, N * H * W)."""
        scale, shift, relu = self.affine
        added = None if self.added is None else self.added.reshape(len(self.added), -1)[channels, columns]
        ScaleShiftReLU(None if scale is None else scale[channels], None if shift is None else shift[channels],
                       relu)(part, part, added)


class LazyActivation(NamedTuple):
    """A (C, N, H, W) array ``array`` that stands for ``affine(array)``, or for itself where ``affine`` is None."""

    array: Array
    affine: ScaleShiftReLU | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def is_copied(self) -> bool:
        """Return whether :meth:`rows` are a copy."""
        return self.affine is not None

    def _part(self, block: Block, window: Window) -> Array:
        top, bottom = window.input_rows(block, self.array.shape[2])
        return self.array[:, block.first:block.last, top:bottom]

    def rows(self, block: Block, window: Window) -> Array:
        """Return the (C, n, rows, W) values that ``window`` sees from ``block``, valid until the next call."""
        part = self._part(block, window)
        if self.affine is None:
            return part
        return self.affine(part, scratch(array_module(part), 'rows', part.shape, part.dtype))

    def rows_and_ones(self, block: Block, window: Window) -> Array:
        """Return :meth:`rows` with one more channel, full of ones; only where they are a copy."""
        assert self.affine is not None
        part = self._part(block, window)
        rows = scratch(array_module(part), 'rows', (len(part) + 1, *part.shape[1:]), part.dtype)
        rows[-1] = 1
        self.affine(part, rows[:-1])
        return rows


class LazyGradient(NamedTuple):
    """The gradient ``scale * (gz + b * y + c)`` by a convolution's output ``y``.

    ``gz`` and ``y`` are (O, N, H, W); ``scale``, ``b`` and ``c`` are (O,).  Where ``scale`` is None it is one, where
    ``b`` and ``c`` are None they are zero.
    """

    gz: Array
    y: Array
    scale: Array | None = None
    b: Array | None = None
    c: Array | None = None

    def scaled(self, w: Array) -> Array:
        """Return (O, C, k, k) weights times ``scale``: what :meth:`rows` leaves out costs less there."""
        return w if self.scale is None else w * self.scale[:, None, None, None]

    def rows(self, block: Block, window: Window) -> Array:
        """Return the (O, n, rows, W) values that ``window`` sees from ``block``, less ``scale``.

        They are valid until the next call.
        """
        top, bottom = window.input_rows(block, self.gz.shape[2])
        seen = slice(None), slice(block.first, block.last), slice(top, bottom)
        part = self.gz[seen]
        if self.b is None or self.c is None:
            return part
        if not isinstance(part, np.ndarray):
            return kernels.add_scaled(part, self.y[seen], self.b, self.c)
        b, c = self.b[:, None, None, None], self.c[:, None, None, None]
        out = scratch(np, 'gradient', part.shape, part.dtype)
        np.multiply(self.y[seen], b, out=out)
        out += part
        out += c
        return out


def rectify(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write ``a`` with zeros for its negative elements into ``out``, of the same shape, and return that."""
    # NumPy's maximum of two arrays is vectorised, that of an array and a number is not (7 times slower).
    return np.maximum(a, _filled(0, a.size, a.dtype).reshape(a.shape), out=out)


_constants: dict[tuple[int, Any], np.ndarray] = {}


def _filled(value: int, size: int, dtype: Any) -> np.ndarray:
    """Return an array of equal numbers that is not to be written to; all threads share it."""
    array = _constants.get((value, dtype))
    if array is None or array.size < size:
        array = _constants[value, dtype] = np.full(size, value, dtype)
    return array[:size]


def row_sums(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the sums over the columns of ``a`` (C, P) and of ``a * b``, both (C,) float64."""
    if not isinstance(a, np.ndarray):
        return kernels.row_sums(a, b)
    # BLAS sums faster than NumPy.
    return (a @ _filled(1, a.shape[1], a.dtype)).astype(np.float64), np.vecdot(a, b).astype(np.float64)
