"""Time training and evaluation of the full network on a GPU: Chainer's functions, this project's, and PyTorch.

    python -m benchmarks.gpu --json gpu.json

All three compute products of matrices in TF32 where the GPU has it (CuPy does not for the small batched products of
resizing), on the same images.  benchmarks/README.md says what the columns mean.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# CuPy and cuBLAS read this when they start.
os.environ.setdefault('CUPY_TF32', '1')

from hourglass.device import check_gpu, use_device
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.network import StackedHG
from training.loss import heatmap_loss

import chainer
import numpy as np

#: Modes of Chainer, by their names in ``chainer.config.hourglass_functions``, and PyTorch.
MODES = ('stock', 'fast', 'torch')
JOINTS, HEATMAP, IMAGE = 16, 64, 256


class Batch(NamedTuple):
    """A batch of people in host memory: (N, 3, 256, 256), (N, 16, 64, 64) and (N, 16)."""

    images: np.ndarray
    heatmaps: np.ndarray
    labelled: np.ndarray


class Runner(NamedTuple):
    """A network on the GPU: functions that compute one batch, and one that waits until all is done."""

    train: Callable[[], Any]
    evaluate: Callable[[], Any]
    wait: Callable[[], Any]


def random_batch(n: int) -> Batch:
    rng = np.random.default_rng(0)
    return Batch(rng.random((n, 3, IMAGE, IMAGE), np.float32), rng.random((n, JOINTS, HEATMAP, HEATMAP), np.float32),
                 np.ones((n, JOINTS), bool))


def chainer_runner(batch: Batch, gpu: int, mode: str) -> Runner:
    """Put the network and a batch on the GPU; ``mode`` is one of Chainer's."""
    import cupy

    network = use_device(StackedHG(JOINTS), gpu)
    images, heatmaps, labelled = (network.device.send(array) for array in batch)
    optimizer = chainer.optimizers.RMSprop(lr=2.5e-4).setup(network)

    def train() -> None:
        with chainer.using_config('hourglass_functions', mode):
            optimizer.update(lambda: heatmap_loss(network(images), heatmaps, labelled))

    def evaluate() -> None:
        with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', False), \
                chainer.no_backprop_mode():
            network(images)

    return Runner(train, evaluate, cupy.cuda.Device(gpu).synchronize)


def torch_runner(batch: Batch, gpu: int) -> Runner:
    """Put PyTorch's network and a batch on the GPU."""
    from benchmarks.torch_network import StackedHG as TorchStackedHG

    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    device = torch.device('cuda', gpu)
    network = TorchStackedHG(JOINTS, 2, 256, 4).to(device)
    images, heatmaps, labelled = (torch.from_numpy(array).to(device) for array in batch)
    weight = labelled.float()[:, :, None, None]
    optimizer = torch.optim.RMSprop(network.parameters(), lr=2.5e-4)

    def train() -> None:
        network.train()
        optimizer.zero_grad()
        total = sum((((y - heatmaps) * weight) ** 2).sum() for y in network(images))
        (total * .5 / weight.sum()).backward()
        optimizer.step()

    def evaluate() -> None:
        network.eval()
        with torch.inference_mode():
            network(images)

    return Runner(train, evaluate, lambda: torch.cuda.synchronize(device))


def torch_problem() -> str | None:
    """Say why PyTorch cannot be compared with, or return None."""
    try:
        import torch
    except ImportError as error:
        return f'PyTorch is left out: {error}'
    return None if torch.cuda.is_available() else 'PyTorch is left out: it finds no CUDA device'


def images_per_second(compute: Callable[[], Any], wait: Callable[[], Any], n: int, repeats: int) -> list[float]:
    """Return the images per second of each of ``repeats`` runs, after two that find memory and kernels."""
    compute(), compute(), wait()
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        compute()
        wait()
        rates.append(n / (time.perf_counter() - start))
    return rates


def measure(gpu: int, batch_size: int, repeats: int, modes: list[str]) -> dict[str, dict[str, list[float]]]:
    """Return images per second: by mode, for ``train`` and ``evaluate``."""
    batch = random_batch(batch_size)
    figures = {}
    for mode in modes:
        runner = torch_runner(batch, gpu) if mode == 'torch' else chainer_runner(batch, gpu, mode)
        figures[mode] = {
            'train': images_per_second(runner.train, runner.wait, batch_size, repeats),
            'evaluate': images_per_second(runner.evaluate, runner.wait, batch_size, repeats)}
        del runner
        _release_memory()
    return figures


def _release_memory() -> None:
    """Give the GPU's memory back, which CuPy and PyTorch would keep for themselves."""
    import cupy

    gc.collect()  # a network and its optimizer hold each other
    cupy.get_default_memory_pool().free_all_blocks()
    if 'torch' in sys.modules:
        sys.modules['torch'].cuda.empty_cache()


def show(figures: dict[str, dict[str, list[float]]]) -> str:
    """Return the table in Markdown: medians, and ratios of this project's to the others'."""
    medians = {mode: {task: statistics.median(rates) for task, rates in tasks.items()}
               for mode, tasks in figures.items()}
    lines = [f'| images/s | {" | ".join(medians)} | fast/stock | fast/torch |', '| --- ' * (len(medians) + 3) + '|']
    for task in ('train', 'evaluate'):
        cells = [f'{medians[mode][task]:.1f}' for mode in medians]
        for other in ('stock', 'torch'):
            known = other in medians and 'fast' in medians
            cells.append(f'{medians["fast"][task] / medians[other][task]:.2f}' if known else '-')
        lines.append(f'| {task} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m benchmarks.gpu', description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--gpu', type=int, default=0, metavar='N', help='number of the GPU (default: 0)')
    parser.add_argument('--batchsize', type=int, default=32, metavar='N', help='images at once (default: 32)')
    parser.add_argument('--repeats', type=int, default=10, metavar='N', help='timings of each (default: 10)')
    parser.add_argument('--modes', choices=MODES, nargs='+', default=list(MODES), help='compare these only')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures to this file, too')
    options = parser.parse_args(arguments)
    if options.gpu < 0:
        raise InputError('--gpu must be at least 0: python -m benchmarks.functions is for the CPU')
    if min(options.batchsize, options.repeats) < 1:
        raise InputError('--batchsize and --repeats must be at least 1')
    return options


def main() -> None:
    options = parse()
    check_gpu(options.gpu)
    import cupy

    problem = torch_problem() if 'torch' in options.modes else None
    if problem:
        print(problem, file=sys.stderr)
    modes = [mode for mode in options.modes if mode != 'torch' or problem is None]
    name = cupy.cuda.runtime.getDeviceProperties(options.gpu)['name'].decode()
    machine = {'gpu': name, 'cupy': cupy.__version__, 'numpy': np.__version__, 'chainer': chainer.__version__,
               'cudnn': bool(chainer.backends.cuda.cudnn_enabled), 'batchsize': options.batchsize}
    print(', '.join(f'{key} {value}' for key, value in machine.items()))
    figures = measure(options.gpu, options.batchsize, options.repeats, modes)
    print(show(figures))
    if options.json:
        options.json.write_text(json.dumps({'machine': machine, 'images_per_second': figures}, indent=1) + '\n')


if __name__ == '__main__':
    run(main)
