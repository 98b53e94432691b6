"""3x3 convolutions of a block of pixels with a third of the multiplications.

Of two rows, four neighbouring results each of a filter with 3x3 taps take 72 products; Winograd's F(2, 3) along the
columns and F(4, 3) along the rows take 24, of combinations of the inputs with combinations of the taps (Lavin, Gray:
*Fast Algorithms for Convolutional Neural Networks*, CVPR 2016, sections 4.1 to 4.3).  F(4, 3) along the columns, too,
would take 18, with larger rounding errors.
"""

from __future__ import annotations

from hourglass.functions.im2row import Window
from hourglass.functions.layout import Array, Block, scratch
from hourglass.winograd_tables import INPUTS, TAPS

import numpy as np

_TILE = 4  # results in a row that are computed together, in two rows
#: Products of two rows of four results: along the columns, and along the rows.
PRODUCTS = (4, 6)

_RESULTS = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
_TAPS_3X3 = np.kron(np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2, TAPS)


def is_tiled(window: Window, out_width: int) -> bool:
    """Return whether a convolution can be computed here."""
    return window.ksize == 3 and window.stride == 1 and window.pad < 3 and out_width % _TILE == 0


def tap_combinations(w: np.ndarray, scale: np.ndarray | None, out: np.ndarray) -> None:
    """Combine taps along the columns and along the rows.

    Args:
        w: (O, C, 3, 3).
        scale: (O,), what the weights of a channel of the result are multiplied with, or None.
        out: (24, O * C), for the result: four combinations along the columns with six along the rows each.
    """
    if scale is not None:
        w = w * scale[:, None, None, None]
    np.matmul(_TAPS_3X3.astype(w.dtype), w.reshape(-1, 9).T, out=out)


class Tiles:
    """The input of one block, combined for the products.

    Args:
        rows: (C, n, rows, W), the rows :meth:`Window.input_rows` of the block's images.
        block: the block of the output.
        window: of the convolution, for which :func:`is_tiled` holds.
        out_width: width of the output.
    """

    def __init__(self, rows: np.ndarray, block: Block, window: Window, out_width: int) -> None:
        c, n, _, width = rows.shape
        pad = window.pad
        self.shape = (n, block.bottom - block.top, out_width)
        # Two rows of results look at four; one row more is computed where their number is odd, and thrown away.
        self._pairs = -(-self.shape[1] // 2)
        # A tile needs the first two pixels of the next one.  One more at the end of each row, whose results are thrown
        # away, makes all rows one long line, with the next tile's pixel one place further.
        self._tiles = out_width // _TILE + 1
        # Even and odd rows are kept apart, so that the next pair's row is one place further, too.
        padded = scratch(np, 'padded', (c, 2, self._pairs + 1, n, self._tiles * _TILE), rows.dtype)
        above = max(pad - block.top, 0)
        for parity in (0, 1):
            target, source = padded[:, parity], rows[:, :, (parity - above) % 2::2].transpose(0, 2, 1, 3)
            start = (above - parity + 1) // 2
            stop = start + source.shape[1]
            target[:, :start] = 0
            target[:, stop:] = 0
            target[:, start:stop, :, :pad] = 0
            target[:, start:stop, :, pad + width:] = 0
            target[:, start:stop, :, pad:pad + width] = source

        size = padded.size // _TILE
        pixels = scratch(np, 'pixels of tiles', (PRODUCTS[1], size), rows.dtype)
        pixels[:_TILE] = padded.reshape(size, _TILE).T
        pixels[_TILE:, :-1] = pixels[:2, 1:]
        pixels[_TILE:, -1] = 0
        combined = scratch(np, 'combined', (PRODUCTS[1], size), rows.dtype)
        np.matmul(INPUTS.astype(rows.dtype), pixels, out=combined)
        self._combined = combined.reshape(PRODUCTS[1], c, 2, (self._pairs + 1) * n * self._tiles)

    def convolve(self, weights: Array, shift: np.ndarray | None, out: np.ndarray) -> None:
        """Convolve and add to the channels.

        Args:
            weights: (4, 6, O, C), of :func:`tap_combinations`.
            shift: (O,), or None.
            out: (O, n * rows * out_width), for the result.
        """
        n, height, width = self.shape
        o, step = len(out), n * self._tiles
        size = self._pairs * step
        even, odd = self._combined[:, :, 0], self._combined[:, :, 1]
        rows = even[..., :size], odd[..., :size], even[..., step:], odd[..., step:]
        seen = scratch(np, 'seen by tiles', rows[0].shape, out.dtype)
        upper, lower = scratch(np, 'totals of tiles', (2, PRODUCTS[1], o, size), out.dtype)
        term = scratch(np, 'term of tiles', upper.shape, out.dtype)
        np.matmul(weights[1], np.add(rows[1], rows[2], out=seen), out=lower)
        np.matmul(weights[2], np.subtract(rows[2], rows[1], out=seen), out=term)
        np.add(lower, term, out=upper)
        lower -= term
        upper += np.matmul(weights[0], np.subtract(rows[0], rows[2], out=seen), out=term)
        lower -= np.matmul(weights[3], np.subtract(rows[1], rows[3], out=seen), out=term)

        if shift is not None:
            # All four results of a tile have the second total once.
            upper[1] += shift[:, None]
            lower[1] += shift[:, None]
        results = scratch(np, 'padded', (o, self._pairs, n, self._tiles * _TILE), out.dtype)
        for parity, total in enumerate((upper, lower)):
            np.matmul(total.reshape(PRODUCTS[1], -1).T, _RESULTS.astype(out.dtype).T, out=results.reshape(-1, _TILE))
            target = out.reshape(o, n, height, width)[:, :, parity::2]
            target[...] = results[:, :target.shape[2], :, :width].transpose(0, 2, 1, 3)
