"""Resizing and pooling against Chainer's own functions."""

from __future__ import annotations

from collections.abc import Callable

from hourglass.layers import max_pooling_2x2, resize_and_add

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu

# Images, size and size of the result.
SIZES = [(1, (4, 4), (8, 8)), (3, (3, 5), (6, 10)), (1, (1, 1), (2, 2)), (3, (3, 4), (5, 7)), (1, (1, 6), (3, 6)),
         (3, (8, 6), (4, 3))]


def both(function: Callable, arrays: list, device: int) -> list:
    """Return the output and the gradients, stock on the CPU and fast on a device."""
    results = []
    for mode, where in (('stock', chainer.get_device(-1)), ('fast', chainer.get_device(device))):
        with chainer.using_config('hourglass_functions', mode):
            variables = [chainer.Variable(where.send(a)) for a in arrays]
            y = function(*variables)
            y.grad = where.send(np.random.RandomState(2).normal(0, 1, y.shape).astype(y.dtype))
            y.backward()
        results.append(to_cpu([y.array, *(v.grad for v in variables)]))
    return results


@pytest.mark.parametrize(('n', 'size', 'out_size'), SIZES)
def test_resize_equals_stock(n: int, size: tuple, out_size: tuple, device: int) -> None:
    rng = np.random.RandomState(0)
    arrays = [rng.normal(0, 1, (n, 5, *s)).astype(np.float32) for s in (size, out_size)]
    stock, fast = both(resize_and_add, arrays, device)
    for a, b in zip(stock, fast, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(b, a, atol=1e-5)


@pytest.mark.parametrize(('n', 'size'), [(1, (4, 4)), (3, (6, 2)), (3, (64, 66))])
def test_pooling_equals_stock(n: int, size: tuple, device: int) -> None:
    # Small integers, so that many maxima are tied.
    x = np.random.RandomState(0).randint(-2, 2, (n, 5, *size)).astype(np.float32)
    for a, b in zip(*both(max_pooling_2x2, [x], device), strict=True):
        np.testing.assert_array_equal(b, a)


def test_odd_sizes_are_pooled_as_well() -> None:
    assert max_pooling_2x2(np.ones((1, 2, 5, 6), np.float32)).shape == (1, 2, 3, 3)


@pytest.mark.parametrize('function', [max_pooling_2x2, lambda x: resize_and_add(x, x)])
def test_no_second_derivative(function: Callable) -> None:
    x = chainer.Variable(np.ones((1, 2, 4, 4), np.float32))
    with pytest.raises(RuntimeError, match='stock'):
        chainer.grad([function(x)], [x], enable_double_backprop=True)


def test_only_the_second_input_needs_a_gradient() -> None:
    added = chainer.Variable(np.ones((1, 2, 4, 4), np.float32))
    y = resize_and_add(chainer.Variable(np.ones((1, 2, 2, 2), np.float32), requires_grad=False), added)
    y.grad = np.full_like(added.array, 3)
    y.backward()
    np.testing.assert_array_equal(added.grad, np.full_like(added.array, 3))
