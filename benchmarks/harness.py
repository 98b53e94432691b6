"""Shared parts of the benchmarks: timing by turns, the matrix-product rate, peak memory in a child process, tables."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from hourglass.config import whole

import numpy as np

Run = Callable[[], Any]


def time_by_turns(
    runs: Mapping[str, Run], repeats: int, budget: float = math.inf, settle: bool = False,
) -> dict[str, list[float]]:
    """Return the seconds of each run; the runs take turns, so that a busy machine is busy for all of them.

    Args:
        runs: what is timed, by name.  Each is called once before, to find memory.
        repeats: most timings of each.
        budget: seconds for everything.  A run whose first call takes a fifth of it or more is not repeated, and that
            call is its timing.  No round begins that would end later, except the first.
        settle: before each timing, call the same run once without timing, so that memory is as this run leaves it and
            not as another run does.
    """
    def timed(run: Run) -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    end = time.monotonic() + budget
    first = {name: timed(run) for name, run in runs.items()}
    seconds = {name: [t] if t >= budget / 5 else [] for name, t in first.items()}
    repeated = [name for name in runs if not seconds[name]]
    for _ in range(repeats):
        start = time.monotonic()
        for name in repeated:
            time.sleep(0.02)  # threads of the run before may still be waiting for work in a loop
            if settle:
                runs[name]()
            seconds[name].append(timed(runs[name]))
        if 2 * time.monotonic() - start > end:
            break
    return seconds


def matrix_product(n: int = 2048) -> tuple[Run, int]:
    """Return a product of two n x n matrices in single precision, and its number of operations."""
    a = np.random.default_rng(0).random((n, n), np.float32)
    return lambda: a @ a, 2 * n ** 3


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    try:
        # A child's ru_maxrss begins with its parent's size on Linux, this number does not.
        status = Path('/proc/self/status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) * 1024
    except (OSError, IndexError):
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a module in a process that does nothing else, and return its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    rule = ['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])]
    return '\n'.join(f'| {cells[0]:{widths[0]}} | ' + ' | '.join(map(str.rjust, cells[1:], widths[1:])) + ' |'
                     for cells in (rows[0], rule, *rows[1:]))


def positive(text: str) -> int:
    """Type of an option: a whole number of at least 1."""
    try:
        return whole(1)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'must be {error}') from None
