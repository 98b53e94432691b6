"""Predictions: 3x3 convolutions in tiles, computed where the next layer reads them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hourglass.functions.blocks import has_few_pixels, run_on_channels, run_on_pixels
from hourglass.functions.im2row import Window
from hourglass.functions.layout import Array, Block, scratch
from hourglass.functions.scale_shift import LazyActivation, ScaleShiftReLU, rectify
from hourglass.functions.winograd import PRODUCTS, Tiles, is_tiled, tap_combinations

import numpy as np

# With fewer channels the combinations of pixels take as long as they save, with fewer pixels those of taps.
_CHANNELS = 64
_PIXELS = 256


def is_faster_in_tiles(window: Window, w: Array, shape: tuple[int, ...]) -> bool:
    """Return whether a convolution to (O, N, H, W) ``shape`` should be a :class:`TiledConvolution`."""
    _, n, height, width = shape
    return (isinstance(w, np.ndarray) and is_tiled(window, width) and min(w.shape[:2]) >= _CHANNELS
            and n * height * width >= _PIXELS)


class TiledConvolution:
    """A convolution, and what follows it, computed block by block when it is read.

    A 1x1 convolution that reads it (:func:`hourglass.functions.convolution.convolve`) multiplies each block while it
    is in the core's cache.  Rounding errors are some times those of the plain sum.

    Args:
        window: of the convolution.
        w: (O, C, 3, 3).
        source: (C, N, H, W).
        affine: what follows.
    """

    is_copied = True

    def __init__(self, window: Window, w: np.ndarray, source: LazyActivation, affine: ScaleShiftReLU) -> None:
        self.shape = window.output_shape(w, source.shape)
        self.dtype = source.dtype
        self._window = window
        self._source = source
        self._affine = affine
        self._taps = _combined_taps(w, affine.scale)

    @property
    def has_few_pixels(self) -> bool:
        """Return whether all pixels would be one thread's work for a convolution that reads this."""
        _, n, height, width = self.shape
        return has_few_pixels(np, n * height * width)

    def rows(self, block: Block, window: Window) -> np.ndarray:
        """Return the (O, n, rows, W) values of a block, valid until the next call; ``window`` is that of one pixel."""
        return self.rows_and_ones(block, window)[:-1]

    def rows_and_ones(self, block: Block, window: Window) -> np.ndarray:
        """Return :meth:`rows` with one more channel, full of ones."""
        assert window.is_pointwise
        o, _, _, width = self.shape
        shape = o + 1, block.last - block.first, block.bottom - block.top, width
        rows = scratch(np, 'rows in tiles', shape, self.dtype)
        rows[-1] = 1
        self._write(block, rows[:-1].reshape(o, -1))
        return rows

    def stored(self, added: np.ndarray | None) -> np.ndarray:
        """Compute everything, and add ``added``, of the result's shape, if it is given."""
        o, n, height, width = self.shape
        y = np.empty(self.shape, self.dtype)

        def work(blocks: Iterator[Block]) -> None:
            for block in blocks:
                columns = block.columns(height, width)
                target = y.reshape(o, -1)[:, columns]
                self._write(block, target)
                if added is not None:
                    target += added.reshape(o, -1)[:, columns]

        c = self._source.shape[0]
        run_on_pixels(np, n, height, width, max(o, c), 9 * o * c, work)
        return y

    def _write(self, block: Block, out: np.ndarray) -> None:
        tiles = Tiles(self._source.rows(block, self._window), block, self._window, self.shape[3])
        tiles.convolve(self._taps, self._affine.shift, out)
        if self._affine.relu:
            rectify(out, out)


def _combined_taps(w: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    """Return the :func:`tap_combinations` of (O, C, 3, 3) weights, times ``scale`` (O,) if there is one."""
    o, c = w.shape[:2]
    combined = np.empty((math.prod(PRODUCTS), o * c), w.dtype)

    def work(parts: Iterator[slice]) -> None:
        for part in parts:
            columns = slice(part.start * c, part.stop * c)
            tap_combinations(w[part], None if scale is None else scale[part], combined[:, columns])

    run_on_channels(o, 16 * w.size, work)
    return combined.reshape(*PRODUCTS, o, c)


#: What a convolution may read.
Source = LazyActivation | TiledConvolution
