"""What is timed: a network or a part of it, in prediction or training, by each library that can run it."""

from __future__ import annotations

import gc
import math
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

# CuPy and cuBLAS read this when they start: products of matrices in TF32, as cuDNN and PyTorch compute them here.
os.environ.setdefault('CUPY_TF32', '1')

import pretrained
from benchmarks.harness import Run, peak_memory
from hourglass.device import use_device
from hourglass.engine.base import threads
from hourglass.errors import InputError
from hourglass.layers import ConvBNReLU, conv_bn_relu, max_pooling_2x2, resize_and_add
from hourglass.network import ResidualModule
from hourglass.parameters import network_shapes
from hourglass.spec import ModelSpec
from pretrained.weights_file import Model

import chainer
import chainer.links as L
import numpy as np

#: Networks by name, all with random weights; ``bundled`` has the sizes of the bundled weights.
NETWORKS = {
    'full': ModelSpec(), 'bundled': pretrained.load('bundled').spec,
    'small': ModelSpec(width=64, layer_num=3, input_size=(128, 128), out_channels=14, joints='lsp'),
    'tiny': ModelSpec(width=8, layer_num=1, input_size=(64, 64)),
}
PARTS = ('network', '1x1 convolution', '3x3 convolution', 'residual module', 'resizing', 'pooling')
#: Engines with their precision; they predict with whole networks on the CPU.
ENGINES = {
    'onnxruntime': ('onnxruntime', 'f32'), 'openvino': ('openvino', 'f32'), 'onnxruntime int8': ('onnxruntime', 'int8'),
    'openvino int8': ('openvino', 'int8'), 'openvino bf16': ('openvino', 'bf16'),
}
#: What runs a case: Chainer with its own functions (stock), with this project's (fast), PyTorch, or an engine.
MODES = ('stock', 'fast', 'torch', *ENGINES)


class Case(NamedTuple):
    """One computation on a batch of images; ``network`` and ``part`` are of :data:`NETWORKS` and :data:`PARTS`."""

    network: str
    part: str = 'network'
    training: bool = False
    batch: int = 1

    def __str__(self) -> str:
        task = 'training' if self.training else 'prediction'
        return f'{self.network} {self.part}, {task}, batch {self.batch}'

    @property
    def spec(self) -> ModelSpec:
        return NETWORKS[self.network]


def inputs(case: Case) -> list[np.ndarray]:
    """Return the inputs (N, C, H, W), uniform in [0, 1]."""
    width, (h, w) = case.spec.width, (size // 4 for size in case.spec.input_size)
    shapes: dict[str, list[tuple[int, ...]]] = {
        'network': [(3, 4 * h, 4 * w)], '1x1 convolution': [(width, h, w)], '3x3 convolution': [(width // 2, h, w)],
        'residual module': [(width, h, w)], 'resizing': [(2 * width, h // 2, w // 2), (2 * width, h, w)],
        'pooling': [(width // 2, 2 * h, 2 * w)]}
    rng = np.random.default_rng(0)
    return [rng.random((case.batch, *shape), np.float32) for shape in shapes[case.part]]


def targets(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, K, H / 4, W / 4) heatmaps and (N, K) marks that all joints are labelled."""
    joints, cells = case.spec.out_channels, (size // 4 for size in case.spec.input_size)
    heatmaps = np.random.default_rng(1).random((case.batch, joints, *cells), np.float32)
    return heatmaps, np.ones((case.batch, joints), bool)


def chainer_part(part: str, spec: ModelSpec) -> tuple[chainer.Link, Callable]:
    """Return a link with the parameters of a part, and the function of its inputs."""
    if part.endswith('convolution'):
        ksize, half = int(part[0]), spec.width // 2
        conv = L.Convolution2D(spec.width if ksize == 1 else half, half, ksize, pad=ksize // 2)
        bn = L.BatchNormalization(half)
        return chainer.ChainList(conv, bn), lambda x: conv_bn_relu(x, [ConvBNReLU(conv, bn, relu=True)])
    if part in ('resizing', 'pooling'):
        return chainer.ChainList(), resize_and_add if part == 'resizing' else max_pooling_2x2
    link = spec.build_network() if part == 'network' else ResidualModule(spec.width, spec.width)
    return link, link


def chainer_run(case: Case, functions: str, gpu: int) -> Run:
    """Return what computes a case once with Chainer; ``functions`` are ``stock`` or ``fast``."""
    from training.loss import heatmap_loss

    link, function = chainer_part(case.part, case.spec)
    use_device(link, gpu)
    arrays = [link.device.send(array) for array in inputs(case)]
    heatmaps, labelled = (link.device.send(array) for array in targets(case))
    optimizer = chainer.optimizers.RMSprop(lr=2.5e-4).setup(link)

    def predict() -> None:
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            function(*arrays)

    def train_part() -> None:
        link.cleargrads()
        y = function(*map(chainer.Variable, arrays))
        y.grad = link.xp.ones_like(y.array)
        y.backward()

    def train_network() -> None:
        optimizer.update(lambda: heatmap_loss(function(*arrays), heatmaps, labelled))

    compute = predict if not case.training else train_network if case.part == 'network' else train_part

    def run() -> None:
        with chainer.using_config('hourglass_functions', functions):
            compute()
        if gpu >= 0:
            chainer.backends.cuda.cupy.cuda.Device(gpu).synchronize()

    return run


def torch_run(case: Case, gpu: int) -> Run:
    """Return what computes a case once with PyTorch (eager, channels first)."""
    from benchmarks import torch_network as tn

    import torch  # type: ignore[import-not-found,unused-ignore]

    if gpu >= 0 and not torch.cuda.is_available():
        raise InputError('PyTorch finds no CUDA device')
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.set_num_threads(threads())
    device = torch.device('cpu' if gpu < 0 else f'cuda:{gpu}')
    function = tn.part(case.part, case.spec)
    module = function if isinstance(function, torch.nn.Module) else torch.nn.Identity()
    module.train(case.training).to(device)
    arrays = [torch.from_numpy(array).to(device) for array in inputs(case)]
    heatmaps, labelled = (torch.from_numpy(array).to(device) for array in targets(case))
    weight = labelled.float()[:, :, None, None]
    is_step = case.training and case.part == 'network'
    optimizer: Any = torch.optim.RMSprop(module.parameters(), lr=2.5e-4) if is_step else None

    def predict() -> None:
        with torch.inference_mode():
            function(*arrays)

    def train_part() -> None:
        module.zero_grad()
        y = function(*(x.clone().requires_grad_() for x in arrays))
        y.backward(torch.ones_like(y))

    def train_network() -> None:
        optimizer.zero_grad()
        total = sum((((y - heatmaps) * weight) ** 2).sum() for y in function(*arrays))
        (total * .5 / weight.sum()).backward()
        optimizer.step()

    compute = predict if not case.training else train_network if is_step else train_part

    def run() -> None:
        compute()
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
    """Return what predicts once with an engine."""
    x = inputs(case)[0]
    if engine == 'onnxruntime':
        from hourglass.engine.onnxruntime_engine import OnnxRuntimeEngine

        onnxruntime = OnnxRuntimeEngine(graph(case.network, precision))
        return lambda: onnxruntime(x)
    from hourglass.engine.openvino_engine import OpenVINOEngine, check_precision, compile_graph

    check_precision(precision)
    openvino = OpenVINOEngine(compile_graph(graph(case.network, precision), precision), precision)
    return lambda: openvino(x)


def make_run(case: Case, mode: str, gpu: int = -1) -> Run:
    """Return what computes a case once and waits for the result.

    Raises:
        ImportError: a package of the mode is not installed.
        InputError: this machine, or the case, cannot be run in this mode.
    """
    if mode in ENGINES:
        if case.training or case.part != 'network' or gpu >= 0:
            raise InputError('engines predict with whole networks on the CPU')
        return engine_run(case, *ENGINES[mode])
    return torch_run(case, gpu) if mode == 'torch' else chainer_run(case, mode, gpu)


def memory_of(case: Case, mode: str) -> int:
    """Compute a case once on the CPU and return the peak memory of this process in bytes."""
    make_run(case, mode)()
    return peak_memory()


def gpu_memory(mode: str, gpu: int) -> int:
    """Return the bytes that CuPy or PyTorch has taken of the GPU's memory since :func:`release_gpu_memory`."""
    if mode == 'torch':
        return sys.modules['torch'].cuda.max_memory_reserved(gpu)
    return chainer.backends.cuda.memory_pool.total_bytes()


def release_gpu_memory() -> None:
    """Give the GPU's memory back, which CuPy and PyTorch would keep for themselves."""
    gc.collect()  # a network and its optimizer hold each other
    chainer.backends.cuda.memory_pool.free_all_blocks()
    if 'torch' in sys.modules and sys.modules['torch'].cuda.is_available():
        sys.modules['torch'].cuda.empty_cache()
        sys.modules['torch'].cuda.reset_peak_memory_stats()


def operations(case: Case) -> int:
    """Return the multiplications and additions of a case's convolutions; 0 for a part without any.

    The backward pass counts as twice the forward pass, a little too much: the first layer needs no gradient by the
    image.
    """
    spec, half = case.spec, case.spec.width // 2
    residual = 2 * spec.width * half + 9 * half * half
    of_cell = {'1x1 convolution': spec.width * half, '3x3 convolution': 9 * half * half, 'residual module': residual}
    weights = {2: of_cell.get(case.part, 0)}  # by how often height and width of the input have been halved
    if case.part == 'network':
        for key, shape in network_shapes(spec).items():
            if key.endswith('/W'):
                level = key.split('/').count('block') + ('/res1b' in key)
                halvings = 1 if key.startswith(('conv0/', 'res0/')) else 2 + level
                weights[halvings] = weights.get(halvings, 0) + math.prod(shape)
    cells = {n: math.prod(math.ceil(size / 2 ** n) for size in spec.input_size) for n in weights}
    return 2 * case.batch * (3 if case.training else 1) * sum(cells[n] * weights[n] for n in weights)
