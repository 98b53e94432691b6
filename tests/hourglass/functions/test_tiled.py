from __future__ import annotations

from hourglass.functions.im2row import Window
from hourglass.functions.layout import Block
from hourglass.functions.scale_shift import LazyActivation, ScaleShiftReLU
from hourglass.functions.tiled import TiledConvolution, is_faster_in_tiles

import chainer.functions as F
import numpy as np
import pytest

WINDOW, OWN = Window(3, 1, 1), Window(1, 1, 0)


@pytest.mark.parametrize('relu', [False, True])
def test_what_is_read_and_what_is_stored(relu: bool) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 3, 16, 20)), rng.normal(size=(7, 5, 3, 3))
    before = ScaleShiftReLU(None, rng.normal(size=5), True)
    after = ScaleShiftReLU(rng.normal(size=7), rng.normal(size=7), relu)
    added = rng.normal(size=(7, 3, 16, 20))
    seen = np.maximum(x + before.shift[:, None, None, None], 0).transpose(1, 0, 2, 3)
    y = F.convolution_2d(seen, w * after.scale[:, None, None, None], after.shift, pad=1).array.transpose(1, 0, 2, 3)
    expected = np.maximum(y, 0) if relu else y

    tiled = TiledConvolution(WINDOW, w, LazyActivation(x, before), after)
    assert tiled.shape == expected.shape
    np.testing.assert_allclose(tiled.stored(None), expected, atol=1e-11)
    np.testing.assert_allclose(tiled.stored(added), expected + added, atol=1e-11)
    for block in (Block(0, 3, 0, 16), Block(1, 2, 3, 8), Block(2, 3, 15, 16)):
        wanted = expected[:, block.first:block.last, block.top:block.bottom]
        np.testing.assert_allclose(tiled.rows(block, OWN), wanted, atol=1e-11)
        assert (tiled.rows_and_ones(block, OWN)[-1] == 1).all()


@pytest.mark.parametrize(('window', 'channels', 'shape', 'expected'), [
    (WINDOW, 64, (64, 1, 16, 16), True),
    (WINDOW, 64, (64, 1, 16, 18), False),
    (WINDOW, 63, (64, 1, 16, 16), False),
    (WINDOW, 64, (64, 1, 8, 16), False),
    (WINDOW, 64, (64, 2, 8, 16), True),
    (OWN, 64, (64, 1, 16, 16), False),
])
def test_where_tiles_are_used(window: Window, channels: int, shape: tuple[int, ...], expected: bool) -> None:
    w = np.zeros((shape[0], channels, window.ksize, window.ksize), np.float32)
    assert is_faster_in_tiles(window, w, shape) == expected
