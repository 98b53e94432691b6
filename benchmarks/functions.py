"""Time the fast functions against Chainer's own and against PyTorch, in one run and by turns.

    python -m benchmarks.functions --size full --json figures.json

benchmarks/README.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hourglass.functions.parallel import workers
from hourglass.layers import ConvBNReLU, conv_bn_relu, max_pooling_2x2, resize_and_add
from hourglass.network import ResidualModule, StackedHG
from training.loss import heatmap_loss

import chainer
import chainer.links as L
import numpy as np

Run = Callable[[], Any]
CHAINER_MODES = ('stock', 'fast')
MODES = (*CHAINER_MODES, 'torch')


class Size(NamedTuple):
    """A network, its input, and the batches that are timed."""

    width: int
    layer_num: int
    image: int
    joints: int
    batches: tuple[int, ...]


SIZES = {'full': Size(256, 4, 256, 16, (4,)), 'small': Size(64, 3, 128, 14, (16, 32))}


class Case(NamedTuple):
    """One row of the table."""

    part: str
    training: bool
    batch: int

    @property
    def name(self) -> str:
        return f'{self.part}, {"training" if self.training else "prediction"}, batch {self.batch}'


PARTS = ('1x1 convolution', '3x3 convolution', 'residual module', 'resizing', 'pooling', 'network')


def cases(size: Size) -> list[Case]:
    """Return the rows for a size of network."""
    parts = [Case(part, training, size.batches[0]) for part in PARTS[:-1] for training in (False, True)]
    return [*parts, Case('network', False, 1), *(Case('network', True, n) for n in size.batches)]


def input_shapes(part: str, size: Size) -> list[tuple[int, ...]]:
    """Return (C, H, W) of the inputs."""
    width, h = size.width, size.image // 4
    shapes: dict[str, list[tuple[int, ...]]] = {
        '1x1 convolution': [(width, h, h)],
        '3x3 convolution': [(width // 2, h, h)],
        'residual module': [(width, h, h)],
        'resizing': [(2 * width, h // 2, h // 2), (2 * width, h, h)],
        'pooling': [(width // 2, 2 * h, 2 * h)],
        'network': [(3, size.image, size.image)],
    }
    return shapes[part]


def chainer_run(case: Case, size: Size) -> Run:
    """Return a function that computes a case once, in the mode that is configured when it is called."""
    half = size.width // 2
    links = chainer.ChainList()

    def unit(in_channels: int, out_channels: int, ksize: int) -> Callable:
        links.append(L.Convolution2D(in_channels, out_channels, ksize, pad=ksize // 2))
        links.append(L.BatchNormalization(out_channels))
        return lambda x: conv_bn_relu(x, [ConvBNReLU(links[0], links[1], relu=True)])

    def link(link: chainer.Chain) -> Callable:
        links.append(link)
        return link

    functions: dict[str, Callable[[], Callable]] = {
        '1x1 convolution': lambda: unit(size.width, half, 1),
        '3x3 convolution': lambda: unit(half, half, 3),
        'residual module': lambda: link(ResidualModule(size.width, size.width)),
        'resizing': lambda: resize_and_add,
        'pooling': lambda: max_pooling_2x2,
        'network': lambda: link(StackedHG(size.joints, 2, size.width, size.layer_num)),
    }
    function = functions[case.part]()
    arrays = random_arrays(case, size)
    optimizer = chainer.optimizers.RMSprop(lr=2.5e-4).setup(links)

    def predict() -> Any:
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return function(*arrays)

    def train_part() -> None:
        links.cleargrads()
        y = function(*map(chainer.Variable, arrays))
        y.grad = np.ones(y.shape, np.float32)
        y.backward()

    def train_network() -> None:
        optimizer.update(lambda: heatmap_loss(function(arrays[0]), *targets(case, size)))

    return predict if not case.training else train_network if case.part == 'network' else train_part


def torch_run(case: Case, size: Size) -> Run:
    """Return a function that computes a case once with PyTorch, on as many threads."""
    from benchmarks import torch_network as tn

    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(workers().size)
    half = size.width // 2
    functions: dict[str, Callable[[], Any]] = {
        '1x1 convolution': lambda: tn.unit(size.width, half),
        '3x3 convolution': lambda: tn.unit(half, half, 3),
        'residual module': lambda: tn.ResidualModule(size.width, size.width),
        'resizing': lambda: tn.resize_and_add,
        'pooling': lambda: tn.pool,
        'network': lambda: tn.StackedHG(size.joints, 2, size.width, size.layer_num),
    }
    function = functions[case.part]()
    module = function if isinstance(function, torch.nn.Module) else torch.nn.Identity()
    module.train(case.training)
    inputs = [torch.from_numpy(a) for a in random_arrays(case, size)]
    heatmaps, labelled = map(torch.from_numpy, targets(case, size))

    def predict() -> Any:
        with torch.inference_mode():
            return function(*inputs)

    def train_part() -> None:
        module.zero_grad()
        y = function(*(x.clone().requires_grad_() for x in inputs))
        y.backward(torch.ones_like(y))

    def train_network() -> None:
        optimizer.zero_grad()
        weight = labelled.float()[:, :, None, None]
        total = sum((((y - heatmaps) * weight) ** 2).sum() for y in function(*inputs))
        (total * .5 / weight.sum()).backward()
        optimizer.step()

    if case.training and case.part == 'network':
        optimizer = torch.optim.RMSprop(module.parameters(), lr=2.5e-4)
        return train_network
    return train_part if case.training else predict


def random_arrays(case: Case, size: Size) -> list[np.ndarray]:
    """Return the inputs, uniform in [0, 1]."""
    rng = np.random.default_rng(0)
    return [rng.random((case.batch, *shape), np.float32) for shape in input_shapes(case.part, size)]


def targets(case: Case, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, K, H, W) heatmaps and (N, K) marks that all joints are labelled."""
    rng = np.random.default_rng(1)
    heatmaps = rng.random((case.batch, size.joints, size.image // 4, size.image // 4), np.float32)
    return heatmaps, np.ones((case.batch, size.joints), bool)


def make_run(case: Case, size: Size, mode: str) -> Run:
    """Return a function that computes a case once in a mode."""
    if mode == 'torch':
        return torch_run(case, size)
    run = chainer_run(case, size)

    def configured() -> None:
        with chainer.using_config('hourglass_functions', mode):
            run()

    return configured


def time_by_turns(runs: dict[str, Run], repeats: int, settle: bool = False) -> dict[str, list[float]]:
    """Return the seconds of each run; the modes take turns, so that a busy machine is busy for all of them.

    Args:
        runs: what is timed.
        repeats: timings of each.
        settle: before each timing do the same once untimed, so that it finds memory as its like has left it and not
            as another mode has, which may have given it back to the system.
    """
    seconds: dict[str, list[float]] = {mode: [] for mode in runs}
    for run in runs.values():
        run()  # the first has to find memory
    for _ in range(repeats):
        for mode, run in runs.items():
            if settle:
                run()
            start = time.perf_counter()
            run()
            seconds[mode].append(time.perf_counter() - start)
    return seconds


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    try:
        # A child's ru_maxrss begins with its parent's size on Linux, this number does not.
        status = Path('/proc/self/status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) * 1024
    except (OSError, IndexError):
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def memory_in_child(name: str, mode: str, size: str) -> int:
    """Return the peak memory of a process that computes one case twice and nothing else."""
    command = [sys.executable, '-m', 'benchmarks.functions', '--size', size, '--memory-of', name, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def matrix_product_rate(n: int = 2048, repeats: int = 8) -> float:
    """Return the most single precision operations per second that NumPy's BLAS does in a matrix product."""
    a = np.random.default_rng(0).random((n, n), np.float32)
    times = time_by_turns({'product': lambda: a @ a}, repeats)['product']
    return 2 * n ** 3 / min(times)


class Operations(chainer.FunctionHook):
    """Count the multiplications and additions of Chainer's convolutions."""

    def __init__(self) -> None:
        self.total = 0

    def forward_postprocess(self, function: Any, in_data: tuple) -> None:
        if isinstance(function, chainer.functions.connection.convolution_2d.Convolution2DFunction):
            w = in_data[1]
            height, width = (chainer.utils.conv.get_conv_outsize(size, k, stride, pad) for size, k, stride, pad in zip(
                in_data[0].shape[2:], w.shape[2:], (function.sy, function.sx), (function.ph, function.pw), strict=True))
            self.total += 2 * w.size * len(in_data[0]) * height * width


def operations(case: Case, size: Size) -> int:
    """Return the operations of a case's convolutions; the backward pass does twice those of the forward pass."""
    with Operations() as counter:
        make_run(case._replace(training=False, batch=1), size, 'stock')()
    return counter.total * case.batch * (3 if case.training else 1)


def torch_problem() -> str | None:
    """Say why PyTorch cannot be compared with, or return None."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        return f'no PyTorch: {error}'
    return None


COLUMNS = f'{"":42}{"stock":>18}{"fast":>18}{"torch":>18}{"fast/stock":>11}{"fast/torch":>11}{"floor":>8}   peak MB'


def show(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    def timing(mode: str) -> str:
        seconds = row['seconds'].get(mode)
        if seconds is None:
            return f'{"-":>18}'
        half_range = (max(seconds) - min(seconds)) / 2 / statistics.median(seconds)
        return f'{statistics.median(seconds) * 1e3:9.1f} ms ±{half_range:4.0%}'

    def ratio(other: str) -> str:
        if other not in row['seconds']:
            return f'{"-":>11}'
        return f'{statistics.median(row["seconds"]["fast"]) / statistics.median(row["seconds"][other]):11.2f}'

    floor = f'{row["floor"] * 1e3:8.1f}' if row['floor'] else f'{"-":>8}'
    memory = ' '.join(f'{mode} {peak >> 20}' for mode, peak in row['peak_memory'].items()) or '-'
    return f'{row["case"]:42}{"".join(map(timing, MODES))}{ratio("stock")}{ratio("torch")}{floor}   {memory}'


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--size', choices=SIZES, default='full', help='of the network and its parts')
    parser.add_argument('--part', choices=PARTS, nargs='+', default=PARTS, help='time these only')
    parser.add_argument('--modes', choices=MODES, nargs='+', default=MODES, help='compare these only')
    parser.add_argument('--repeats', type=int, default=5,
                        help='timings of each case and mode in training; three times as many in prediction')
    parser.add_argument('--no-memory', action='store_true', help='do not measure memory')
    parser.add_argument('--json', type=Path, help='write the figures to this file, too')
    parser.add_argument('--memory-of', nargs=2, metavar=('CASE', 'MODE'),
                        help='compute one case twice and print the peak memory in bytes')
    return parser.parse_args(arguments)


def main() -> None:
    args = parse()
    size = SIZES[args.size]
    by_name = {case.name: case for case in cases(size)}
    if args.memory_of:
        name, mode = args.memory_of
        run = make_run(by_name[name], size, mode)
        run(), run()
        print(peak_memory())
        return

    problem = torch_problem()
    modes = [mode for mode in args.modes if mode != 'torch' or problem is None]
    rate = matrix_product_rate()
    print(f'{args.size}: {size}; {workers().size} threads; matrix product {rate / 1e9:.0f} GFLOP/s; NumPy '
          f'{np.__version__}' + (f'; {problem}' if problem else ''))
    print(COLUMNS)
    rows = []
    for name, case in by_name.items():
        if case.part not in args.part:
            continue
        memory = {} if args.no_memory else {mode: memory_in_child(name, mode, args.size) for mode in modes}
        rows.append({
            'case': name,
            'seconds': time_by_turns({mode: make_run(case, size, mode) for mode in modes},
                                     args.repeats * (1 if case.training else 3), settle=not case.training),
            'floor': operations(case, size) / rate,
            'peak_memory': memory,
        })
        print(show(rows[-1]), flush=True)
    if args.json:
        figures = {'size': args.size, 'threads': workers().size, 'flop_per_second': rate, 'rows': rows}
        args.json.write_text(json.dumps(figures, indent=1) + '\n')


if __name__ == '__main__':
    main()
