"""Divide the pixels or the weights of a layer among threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hourglass.functions.layout import Block, split
from hourglass.functions.parallel import workers

import numpy as np

# A block's arrays should stay in a core's second-level cache (2 MiB on the machine measured).
_BLOCK_ELEMENTS = 2 ** 20
_BLOCK_PIXELS = (512, 8192)
_FEW_PIXELS = 256
# Threads wait for each other in the interpreter, which takes longer than what they save where a call of NumPy is short.
_PRODUCTS = 2 ** 23
#: What a pass over the elements of an array costs, in multiplications of a matrix product.
PASS = 16

T = TypeVar('T')


def has_few_pixels(xp: Any, pixels: int) -> bool:
    """Return whether the weights are the larger part.

    Then the threads share the weights as they lie in memory, and one thread does what goes over pixels alone.
    """
    return xp is np and pixels <= _FEW_PIXELS


def run_on_pixels(xp: Any, n: int, height: int, width: int, channels: int, products: int,
                  work: Callable[[Iterator[Block]], T]) -> list[T]:
    """Have the threads work on blocks of ``n`` images; on a GPU, all is one block.

    Args:
        xp: NumPy or CuPy.
        n: number of images.
        height: of each.
        width: of each.
        channels: of the arrays that should stay in the cache.
        products: how many multiplications ``work`` does for a pixel.
        work: called with blocks, once for each thread.

    Returns:
        What the calls of ``work`` returned.
    """
    total = n * height * width
    if xp is not np or total < _FEW_PIXELS:
        return [work(iter([Block(0, n, 0, height)]))]
    threads = threads_for(total * products)
    pixels = min(max(_BLOCK_ELEMENTS // channels, _BLOCK_PIXELS[0]), _BLOCK_PIXELS[1])
    share = -(-total // threads)
    pixels = -(-share // -(-share // pixels))  # as many blocks for each thread
    return workers().run(split(n, height, width, pixels), work, threads)


def run_on_channels(n: int, products: int, work: Callable[[Iterator[slice]], T]) -> list[T]:
    """Have the threads work on a part each of ``n`` channels with ``products`` multiplications in all."""
    count = min(threads_for(products), n)
    return workers().run([slice(n * i // count, n * (i + 1) // count) for i in range(count)], work)


def threads_for(products: int) -> int:
    """Return how many threads to use for a number of multiplications."""
    return max(min(workers().size, products // _PRODUCTS), 1)
