"""Time whole networks on the engines that can run them, in one run and by turns.

    python -m benchmarks.engines --json figures.json

benchmarks/README.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pretrained
from benchmarks.functions import Case, Size, operations
from hourglass.engine.base import Engine, threads
from hourglass.errors import InputError
from hourglass.functions.parallel import workers
from hourglass.spec import ModelSpec
from pretrained.weights_file import Model

import chainer
import numpy as np

Run = Callable[[np.ndarray], Any]
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


def models() -> dict[str, Model]:
    """Return the networks: the published one with random weights, and the bundled one."""
    np.random.seed(0)
    full = ModelSpec()
    return {'full': Model.of_network(full.build_network(), full, 'random'), 'bundled': pretrained.load('bundled')}


def _chainer(model: Model, functions: str) -> Run:
    from hourglass.engine.chainer_engine import ChainerEngine

    engine = ChainerEngine(model.network)

    def run(x: np.ndarray) -> None:
        with chainer.using_config('hourglass_functions', functions):
            engine(x)

    return run


def _torch(model: Model, _: str) -> Run:
    from benchmarks.torch_network import StackedHG

    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(threads())
    spec = model.spec
    network = StackedHG(spec.out_channels, spec.n_stack, spec.width, spec.layer_num).eval()

    def run(x: np.ndarray) -> None:
        with torch.inference_mode():
            network(torch.from_numpy(x))

    return run


def _graph(model: Model, precision: str) -> bytes:
    from hourglass.engine.networks import network_graph

    graph = network_graph(model.arrays, model.spec, tiled=precision == 'f32')
    if precision == 'int8':
        from hourglass.engine.quantize import quantized

        graph = quantized(graph, model.spec, n_people=2)
    return graph.SerializeToString()


def _onnxruntime(model: Model, precision: str) -> Engine:
    from hourglass.engine.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(_graph(model, precision))


def _openvino(model: Model, precision: str) -> Engine:
    from hourglass.engine.openvino_engine import OpenVINOEngine, check_precision, compile_graph

    check_precision(precision)
    return OpenVINOEngine(compile_graph(_graph(model, precision), precision), precision)


class Contestant(NamedTuple):
    """What runs a network: the packages that it needs, what makes it ready, and with which argument."""

    packages: tuple[str, ...]
    prepare: Callable[[Model, str], Run]
    argument: str


CONTESTANTS = {
    'chainer stock': Contestant(('chainer',), _chainer, 'stock'),
    'chainer fast': Contestant(('chainer',), _chainer, 'fast'),
    'torch': Contestant(('torch',), _torch, ''),
    'onnxruntime': Contestant(('onnxruntime', 'onnx'), _onnxruntime, 'f32'),
    'openvino': Contestant(('openvino', 'onnx'), _openvino, 'f32'),
    'onnxruntime int8': Contestant(('onnxruntime', 'onnx'), _onnxruntime, 'int8'),
    'openvino int8': Contestant(('openvino', 'onnxruntime', 'onnx'), _openvino, 'int8'),
    'openvino bf16': Contestant(('openvino', 'onnx'), _openvino, 'bf16'),
}


def prepare(model: Model, names: Iterable[str]) -> tuple[dict[str, Run], dict[str, str]]:
    """Make the contestants ready; return those that are, and why the others are not."""
    runs: dict[str, Run] = {}
    problems: dict[str, str] = {}
    for name in names:
        packages, make, argument = CONTESTANTS[name]
        try:
            if name.startswith('openvino'):
                import hourglass.engine.openvino_engine  # noqa: F401  (before OpenVINO, to keep it from reporting)
            for package in packages:
                importlib.import_module(package)
            runs[name] = make(model, argument)
        except (ImportError, InputError) as error:
            problems[name] = ' '.join(str(error).split())
    return runs, problems


def time_by_turns(
    runs: dict[str, Callable[[], Any]], repeats: int, clock: Callable[[], float],
) -> dict[str, list[float]]:
    """Return the seconds of each run; they take turns, so that a busy machine is busy for all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()  # the first has to find memory
    for _ in range(repeats):
        for name, run in runs.items():
            time.sleep(0.02)  # threads of the one before may still be waiting for work in a loop
            run()  # finds memory as another engine has left it
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def measure(network: str, model: Model, batch: int, runs: dict[str, Run], args: argparse.Namespace) -> dict[str, Any]:
    """Time all contestants with one batch, and a product of matrices among them."""
    spec = model.spec
    x = np.random.default_rng(0).random((batch, 3, *spec.input_size), np.float32)
    a = np.random.default_rng(0).random((2048, 2048), np.float32)
    timed = {name: lambda run=run: run(x) for name, run in runs.items()}
    seconds = time_by_turns({'product': lambda: a @ a, **timed}, args.repeats, CLOCKS[args.clock])
    rate = 2 * len(a) ** 3 / min(seconds.pop('product'))
    size = Size(spec.width, spec.layer_num, spec.input_size[0], spec.out_channels, ())
    floor = operations(Case('network', False, batch), size) / rate
    return {'network': network, 'batch': batch, 'flop_per_second': rate, 'floor': floor, 'seconds': seconds}


def show(result: dict[str, Any]) -> str:
    """Return a table."""
    batch, floor, seconds = result['batch'], result['floor'], result['seconds']
    torch = min(seconds['torch']) if 'torch' in seconds else None
    lines = [f'\n{result["network"]} network, batch {batch}; floor {floor / batch * 1e3:.1f} ms an image at '
             f'{result["flop_per_second"] / 1e9:.0f} GFLOP/s',
             f'{"":18}{"best":>10}{"median":>10}{"best/floor":>12}{"best/torch":>12}   ms an image']
    for name, times in seconds.items():
        best, median = min(times) / batch, statistics.median(times) / batch
        by_torch = f'{min(times) / torch:12.2f}' if torch else f'{"-":>12}'
        lines.append(f'{name:18}{best * 1e3:10.1f}{median * 1e3:10.1f}{best * batch / floor:12.2f}{by_torch}')
    return '\n'.join(lines)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--networks', choices=('full', 'bundled'), nargs='+', default=('full', 'bundled'))
    parser.add_argument('--batches', type=int, nargs='+', default=(1, 8), metavar='N', help='default: 1 8')
    parser.add_argument('--engines', choices=CONTESTANTS, nargs='+', default=list(CONTESTANTS), metavar='ENGINE',
                        help=f'some of: {", ".join(CONTESTANTS)}')
    parser.add_argument('--repeats', type=int, default=7, help='timings of each (default: 7)')
    parser.add_argument('--clock', choices=CLOCKS, default='wall',
                        help='cpu counts the time of this process alone, for a machine that does other work; with '
                             'OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1')
    parser.add_argument('--json', type=Path, help='write the figures to this file, too')
    return parser.parse_args(arguments)


def main() -> None:
    args = parse()
    print(f'{threads()} threads (NumPy and Chainer {workers().size}); {args.clock} time, {args.repeats} times each; '
          f'NumPy {np.__version__}')
    results: list[dict[str, Any]] = []
    problems: dict[str, str] = {}
    for name, model in models().items():
        if name not in args.networks:
            continue
        runs, problems = prepare(model, args.engines)
        for batch in args.batches:
            results.append(measure(name, model, batch, runs, args))
            print(show(results[-1]), flush=True)
    for name, problem in problems.items():
        print(f'{name}: not measured ({problem})')
    if args.json:
        figures = {'threads': threads(), 'clock': args.clock, 'results': results, 'not_measured': problems}
        args.json.write_text(json.dumps(figures, indent=1) + '\n')


if __name__ == '__main__':
    main()
