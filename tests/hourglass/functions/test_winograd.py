from __future__ import annotations

from hourglass.functions.im2row import Window
from hourglass.functions.layout import Block
from hourglass.functions.winograd import Tiles, is_tiled, tap_combinations

import chainer.functions as F
import numpy as np
import pytest


def convolve(x: np.ndarray, w: np.ndarray, block: Block, window: Window) -> np.ndarray:
    """Return the convolution of (C, N, H, W) at a block, (O, n, rows, W')."""
    width = window.output_size(x.shape[3])
    top, bottom = window.input_rows(block, x.shape[2])
    n, height = block.last - block.first, block.bottom - block.top
    taps = np.empty((24, w[:, :, 0, 0].size), w.dtype)
    tap_combinations(w, None, taps)
    out = np.full((len(w), n * height * width), np.nan, x.dtype)
    tiles = Tiles(x[:, block.first:block.last, top:bottom], block, window, width)
    tiles.convolve(taps.reshape(4, 6, *w.shape[:2]), None, out)
    return out.reshape(len(w), n, height, width)


@pytest.mark.parametrize(('pad', 'width'), [(0, 6), (0, 14), (1, 4), (1, 16), (2, 2), (2, 10)])
@pytest.mark.parametrize('height', [3, 8])
def test_every_block_equals_stock(height: int, width: int, pad: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 3, height, width)), rng.normal(size=(7, 5, 3, 3))
    window = Window(3, 1, pad)
    assert is_tiled(window, window.output_size(width))
    expected = F.convolution_2d(np.ascontiguousarray(x.transpose(1, 0, 2, 3)), w, pad=pad).array.transpose(1, 0, 2, 3)
    rows = window.output_size(height)
    for block in (Block(0, 3, 0, rows), Block(1, 2, 0, 1), Block(2, 3, rows - 1, rows), Block(0, 1, rows // 2, rows)):
        wanted = expected[:, block.first:block.last, block.top:block.bottom]
        np.testing.assert_allclose(convolve(x, w, block, window), wanted, atol=1e-12)


def test_single_precision_loses_little() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(1, 1, (64, 1, 32, 32)), rng.normal(size=(48, 64, 3, 3))
    block, window = Block(0, 1, 0, 32), Window(3, 1, 1)
    exact = convolve(x, w, block, window)
    single = convolve(x.astype(np.float32), w.astype(np.float32), block, window)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=5e-6 * abs(exact).max())


@pytest.mark.parametrize(('window', 'width'), [
    (Window(3, 1, 1), 6), (Window(3, 2, 1), 8), (Window(5, 1, 2), 8), (Window(1, 1, 0), 8), (Window(3, 1, 3), 8),
])
def test_what_is_not_tiled(window: Window, width: int) -> None:
    assert not is_tiled(window, width)
