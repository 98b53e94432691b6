"""The network's own functions at work in a whole network, against Chainer's own."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

from hourglass.device import use_device
from hourglass.functions.parallel import workers
from hourglass.functions.resize import ResizeAdd
from hourglass.network import HGBlock, StackedHG
from tests.networks import randomise

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from chainer import Variable, function_hooks, link_hooks
from chainer.backends.cuda import to_cpu


def make_network() -> StackedHG:
    """Return a small network whose parameters and running statistics all differ from their initial values."""
    network = randomise(StackedHG(14, 2, 16, 2))
    network.cleargrads()
    return network


def images(n: int = 2, size: int = 64) -> np.ndarray:
    return np.random.RandomState(1).uniform(0, 1, (n, 3, size, size)).astype(np.float32)


def loss_of(outputs: tuple[Variable, ...]) -> Variable:
    targets = np.random.RandomState(2).uniform(0, 1, outputs[0].shape).astype(outputs[0].dtype)
    return sum(F.sum(F.square(y - outputs[0].device.send(targets))) for y in outputs)


def train_network(mode: str, device: int = -1) -> tuple[list[np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the outputs, the gradients of all parameters and the running statistics, in double precision."""
    with chainer.using_config('dtype', np.float64):
        network = use_device(make_network(), device)
    with chainer.using_config('hourglass_functions', mode):
        outputs = network(network.device.send(images().astype(np.float64)))
        loss_of(outputs).backward()
    network.to_device(-1)
    statistics = {name: value for link_name, link in network.namedlinks() if isinstance(link, L.BatchNormalization)
                  for name, value in ((f'{link_name}/avg_mean', link.avg_mean), (f'{link_name}/avg_var', link.avg_var))}
    return to_cpu([y.array for y in outputs]), {name: p.grad for name, p in network.namedparams()}, statistics


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def is_before_normalization(name: str) -> bool:
    """Say whether this is the bias of a convolution that batch normalisation follows."""
    return name.endswith('/b') and not name.endswith(('_3a/b', '_3b/b', '_4a/b'))


def test_network_in_training_equals_stock(monkeypatch: pytest.MonkeyPatch, device: int) -> None:
    # Chainer resizes single precision only, so this one function is not its own here.
    monkeypatch.setattr(F, 'resize_images', lambda x, shape: ResizeAdd(shape).apply(
        (x, np.zeros((*x.shape[:2], *shape))))[0])
    outputs, grads, statistics = train_network('stock')
    fast_outputs, fast_grads, fast_statistics = train_network('fast', device)
    for y, fast_y in zip(outputs, fast_outputs, strict=True):
        assert fast_y.shape == y.shape == (2, 14, 16, 16)
        assert relative_error(fast_y, y) < 1e-9
    for name, value in statistics.items():
        assert relative_error(fast_statistics[name], value) < 1e-9, name
    largest = max(np.linalg.norm(g) for g in grads.values())
    for name, g in grads.items():
        assert np.linalg.norm(fast_grads[name] - g) < 1e-7 * np.linalg.norm(g) + 1e-10 * largest, name
        if is_before_normalization(name):
            # The batch's mean takes the bias away: zero in exact arithmetic, rounding errors in Chainer's.
            assert not fast_grads[name].any(), name
            assert np.linalg.norm(g) < 1e-10 * largest, name
    assert sum(map(is_before_normalization, grads)) > 100


def test_network_is_one_chain_for_each_residual_module() -> None:
    """The fast functions are those that run by default, and none is left to Chainer but the joining of features."""
    with function_hooks.TimerHook() as hook, chainer.no_backprop_mode():
        make_network()(images(1))
    assert hook.summary().keys() == {'ConvChain', 'MaxPooling2x2', 'ResizeAdd', 'Concat'}
    assert hook.summary()['Concat']['occurrence'] == 1


@pytest.mark.parametrize('device', ['stand-in'], indirect=True)
def test_a_step_on_a_gpu_neither_waits_nor_sends(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = use_device(make_network(), device)
    optimizer = chainer.optimizers.RMSprop().setup(network)
    x = network.device.send(images())

    def step() -> None:
        optimizer.update(lambda: sum(F.sum(F.square(y)) for y in network(x)))

    step()
    cupy = network.xp
    transfers = [(cupy, 'array'), *((cupy.ndarray, name) for name in ('get', '__bool__', '__int__', '__float__'))]
    for owner, name in transfers:
        monkeypatch.setattr(owner, name, lambda *_: pytest.fail('a transfer between host and device'))
    step()


def test_unknown_mode_is_refused() -> None:
    with chainer.using_config('hourglass_functions', 'quick'), pytest.raises(ValueError, match='quick'):
        make_network()(images())


def test_prediction_keeps_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers(), 'size', 1)  # which thread needs how much scratch space is a matter of chance
    network, x = make_network(), images(4)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        network(x)
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(3):
                outputs = network(x)
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert all(y.creator_node is None for y in outputs)
    # The last convolution's array is the output itself.
    assert kept < sum(y.array.nbytes for y in outputs) + 50_000


def siamese(network: StackedHG) -> Variable:
    """Two forward passes through the same links before the backward pass of both."""
    a, b = network(images()), network(images()[::-1, :, ::-1])
    return F.sum(F.square(a[-1] - b[-1]))


@pytest.mark.parametrize('loss', [siamese, lambda network: loss_of(network(images())[:1])])
def test_gradients_of_other_losses_equal_stock(loss: Callable[[StackedHG], Variable]) -> None:
    """The first output alone has no gradient by the second stack."""
    grads = []
    for mode in ('stock', 'fast'):
        network = make_network()
        with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', False):
            loss(network).backward()
        grads.append({name: p.grad for name, p in network.namedparams()})
    assert any(name.startswith('/hg2/') and g is None for name, g in grads[0].items()) == (loss is not siamese)
    for name, g in grads[0].items():
        if g is None:
            assert grads[1][name] is None
        elif np.linalg.norm(g) > 1e-3:
            assert relative_error(grads[1][name], g) < 1e-3, name


def test_hooks_see_every_branch() -> None:
    network = HGBlock(8, 8, 2, 8)
    x = np.zeros((1, 8, 16, 16), np.float32)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        with function_hooks.TimerHook() as hook:
            network(x)
        with link_hooks.TimerHook() as link_hook:
            network(x)
    assert len(hook.call_history) == 15 + 2 + 2, 'residual modules, poolings, resizings'
    assert len(link_hook.call_history) == 15 + 2, 'residual modules and both blocks'
