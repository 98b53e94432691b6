"""The timed cases: a network, in prediction or training, in each library that can run it."""

from __future__ import annotations

import gc
import math
import os
import sys
from functools import lru_cache
from typing import NamedTuple

# CuPy and cuBLAS read this when they start: products of matrices in TF32, as cuDNN and PyTorch compute them here.
os.environ.setdefault('CUPY_TF32', '1')

import pretrained
from benchmarks.harness import Run, peak_memory
from hourglass.device import use_device
from hourglass.engine.base import threads
from hourglass.errors import InputError
from hourglass.parameters import structure_of
from hourglass.spec import ModelSpec
from pretrained.weights_file import Model

import chainer
import numpy as np

#: Networks by name, all with random weights; ``bundled`` has the sizes of the bundled weights.
NETWORKS = {
    'full': ModelSpec(), 'bundled': pretrained.load('bundled').spec,
    'small': ModelSpec(width=64, layer_num=3, input_size=(128, 128), out_channels=14, joints='lsp'),
    'tiny': ModelSpec(width=8, layer_num=1, input_size=(64, 64)),
}
#: Engines with their precision; they predict on the CPU.
ENGINES = {
    'onnxruntime': ('onnxruntime', 'f32'), 'openvino': ('openvino', 'f32'), 'onnxruntime int8': ('onnxruntime', 'int8'),
    'openvino int8': ('openvino', 'int8'), 'openvino bf16': ('openvino', 'bf16'),
}
#: What runs a case: Chainer with its own functions (stock), with this project's (fast), PyTorch, or an engine.
MODES = ('stock', 'fast', 'torch', *ENGINES)


class Case(NamedTuple):
    """One computation on a batch of images; ``network`` is of :data:`NETWORKS`."""

    network: str
    training: bool = False
    batch: int = 1

    def __str__(self) -> str:
        task = 'training' if self.training else 'prediction'
        return f'{self.network}, {task}, batch {self.batch}'

    @property
    def spec(self) -> ModelSpec:
        return NETWORKS[self.network]


def images(case: Case) -> np.ndarray:
    """Return the input (N, 3, H, W), uniform in [0, 1]."""
    return np.random.default_rng(0).random((case.batch, 3, *case.spec.input_size), np.float32)


def targets(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, K, H / 4, W / 4) heatmaps and (N, K) marks that all joints are labelled."""
    joints, cells = case.spec.out_channels, (size // 4 for size in case.spec.input_size)
    heatmaps = np.random.default_rng(1).random((case.batch, joints, *cells), np.float32)
    return heatmaps, np.ones((case.batch, joints), bool)


def chainer_run(case: Case, functions: str, gpu: int) -> Run:
    """Return a function that computes a case once with Chainer; ``functions`` are ``stock`` or ``fast``."""
    from hourglass.functions.graph import CudaGraph, Recorder
    from training.graph import gradient_graph
    from training.loss import TrainChain
    from training.schedule import OPTIMIZERS

    chain = use_device(TrainChain(case.spec.build_network(), case.spec), gpu)
    network, device = chain.predictor, chain.device
    batch = [device.send(array) for array in (images(case), *targets(case))]
    create = OPTIMIZERS['rmsprop'].create if functions == 'fast' else chainer.optimizers.RMSprop
    optimizer = create(2.5e-4).setup(chain)
    # As training.trainer and hourglass.engine.chainer_engine do.
    in_graphs = gpu >= 0 and functions == 'fast'
    if in_graphs:
        gradients, predict = gradient_graph(chain), CudaGraph(lambda x: network(x)[-1].array, Recorder())

    def run() -> None:
        with chainer.using_config('hourglass_functions', functions), chainer.using_device(device):
            if case.training and in_graphs:
                gradients(*batch)
                optimizer.update()
            elif case.training:
                optimizer.update(chain, *batch)
            else:
                with chainer.using_config('train', False), chainer.no_backprop_mode():
                    (predict if in_graphs else network)(batch[0])
        if gpu >= 0:
            chainer.backends.cuda.cupy.cuda.Device(gpu).synchronize()

    return run


def torch_run(case: Case, gpu: int) -> Run:
    """Return a function that computes a case once with PyTorch (eager, channels first)."""
    from benchmarks.torch_network import StackedHG

    import torch

    if gpu >= 0 and not torch.cuda.is_available():
        raise InputError('PyTorch finds no CUDA device')
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.set_num_threads(threads())
    device = torch.device('cpu' if gpu < 0 else f'cuda:{gpu}')
    network = StackedHG(case.spec).train(case.training).to(device)
    x, heatmaps, labelled = (torch.from_numpy(array).to(device) for array in (images(case), *targets(case)))
    weight = labelled.float()[:, :, None, None]
    optimizer = torch.optim.RMSprop(network.parameters(), lr=2.5e-4)

    def run() -> None:
        if case.training:
            optimizer.zero_grad()
            total = sum((((y - heatmaps) * weight) ** 2).sum() for y in network(x))
            (total * .5 / weight.sum()).backward()
            optimizer.step()
        else:
            with torch.inference_mode():
                network(x)
        if gpu >= 0:
            torch.cuda.synchronize(device)

    return run


@lru_cache(maxsize=2)
def graph(network: str, precision: str) -> bytes:
    """Return the ONNX graph of a network with random weights, as :mod:`pretrained.engines` makes it."""
    from hourglass.engine.networks import network_graph

    spec = NETWORKS[network]
    arrays = Model.of_network(spec.build_network(), spec, 'random').arrays
    model = network_graph(arrays, spec, tiled=precision == 'f32')
    if precision == 'int8':
        from hourglass.engine.quantize import quantized

        model = quantized(model, spec, n_people=2)
    return model.SerializeToString()


def engine_run(case: Case, engine: str, precision: str) -> Run:
    """Return a function that predicts once with an engine."""
    x = images(case)
    if engine == 'onnxruntime':
        from hourglass.engine.onnxruntime_engine import OnnxRuntimeEngine

        onnxruntime = OnnxRuntimeEngine(graph(case.network, precision))
        return lambda: onnxruntime(x)
    from hourglass.engine.openvino_engine import OpenVINOEngine, check_precision, compile_graph

    check_precision(precision)
    openvino = OpenVINOEngine(compile_graph(graph(case.network, precision), precision), precision)
    return lambda: openvino(x)


def make_run(case: Case, mode: str, gpu: int = -1) -> Run:
    """Return a function that computes a case once and waits for the result.

    Raises:
        ImportError: a package of the mode is not installed.
        InputError: this machine, or the case, cannot be run in this mode.
    """
    if mode in ENGINES:
        if case.training or gpu >= 0:
            raise InputError('engines predict on the CPU')
        return engine_run(case, *ENGINES[mode])
    return torch_run(case, gpu) if mode == 'torch' else chainer_run(case, mode, gpu)


def memory_of(case: Case, mode: str) -> int:
    """Compute a case once on the CPU and return the peak memory of this process in bytes."""
    make_run(case, mode)()
    return peak_memory()


def gpu_memory(gpu: int) -> int:
    """Return the bytes of a GPU's memory that are in use, by all programs."""
    with chainer.using_device(chainer.get_device(f'@cupy:{gpu}')):
        free, total = chainer.backends.cuda.cupy.cuda.runtime.memGetInfo()
    return total - free


def release_gpu_memory() -> None:
    """Free the GPU memory that CuPy and PyTorch keep."""
    gc.collect()  # a network and its optimizer hold each other
    chainer.backends.cuda.memory_pool.free_all_blocks()
    if 'torch' in sys.modules and sys.modules['torch'].cuda.is_available():
        sys.modules['torch'].cuda.empty_cache()


def operations(case: Case) -> int:
    """Return the multiplications and additions of a case's convolutions.

    The backward pass counts as twice the forward pass, a little too much: the first layer needs no gradient by the
    image.
    """
    total = sum(operation.ksize ** 2 * operation.inputs[0].channels * operation.channels
                * math.prod(size >> operation.halvings for size in case.spec.input_size)
                for operation in structure_of(case.spec).operations if operation.kind == 'conv')
    return 2 * case.batch * (3 if case.training else 1) * total
