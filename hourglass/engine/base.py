"""The base class of all engines."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np


class Engine(ABC):
    """A trained network that is ready to run.

    Several threads may call one engine at the same time.

    Attributes:
        name: one of :data:`hourglass.engine.choice.ENGINES`, without ``auto``.
    """

    name: str

    @abstractmethod
    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Compute the heatmaps of the last stack.

        Args:
            x: (N, 3, H, W) float32, prepared as the weights require; H and W are multiples of
                ``4 * 2 ** layer_num``, N is at least 1.

        Returns:
            (N, K, H / 4, W / 4) float32.
        """


def cpus() -> int:
    """Return the number of CPUs that this process may use (taskset, batch systems and containers can limit it)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads an engine may have: ``OMP_NUM_THREADS``, at most one for each CPU of this process."""
    wanted = os.environ.get('OMP_NUM_THREADS', '').split(',')[0].strip()
    return min(int(wanted), cpus()) if wanted.isdecimal() and int(wanted) else cpus()


def run_in_pieces(run: Callable[[np.ndarray], np.ndarray], x: np.ndarray, threads: int) -> np.ndarray:
    """Run a network for a batch, a few images at a time.

    An image costs as much in a large batch as in a small one, but large batches need memory.

    Args:
        run: computes the heatmaps of at most ``max(4, threads)`` images.
        x: (N, 3, H, W).
        threads: number of threads of the engine.
    """
    size = max(4, threads)
    maps = [run(x[start:start + size]) for start in range(0, len(x), size)]
    return maps[0] if len(maps) == 1 else np.concatenate(maps)
