"""The project's optimisers do what Chainer's do."""

from __future__ import annotations

from typing import Any

import training.optimizers
from hourglass.device import use_device
from tests.conftest import DEVICES
from training.finetune import freeze, parse_scales
from training.many_arrays import ManyArrays

import chainer
import numpy as np
import pytest
from chainer import optimizers
from chainer.serializers import DictionarySerializer, NpzDeserializer


class Network(chainer.Chain):
    """Three layers whose gradients are far from zero: rounding errors would be amplified."""

    def __init__(self) -> None:
        super().__init__()
        np.random.seed(0)
        with self.init_scope():
            self.a = chainer.links.Linear(5, 4)
            self.b = chainer.links.Linear(4, 3)
            self.frozen = chainer.links.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        h = self.a(x)
        y = self.frozen(self.b(h * h))
        return chainer.functions.sum(y * y)


def _setup(kind: str, module: Any, device: int) -> Any:
    network, is_adam = Network(), kind.startswith('adam')
    optimizer = module.Adam(alpha=1e-2) if is_adam else module.RMSprop(lr=1e-2)
    if kind == 'adamw':
        optimizer.weight_decay_rate = 1e-3
    optimizer.setup(network)
    if kind == 'clipped':
        optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(0.1))
    freeze(network, ['frozen/W'])
    for hyperparameter, factor in parse_scales(network, ['b/*=0.1']):
        name = 'alpha' if is_adam else 'lr'
        setattr(hyperparameter, name, factor * getattr(optimizer, name))
    use_device(network, device)
    return optimizer


def _steps(optimizer: Any, n: int, seed: int = 0) -> None:
    network = optimizer.target
    rng = np.random.default_rng(seed)
    for _ in range(n):
        optimizer.update(network, network.device.send(rng.normal(size=(8, 5)).astype('f')))


def _state(optimizer: Any) -> dict[str, Any]:
    serializer = DictionarySerializer()
    serializer['network'].save(optimizer.target)
    serializer['optimizer'].save(optimizer)
    return {key: value if value is None else np.array(value) for key, value in serializer.target.items()}


def _compare(a: dict[str, Any], b: dict[str, Any], exact: bool) -> None:
    assert list(a) == list(b)
    for key, value in a.items():
        if exact:
            np.testing.assert_array_equal(value, b[key], key)
        elif value is not None:
            # A GPU may add up gradients in any order.
            np.testing.assert_allclose(value, b[key], rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of arrays in each launch."""
    counts: list[int] = []
    original = ManyArrays.__call__

    def call(self: ManyArrays, lists: Any, *arguments: Any) -> None:
        counts.append(len(lists[0]))
        original(self, lists, *arguments)

    monkeypatch.setattr(ManyArrays, '__call__', call)
    return counts


@pytest.mark.parametrize('kind', ['rmsprop', 'adam', 'adamw', 'clipped'])
def test_results_are_those_of_chainer(kind: str, device: int, launches: list[int]) -> None:
    ours, theirs = (_setup(kind, module, device) for module in (training.optimizers, optimizers))
    before = chainer.get_device('@numpy').send(ours.target.frozen.W.array.copy())
    for optimizer in (ours, theirs):
        _steps(optimizer, 4)
    assert launches == ([5] * 4 if device >= 0 and kind != 'clipped' else [])
    state = _state(ours)
    _compare(state, _state(theirs), exact=device < 0)
    np.testing.assert_array_equal(state['network/frozen/W'], before)
    assert state['optimizer/t'] == state['optimizer/a/W/t'] == 4
    assert state['optimizer/frozen/W/t'] == 0


@pytest.mark.parametrize('kind', ['rmsprop', 'adam'])
def test_snapshots_are_interchangeable(kind: str, device: int) -> None:
    first = _setup(kind, training.optimizers, device)
    _steps(first, 2)
    saved = {key: value for key, value in _state(first).items() if value is not None}
    resumed = [_setup(kind, module, device) for module in (training.optimizers, optimizers)]
    for optimizer in resumed:
        arrays = {key: value.copy() for key, value in saved.items()}
        NpzDeserializer(arrays)['network'].load(optimizer.target)
        NpzDeserializer(arrays)['optimizer'].load(optimizer)
    for optimizer in (first, *resumed):
        _steps(optimizer, 2, seed=1)
    for optimizer in resumed:
        _compare(_state(first), _state(optimizer), exact=device < 0)


@pytest.mark.parametrize('kind', ['rmsprop', 'adam', 'adamw'])
@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_the_same_gradients_give_the_same_bits(kind: str, device: int, launches: list[int]) -> None:
    """Gradients that are there are used, as ChainerMN needs it; a parameter without one is left to Chainer."""
    ours, theirs = (_setup(kind, module, device) for module in (training.optimizers, optimizers))
    for optimizer in (ours, theirs):
        rng = np.random.default_rng(0)
        for parameter in optimizer.target.params():
            gradient = parameter.device.send(np.asarray(rng.normal(size=parameter.shape[::-1]), 'f'))
            parameter.grad = gradient.T  # in another order than the parameter
        for _ in range(3):
            optimizer.update()
            for parameter in optimizer.target.params():
                parameter.grad *= 2  # in place, as a graph's
        optimizer.target.a.W.cleargrad()
        optimizer.update()
    assert launches == [5, 5, 5]
    _compare(_state(ours), _state(theirs), exact=True)


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_a_scaled_loss_is_left_to_chainer(device: int, launches: list[int]) -> None:
    ours, theirs = (_setup('adam', module, device) for module in (training.optimizers, optimizers))
    for optimizer in (ours, theirs):
        optimizer.loss_scaling(scale=8)
        _steps(optimizer, 2)
    assert not launches
    _compare(_state(ours), _state(theirs), exact=device < 0)
