from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

from hourglass.device import use_device
from hourglass.network import ResidualModule, StackedHG, repeat_and_add
from hourglass.preactivation import PreActivationHG
from hourglass.spec import ModelSpec
from tests.conftest import GPU
from tests.networks import shapes_of, to_double
from training.loss import TrainChain

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu

Shared = Callable[[str], Path]


def test_the_default_network_has_the_size_of_the_reference() -> None:
    network = StackedHG()
    assert sum(p.size for p in network.params()) == pytest.approx(26.37e6, rel=1e-3)
    assert len(shapes_of(network)) == 1443


def test_keys_and_shapes_are_those_of_the_reference(shared: Shared) -> None:
    expected = {}
    for line in shared('reference/stacked_hg_keys.txt').read_text().splitlines():
        key, shape, _ = line.split()
        expected[key] = () if shape == 'scalar' else tuple(int(n) for n in shape.split('x'))
    assert shapes_of(StackedHG()) == expected


@pytest.mark.parametrize('device', ['cpu', GPU], indirect=True)
def test_forward_equals_the_reference(shared: Shared, rule_network: StackedHG, device: int) -> None:
    reference = np.load(shared('reference/forward_test.npz'))
    x = np.random.RandomState(zlib.crc32(b'dev-image')).uniform(0, 1, (2, 3, 256, 256)).astype(np.float32)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        outputs = use_device(rule_network, device)(chainer.get_device(device).send(x))
    for output, name in zip(outputs, ('out1', 'out2'), strict=True):
        np.testing.assert_allclose(to_cpu(output.array), reference[name], rtol=2e-4, atol=2e-4)


def _reference_batch(path: Path) -> tuple[np.ndarray, ...]:
    pipeline = np.load(path)
    return tuple(np.stack([pipeline[f'{name}{i}'] for i in range(4)]) for name in ('img', 'heat', 'indices'))


def test_gradients_with_fixed_statistics_equal_the_reference(shared: Shared, rule_network: StackedHG) -> None:
    # In double precision, because in single precision rounding decides for a few elements on which side of a ReLU
    # they lie; towards the input that adds up to 2 to 11e-4 of conv0's gradient, according to the machine's BLAS.
    expected = np.load(shared('reference/grad_fixed_stats.npz'))
    to_double(rule_network)
    images, heatmaps, labelled = _reference_batch(shared('reference/pipeline.npz'))
    batch = images.astype(np.float64), heatmaps.astype(np.float64), labelled
    chain = TrainChain(rule_network, ModelSpec())
    chain.cleargrads()
    with chainer.using_config('train', False):
        loss = chain(*batch)
        loss.backward()
    gradients = {name: parameter.grad for name, parameter in rule_network.namedparams()}
    norms = json.loads(shared('reference/grad_fixed_stats.json').read_text())
    assert float(loss.array) == pytest.approx(norms['loss'], rel=2e-4)
    assert gradients.keys() == norms['grad_norm'].keys()
    for name, norm in norms['grad_norm'].items():
        assert np.linalg.norm(gradients[name]) == pytest.approx(norm, rel=2e-4), name
    whole = [name for name in expected.files if not name.startswith('out')]
    assert len(whole) == 5
    for name in whole:
        error = gradients['/' + name.replace('.', '/')] - expected[name]
        assert np.linalg.norm(error) < 2e-4 * np.linalg.norm(expected[name]), name


@pytest.mark.parametrize('device', ['cpu', GPU], indirect=True)
def test_a_training_step_is_as_close_to_the_reference_as_batch_statistics_allow(
    shared: Shared, rule_network: StackedHG, device: int,
) -> None:
    expected = json.loads(shared('reference/train_step.json').read_text())
    chain = use_device(TrainChain(rule_network, ModelSpec()), device)
    batch = chain.device.send(_reference_batch(shared('reference/pipeline.npz')))
    optimizer = chainer.optimizers.RMSprop(lr=2.5e-4).setup(chain)
    chain.cleargrads()
    loss = chain(*batch)
    loss.backward()
    assert float(loss.array) == pytest.approx(expected['loss'], rel=1e-3)
    norms = {name: float(np.linalg.norm(to_cpu(p.grad))) for name, p in rule_network.namedparams()}
    # A constant added before batch normalisation has no effect: biases and many betas have no gradient.  The
    # reference holds rounding errors in their place, by which RMSprop moves them.
    idle = {name for name, norm in expected['grad_norm'].items() if norm < 1e-2}
    idle |= {name for name in norms if name.endswith('/b') and not name.endswith('_3a/b')}
    for name in idle:
        assert norms[name] < 1e-2, name
    compared = sorted(norms.keys() - idle)
    assert len(compared) > 400
    errors = [abs(norms[name] / expected['grad_norm'][name] - 1) for name in compared]
    assert np.median(errors) < 0.01
    assert max(errors) < 0.08
    optimizer.update()
    # RMSprop's first step moves each number by the same amount along the sign of its gradient, and rounding decides
    # some of the signs.
    norms_after = {name: float(np.linalg.norm(to_cpu(p.array))) for name, p in rule_network.namedparams()}
    errors = [abs(norms_after[name] / expected['param_norm_after_rmsprop'][name] - 1) for name in compared]
    assert np.median(errors) < 1e-4
    assert max(errors) < 0.02


@pytest.mark.parametrize('kind', [StackedHG, PreActivationHG])
@pytest.mark.parametrize('sizes', [(0, 2, 256, 4), (16, 0, 256, 4), (16, 2, 30, 4), (16, 2, 256, 0)])
def test_impossible_sizes_are_refused(kind: type[chainer.Chain], sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f'{kind.__name__} needs'):
        kind(*sizes)


def test_other_values_are_refused() -> None:
    with pytest.raises(ValueError, match='cubic'):
        StackedHG(upsampling='cubic')
    with pytest.raises(ValueError, match='PreActivationHG needs'):
        PreActivationHG(n_modules=0)


def test_initial_parameters_have_the_distributions_of_the_reference() -> None:
    module = ResidualModule(256, 256)
    gamma = np.concatenate([p.array for name, p in module.namedparams() if name.endswith('gamma')])
    assert 0 <= gamma.min() < 0.01 < 0.99 < gamma.max() <= 1
    bound = np.sqrt(3 / (128 * 9)) / np.sqrt(3)
    assert abs(module.conv2.W.array).max() == pytest.approx(bound, rel=0.01)


def test_repeated_pixels_and_their_gradients() -> None:
    rng = np.random.RandomState(0)
    x, added = (chainer.Variable(rng.normal(0, 1, shape).astype('f')) for shape in ((2, 3, 2, 4), (2, 3, 4, 8)))
    y = repeat_and_add(x, added)
    np.testing.assert_array_equal(y.array, x.array.repeat(2, axis=2).repeat(2, axis=3) + added.array)
    y.grad = gy = rng.normal(0, 1, y.shape).astype('f')
    y.backward()
    np.testing.assert_array_equal(added.grad, gy)
    np.testing.assert_allclose(x.grad, gy.reshape(2, 3, 2, 2, 4, 2).sum(axis=(3, 5)), rtol=1e-5, atol=1e-6)
