"""Chains of convolution, batch normalisation and ReLU against Chainer's own functions."""

from __future__ import annotations

from collections.abc import Callable

from hourglass.functions import blocks, tiled
from hourglass.functions.layout import batch_outermost, channels_outermost
from hourglass.functions.tiled import TiledConvolution
from hourglass.layers import ConvBNReLU, conv_bn_relu
from tests.conftest import DEVICES

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu

# (in, out, ksize, stride, pad, normalised, relu)
BOTTLENECK = ((6, 4, 1, 1, 0, True, True), (4, 5, 3, 1, 1, True, True), (5, 6, 1, 1, 0, True, False))
CHAINS = {
    'bottleneck': BOTTLENECK,
    'stem': ((3, 4, 7, 2, 3, True, True),),
    'projection': ((3, 5, 1, 1, 0, True, False),),
    'pre-activation': (*BOTTLENECK[:2], (5, 6, 1, 1, 0, False, False)),
    'plain 1x1': ((3, 5, 1, 1, 0, False, False),),
    'plain 3x3 then 5x5': ((3, 4, 3, 1, 1, False, True), (4, 2, 5, 1, 2, True, False)),
}
SHAPES = [(3, 5, 7), (2, 1, 2), (4, 33, 40)]
CASES = [*(('bottleneck', shape, shape != SHAPES[1]) for shape in SHAPES),
         *((name, shape, adds) for name in CHAINS if name != 'bottleneck'
           for shape, adds in ((SHAPES[0], True), (SHAPES[2], False)))]


@pytest.fixture(params=['large', *DEVICES])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, choose_device: Callable[[str], int]) -> int:
    """Number of a device; once more that of the CPU, where small arrays take the ways of large ones."""
    monkeypatch.setattr(blocks, '_PRODUCTS', 1)  # threads for small arrays, too
    if request.param == 'large':
        monkeypatch.setattr(blocks, '_FEW_PIXELS', 0)
        return -1
    return choose_device(request.param)


def make_units(chain: tuple, dtype: type, device: int = -1) -> list[ConvBNReLU]:
    rng = np.random.RandomState(0)
    units = []
    for i, o, ksize, stride, pad, normalised, relu in chain:
        with chainer.using_config('dtype', dtype):
            convolution = L.Convolution2D(i, o, ksize, stride, pad)
            normalization = L.BatchNormalization(o, eps=1e-5) if normalised else None
        convolution.W.array[...] = rng.normal(0, (i * ksize * ksize) ** -.5, convolution.W.shape)
        convolution.b.array[...] = rng.normal(0, 1, o)
        if normalization is not None:
            normalization.gamma.array[...] = rng.normal(1, 1, o)
            normalization.beta.array[...] = rng.normal(0, 1, o)
            normalization.avg_mean[...] = rng.normal(0, 1, o)
            normalization.avg_var[...] = rng.uniform(.5, 2, o)
        unit = chainer.Sequential(convolution, *([normalization] if normalised else []))
        unit.to_device(device)
        units.append(ConvBNReLU(convolution, normalization, relu))
    return units


def run(chain: tuple, arrays: list, mode: str, train: bool, dtype: type = np.float64,
        device: int = -1) -> dict[str, np.ndarray]:
    """Return the output, all gradients and the running statistics."""
    units = make_units(chain, dtype, device)
    where = chainer.get_device(device)
    x, added, gy = (None if a is None else where.send(a.astype(dtype)) for a in arrays)
    x = chainer.Variable(x)
    variables = {'x': x}
    added = None if added is None else chainer.Variable(added)
    if added is not None:
        variables['added'] = added
    with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', train):
        y = conv_bn_relu(x, units, added)
        y.grad = gy
        y.backward()
    result = {'y': y.array, **{name: v.grad for name, v in variables.items()}}
    for i, unit in enumerate(units):
        for link, names in ((unit.convolution, 'W b'), (unit.normalization, 'gamma beta')):
            for name in names.split():
                if link is not None:
                    result[f'{i} {name}'] = getattr(link, name).grad
        if unit.normalization is not None:
            result[f'{i} mean'], result[f'{i} var'] = unit.normalization.avg_mean, unit.normalization.avg_var
    return {name: to_cpu(array) for name, array in result.items()}


def random_arrays(chain: tuple, shape: tuple, adds: bool) -> list:
    rng = np.random.RandomState(1)
    n, height, width = shape
    x = rng.normal(0, 1, (n, chain[0][0], height, width))
    for _, _, ksize, stride, pad, *_ in chain:
        height, width = ((size + 2 * pad - ksize) // stride + 1 for size in (height, width))
    gy = rng.normal(0, 1, (n, chain[-1][1], height, width))
    return [x, rng.normal(0, 1, gy.shape) if adds else None, gy]


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize(('name', 'shape', 'adds'), CASES, ids=str)
def test_equals_stock(name: str, shape: tuple, adds: bool, train: bool, path: int) -> None:
    arrays = random_arrays(CHAINS[name], shape, adds)
    expected = run(CHAINS[name], arrays, 'stock', train)
    actual = run(CHAINS[name], arrays, 'fast', train, device=path)
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(actual[key], value, rtol=1e-7, atol=1e-8 * max(1, abs(value).max()), err_msg=key)


@pytest.mark.parametrize('channels', [(4, 8), (8, 4), (5, 5)], ids=str)
@pytest.mark.parametrize('ksize', [1, 3])
@pytest.mark.parametrize('train', [True, False])
def test_gradients_lie_in_memory_as_the_parameters_do(channels: tuple[int, int], ksize: int, train: bool) -> None:
    """ChainerMN would add up a copy of others, and each process would go on with a gradient of its own."""
    chain = ((3, channels[0], 3, 2, 1, True, True), (*channels, ksize, 1, ksize // 2, True, False))
    units = make_units(chain, np.float32)
    for unit in units:
        unit.convolution.cleargrads()
    with chainer.using_config('train', train):
        y = conv_bn_relu(chainer.Variable(np.ones((2, 3, 8, 8), np.float32)), units)
        y.grad = np.ones_like(y.array)
        y.backward()
    for unit in units:
        for link in (unit.convolution, unit.normalization):
            for name, parameter in link.namedparams():
                assert parameter.grad.flags.c_contiguous, name


@pytest.mark.parametrize('train', [True, False])
def test_single_precision(train: bool, path: int) -> None:
    arrays = random_arrays(BOTTLENECK, (4, 32, 32), adds=True)
    expected = run(BOTTLENECK, arrays, 'stock', train, np.float64)
    actual = run(BOTTLENECK, arrays, 'fast', train, np.float32, path)
    for key, value in expected.items():
        assert actual[key].dtype == np.float32
        np.testing.assert_allclose(actual[key], value, atol=3e-5 * max(1, abs(value).max()), err_msg=key)


@pytest.mark.parametrize('train', [True, False])
def test_inference_equals_the_run_that_keeps_gradients(train: bool, path: int) -> None:
    x = np.random.RandomState(0).normal(0, 1, (2, 6, 9, 8)).astype(np.float32)
    x = chainer.get_device(path).send(x)
    with chainer.using_config('train', train):
        kept = conv_bn_relu(x, make_units(BOTTLENECK, np.float32, path), x).array
        with chainer.no_backprop_mode():
            bare = conv_bn_relu(x, make_units(BOTTLENECK, np.float32, path), x).array
    np.testing.assert_allclose(to_cpu(bare), to_cpu(kept), atol=1e-5)


# How many convolutions in tiles there are, and how many of them are stored: in training, and otherwise.
TILED_CHAINS = {
    'read': (BOTTLENECK, (0, 0), (1, 0)),
    'stored at the end': (((3, 4, 3, 1, 1, False, True), (4, 6, 3, 1, 1, True, True)), (1, 1), (2, 2)),
    'stored between': (((3, 4, 3, 1, 1, True, False), (4, 6, 5, 1, 2, False, True)), (0, 0), (1, 1)),
    'read in training': (((3, 4, 3, 1, 1, False, True), (4, 6, 1, 1, 0, True, True)), (1, 0), (1, 0)),
}


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize(('shape', 'adds'), [((1, 8, 8), True), ((3, 9, 12), False), ((2, 34, 40), True)], ids=str)
@pytest.mark.parametrize('name', TILED_CHAINS)
def test_tiles_equal_stock(name: str, shape: tuple, adds: bool, train: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, in_training, otherwise = TILED_CHAINS[name]
    for module, value, number in ((blocks, '_FEW_PIXELS', 0), (tiled, '_PIXELS', 0), (tiled, '_CHANNELS', 1)):
        monkeypatch.setattr(module, value, number)
    calls = []
    for method in ('__init__', 'stored'):
        original = getattr(TiledConvolution, method)
        monkeypatch.setattr(TiledConvolution, method, lambda *args, f=original: calls.append(f) or f(*args))
    x, added, _ = random_arrays(chain, shape, adds)
    with chainer.no_backprop_mode(), chainer.using_config('train', train):
        actual = conv_bn_relu(x, make_units(chain, np.float64), added).array
        with chainer.using_config('hourglass_functions', 'stock'):
            expected = conv_bn_relu(x, make_units(chain, np.float64), added).array
    np.testing.assert_allclose(actual, expected, atol=1e-9 * abs(expected).max())
    names = [call.__name__ for call in calls]
    assert (names.count('__init__'), names.count('stored')) == (in_training if train else otherwise)


def test_inputs_of_any_layout() -> None:
    x = np.random.RandomState(0).normal(0, 1, (2, 6, 9, 8)).astype(np.float32)
    units = make_units(BOTTLENECK, np.float32)
    expected = conv_bn_relu(x, units).array
    reverse = np.ascontiguousarray(x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]
    for other in (np.asfortranarray(x), batch_outermost(channels_outermost(x)), reverse):
        np.testing.assert_array_equal(conv_bn_relu(other, units).array, expected)


def test_no_second_derivative() -> None:
    x = chainer.Variable(np.ones((1, 6, 4, 4), np.float32))
    y = conv_bn_relu(x, make_units(BOTTLENECK, np.float32))
    with pytest.raises(RuntimeError, match='stock'):
        chainer.grad([F.sum(y)], [x], enable_double_backprop=True)


def test_recomputing_leaves_the_statistics_alone() -> None:
    units = make_units(BOTTLENECK, np.float32)
    before = units[0].normalization.avg_mean.copy()
    with chainer.using_config('in_recomputing', True):
        conv_bn_relu(np.ones((1, 6, 4, 4), np.float32), units)
    np.testing.assert_array_equal(units[0].normalization.avg_mean, before)
