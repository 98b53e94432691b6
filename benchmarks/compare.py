"""Time networks in each library that can run them, by turns in one run.

    python -m benchmarks compare --networks full bundled --batches 1 8
    python -m benchmarks compare --networks small --tasks training --batches 16 32
    python -m benchmarks gpu

benchmarks/README.md explains the columns.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import cases
from benchmarks.cases import ENGINES, MODES, NETWORKS, Case
from benchmarks.harness import in_child, matrix_product, positive, table, time_by_turns
from hourglass.device import check_gpu
from hourglass.engine.base import threads
from hourglass.errors import ArgumentParser, InputError
from hourglass.files import check_targets
from hourglass.functions.parallel import workers
from hourglass.results import write_json

import chainer
import numpy as np

#: Seconds for the timings of one mode on a GPU.
GPU_BUDGET = 6.


class Result(NamedTuple):
    """Figures of a case.

    Attributes:
        seconds: of each timing, by mode.
        operations: of the convolutions.
        rate: operations a second of a matrix product, the best of those between the timings; 0 for a GPU.
        memory: peak memory in bytes, by mode.
        problems: why a mode was not timed.
    """

    seconds: dict[str, list[float]]
    operations: int
    rate: float
    memory: dict[str, int]
    problems: dict[str, str]


def measure(
    case: Case, modes: list[str], repeats: int, budget: float = math.inf, gpu: int = -1,
    memory_modes: Sequence[str] = (),
) -> Result:
    """Time a case by turns, a matrix product among them; on a GPU one mode after the other, because of its memory."""
    runs, problems = {}, {}
    memory: dict[str, int] = {}
    seconds: dict[str, list[float]] = {}
    settle = gpu >= 0 or not case.training
    for mode in modes:
        before = cases.gpu_memory(gpu) if gpu >= 0 else 0
        try:
            runs[mode] = cases.make_run(case, mode, gpu)
        except (ImportError, InputError) as error:
            problems[mode] = ' '.join(str(error).split())
            continue
        if gpu >= 0:
            runs[mode]()  # compiles the kernels
            seconds |= time_by_turns(runs, repeats, budget, settle)
            memory[mode] = cases.gpu_memory(gpu) - before
            runs.clear()
            cases.release_gpu_memory()
    rate = 0.
    if gpu < 0:
        compute, n_operations = matrix_product()
        seconds = time_by_turns({'product': compute, **runs}, repeats, budget, settle)
        rate = n_operations / min(seconds.pop('product'))
    for mode in memory_modes:
        if mode not in problems:
            memory[mode] = in_child(cases.memory_of, case, mode)
    return Result(seconds, cases.operations(case), rate, memory, problems)


def show(case: Case, result: Result) -> str:
    """Return a table with a row for each mode."""
    best = {mode: min(times) for mode, times in result.seconds.items()}
    if result.rate:
        best['floor'] = result.operations / result.rate
    rows = [[str(case), 'best ms', 'median ms', '±', 'images/s', '/ floor', '/ stock', '/ torch', 'peak MB']]
    for mode, times in result.seconds.items():
        median = statistics.median(times)
        ratios = [f'{best[mode] / best[name]:.2f}' if best.get(name) else '-' for name in ('floor', 'stock', 'torch')]
        rows.append([mode, f'{best[mode] * 1e3:.1f}', f'{median * 1e3:.1f}',
                     f'{(max(times) - min(times)) / 2 / median:.0%}', f'{case.batch / best[mode]:.1f}', *ratios,
                     f'{result.memory[mode] / 2 ** 20:.0f}' if mode in result.memory else '-'])
    if result.rate:
        rows.append([f'floor at {result.rate / 1e9:.0f} GFLOP/s', f'{best["floor"] * 1e3:.1f}', *['-'] * 7])
    return table(rows)


def machine(gpu: int = -1) -> dict[str, Any]:
    """Return the facts about the machine that figures depend on."""
    facts = {'threads': threads(), 'chainer_threads': workers().size, 'numpy': np.__version__,
             'chainer': chainer.__version__}
    if gpu >= 0:
        import cupy

        name = cupy.cuda.runtime.getDeviceProperties(gpu)['name'].decode()
        facts |= {'gpu': name, 'cupy': cupy.__version__, 'cudnn': bool(chainer.backends.cuda.cudnn_enabled)}
    return facts


def main(arguments: list[str]) -> None:
    parser = ArgumentParser(prog='python -m benchmarks compare', description=__doc__)
    parser.add_argument('--networks', choices=NETWORKS, nargs='+', default=['full'],
                        help='networks to time (default: full)')
    parser.add_argument('--tasks', choices=('prediction', 'training'), nargs='+', default=['prediction'],
                        help='tasks to time (default: prediction)')
    parser.add_argument('--batches', type=positive, nargs='+', default=[1], metavar='N',
                        help='numbers of images in a batch (default: 1)')
    parser.add_argument('--modes', choices=MODES, nargs='+', metavar='MODE',
                        help=f'libraries to time, some of: {", ".join(MODES)} (default: all that can run the case)')
    parser.add_argument('--repeats', type=positive, default=7, metavar='N', help='timings of each case (default: 7)')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU; -1 is the CPU (default)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures to this file, too')
    options = parser.parse_args(arguments)
    check_targets((options.json,), ())
    check_gpu(options.gpu)

    facts = machine(options.gpu)
    print(', '.join(f'{key} {value}' for key, value in facts.items()))
    rows = []
    for network, task, batch in product(options.networks, options.tasks, options.batches):
        case = Case(network, task == 'training', batch)
        for_engines = not case.training and options.gpu < 0
        modes = options.modes or [mode for mode in MODES if for_engines or mode not in ENGINES]
        result = measure(case, modes, options.repeats, math.inf if options.gpu < 0 else GPU_BUDGET, options.gpu)
        print(f'\n{show(case, result)}', flush=True)
        for mode, problem in result.problems.items():
            print(f'{mode}: not measured ({problem})', flush=True)
        rows.append({**case._asdict(), **result._asdict()})
    if options.json:
        write_json(options.json, {'machine': facts, 'results': rows})
