from __future__ import annotations

from hourglass.preactivation import PreActivationBlock, PreActivationHG, PreActivationResidual
from tests.networks import randomise

import chainer
import chainer.functions as F
import numpy as np
import pytest


def images(*shape: int) -> np.ndarray:
    return np.random.RandomState(1).normal(0, 1, shape).astype(np.float32)


def normalised(x: chainer.Variable, bn: chainer.links.BatchNormalization) -> chainer.Variable:
    return F.relu(F.fixed_batch_normalization(x, bn.gamma, bn.beta, bn.avg_mean, bn.avg_var, eps=1e-5))


def convolved(x: chainer.Variable, conv: chainer.links.Convolution2D, pad: int = 0) -> chainer.Variable:
    return F.convolution_2d(x, conv.W, conv.b, pad=pad)


@pytest.mark.parametrize(('i', 'o'), [(8, 8), (4, 8)])
def test_residual_normalises_before_each_convolution(i: int, o: int) -> None:
    residual, x = randomise(PreActivationResidual(i, o)), images(2, i, 6, 5)
    assert hasattr(residual, 'conv0') == (i != o)
    with chainer.using_config('train', False):
        h = convolved(normalised(x, residual.bn1), residual.conv1)
        h = convolved(normalised(h, residual.bn2), residual.conv2, pad=1)
        h = convolved(normalised(h, residual.bn3), residual.conv3)
        skip = x if i == o else convolved(x, residual.conv0).array
        np.testing.assert_allclose(residual(chainer.Variable(x)).array, h.array + skip, rtol=1e-4, atol=1e-5)


def test_hourglass_repeats_pixels() -> None:
    block, x = randomise(PreActivationBlock(8, 1)), chainer.Variable(images(2, 8, 4, 6))
    with chainer.using_config('train', False):
        lower = block.lower_out(block.inner(block.lower_in(F.max_pooling_2d(x, 2, 2)))).array
        expected = block.upper(x).array + lower.repeat(2, axis=2).repeat(2, axis=3)
        np.testing.assert_allclose(block(x).array, expected, rtol=1e-4, atol=1e-5)


def test_stacks_pass_on_the_sum_of_three() -> None:
    network, x = randomise(PreActivationHG(14, 2, 8, 1)), images(1, 3, 16, 8)
    with chainer.using_config('train', False):
        h = F.relu(network.bn0(network.conv0(x)))
        h = network.res2(network.res1(F.max_pooling_2d(network.res0(h), 2, 2)))
        features = F.relu(network.feature_bn1(network.feature1(network.after1(network.hg1(h)))))
        first = network.output1(features)
        h = h + network.merge_feature1(features) + network.merge_output1(first)
        second = network.output2(F.relu(network.feature_bn2(network.feature2(network.after2(network.hg2(h))))))
        outputs = network(x)
    assert len(outputs) == 2
    for got, expected in zip(outputs, (first, second), strict=True):
        np.testing.assert_allclose(got.array, expected.array, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('n_stack', 'layer_num', 'k', 'n_modules'), [(1, 1, 14, 1), (3, 2, 17, 2), (2, 3, 16, 1)])
def test_other_sizes(n_stack: int, layer_num: int, k: int, n_modules: int) -> None:
    network = PreActivationHG(k, n_stack, 8, layer_num, n_modules)
    step = 4 * 2 ** layer_num
    outputs = network(np.zeros((2, 3, step, 2 * step), np.float32))
    assert [output.shape for output in outputs] == [(2, k, step // 4, step // 2)] * n_stack


@pytest.mark.parametrize('sizes', [
    (0, 2, 256, 4), (16, 0, 256, 4), (16, 2, 30, 4), (16, 2, 256, 0), (16, 2, 256, 4, 0)])
def test_impossible_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='PreActivationHG needs'):
        PreActivationHG(*sizes)
