"""How the pixels and the weights of a layer are shared out among the threads."""

from __future__ import annotations

from typing import Any

from hourglass.functions.layout import Block, split
from hourglass.functions.parallel import workers

import numpy as np

# A block's arrays should stay in a core's second-level cache (2 MiB on the machine measured).
_BLOCK_ELEMENTS = 2 ** 20
_BLOCK_PIXELS = (512, 4096)
_FEW_PIXELS = 256


def has_few_pixels(xp: Any, pixels: int) -> bool:
    """Say whether the weights are the larger part.

    They are shared out among the threads as they lie in memory then, and what goes over pixels alone is one thread's
    work.
    """
    return xp is np and pixels <= _FEW_PIXELS


def pixel_blocks(xp: Any, n: int, height: int, width: int, channels: int) -> list[Block]:
    """Cut ``n`` images of ``channels`` channels into blocks for the threads; on a GPU, all is one block."""
    if xp is not np or n * height * width < _FEW_PIXELS:
        return [Block(0, n, 0, height)]
    pixels = min(max(_BLOCK_ELEMENTS // channels, _BLOCK_PIXELS[0]), _BLOCK_PIXELS[1])
    pixels = max(min(pixels, -(-n * height * width // workers().size)), 1)
    return split(n, height, width, pixels)


def shares(n: int) -> list[slice]:
    """Cut ``n`` channels into a part for each thread."""
    count = min(workers().size, n)
    return [slice(n * i // count, n * (i + 1) // count) for i in range(count)]
