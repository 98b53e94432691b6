from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from hourglass.device import use_device
from pretrained.weights_file import load_model
from tests.conftest import SMALL
from tests.networks import values_of
from training.average import MovingAverage

import chainer
import numpy as np


def test_the_average_is_its_formula(device: int) -> None:
    trainer = SimpleNamespace(updater=SimpleNamespace(iteration=0))
    np.random.seed(0)
    network = use_device(SMALL.build_network(), device)
    average = MovingAverage(network, 0.9)
    expected = {key: np.array(value, np.float64) for key, value in values_of(network).items()}
    rng = np.random.default_rng(0)
    for i in range(1, 30):
        trainer.updater.iteration = i
        with chainer.using_device(network.device):
            for parameter in network.params():
                parameter.array += network.device.send(rng.normal(0, 1, parameter.shape).astype(np.float32))
            network.bn0.avg_var += 1
        network.bn0.N += 1
        average(trainer)
        decay = min(0.9, (1 + i) / (10 + i))
        for key, value in values_of(network).items():
            expected[key] = decay * expected[key] + (1 - decay) * np.asarray(value)
    for key, value in values_of(average.network).items():
        if key.endswith('/N'):
            assert value == values_of(network)[key]
        else:
            np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-4, err_msg=key)


def test_the_average_is_rounded_as_array_by_array(device: int) -> None:
    trainer = SimpleNamespace(updater=SimpleNamespace(iteration=3))
    network = use_device(SMALL.build_network(), device)
    average = MovingAverage(network, 0.9)
    with chainer.using_device(network.device):
        for parameter in network.params():
            parameter.array += network.device.send(np.random.default_rng(0).random(parameter.shape, np.float32))
        expected = [a + (1 - 4 / 13) * (b - a) for a, b in zip(
            (p.array for p in average.network.params()), (p.array for p in network.params()), strict=True)]
    average(trainer)
    cpu = chainer.get_device('@numpy')
    for parameter, array in zip(average.network.params(), expected, strict=True):
        np.testing.assert_array_equal(cpu.send(parameter.array), cpu.send(array))


def test_weights_files_and_snapshots_hold_the_average(run_training: Callable[..., None], tmp_path: Path) -> None:
    out = tmp_path / 'out'
    run_training('--out', out, '--ema', 0.5, '--epoch', 1, '--crop', 'pad')
    model, snapshot, best = (load_model(out / name) for name in ('model.npz', 'snapshot_iter_4', 'best.npz'))
    assert model.spec == snapshot.spec
    for key, array in model.arrays.items():
        np.testing.assert_array_equal(snapshot.arrays[key], array, err_msg=key)
    np.testing.assert_array_equal(best.arrays['conv0/W'], model.arrays['conv0/W'])
    trained = load_model(out / 'snapshot_iter_4', 'updater.model:main.predictor').arrays
    assert not np.array_equal(model.arrays['conv0/W'], trained['conv0/W'])
