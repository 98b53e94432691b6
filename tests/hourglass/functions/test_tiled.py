from __future__ import annotations

from hourglass.functions.im2row import Window
from hourglass.functions.tiled import is_faster_in_tiles

import numpy as np
import pytest

WINDOW, OWN = Window(3, 1, 1), Window(1, 1, 0)


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
