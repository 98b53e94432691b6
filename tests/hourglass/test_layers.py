"""Single links and chains of them by the network's functions, and where Chainer's own are taken."""

from __future__ import annotations

import threading
from typing import Any

from hourglass.functions.chain import ConvChain, Layer
from hourglass.functions.im2row import Window
from hourglass.functions.normalization import Normalization
from hourglass.functions.parallel import Workers
from hourglass.layers import ConvBNReLU, conv_bn_relu, is_fast, resize_and_add, run_parallel
from hourglass.network import ResidualModule

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from chainer import Variable
from chainer.function_hooks import TimerHook


@pytest.mark.parametrize(('array', 'expected'), [
    (np.ones((1, 2, 4, 4), np.float32), True),
    (np.ones((1, 2, 4, 4), np.float64), True),
    (np.ones((1, 2, 4, 4), np.float16), False),
    (np.ones((0, 2, 4, 4), np.float32), False),
    (np.ones((2, 4, 4), np.float32), False),
])
def test_which_arrays_are_computed_fast(array: np.ndarray, expected: bool) -> None:
    assert is_fast(Variable(array)) is expected
    with chainer.using_config('hourglass_functions', 'stock'):
        assert not is_fast(Variable(array))


def modes_agree(units: list[ConvBNReLU], x: np.ndarray, is_chain: bool, added: np.ndarray | None = None) -> None:
    """Check output and gradients of both modes, training, and which functions the fast mode calls."""
    results = []
    for mode in ('stock', 'fast'):
        variable = Variable(x)
        with chainer.using_config('hourglass_functions', mode), TimerHook() as hook:
            y = conv_bn_relu(variable, units, added)
        assert ('ConvChain' in hook.summary()) == (is_chain and mode == 'fast')
        parameters = [p for unit in units for link in unit[:2] if link is not None for p in link.params()]
        for parameter in parameters:
            parameter.cleargrad()
        F.sum(y ** 3).backward()
        results.append([y.array, variable.grad, *(p.grad for p in parameters)])
    scale = max(abs(a).max() for a in results[0])
    for stock, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, stock, atol=1e-9 * max(1, scale))


@pytest.fixture
def double() -> Any:
    np.random.seed(0)
    with chainer.using_config('dtype', np.float64):
        yield


CHAINED = {
    'stride in the first': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 3, 2, 1)),
                                    ConvBNReLU(L.Convolution2D(6, 6, 3, 1, 1))],
    'pairs of numbers': lambda: [ConvBNReLU(L.Convolution2D(4, 6, (3, 3), (1, 1), (1, 1)))],
    'even kernel': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 2, 1, 1), L.BatchNormalization(6))],
    'no padding': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1)), ConvBNReLU(L.Convolution2D(6, 6, 3), None, True)],
}


LEFT_TO_CHAINER = {
    'no bias': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 3, pad=1, nobias=True), L.BatchNormalization(6))],
    'no beta': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1), L.BatchNormalization(6, use_beta=False), True)],
    'dilation': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 3, pad=2, dilate=2))],
    'groups': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 3, pad=1, groups=2))],
    'unequal strides': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 3, (1, 2), 1))],
    'padding as large as the kernel': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1, pad=1))],
    'stride in the second': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1)), ConvBNReLU(L.Convolution2D(6, 6, 3, 2, 1))],
    'another class': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1), AnotherNormalization(6))],
    'channels by the pixel': lambda: [ConvBNReLU(L.Convolution2D(4, 6, 1), L.BatchNormalization((6, 7, 8), axis=(0,)))],
}


class AnotherNormalization(L.BatchNormalization):
    """Stands for ChainerMN's, which takes the statistics of several processes."""


@pytest.mark.parametrize('name', CHAINED)
def test_convolutions_of_other_shapes(name: str, double: Any) -> None:
    modes_agree(CHAINED[name](), np.random.RandomState(1).normal(0, 1, (3, 4, 7, 8)), is_chain=True)


@pytest.mark.parametrize('name', LEFT_TO_CHAINER)
def test_what_is_left_to_chainer(name: str, double: Any) -> None:
    modes_agree(LEFT_TO_CHAINER[name](), np.random.RandomState(1).normal(0, 1, (3, 4, 7, 8)), is_chain=False)


def test_links_with_hooks_are_called() -> None:
    calls = []

    class Hook(chainer.LinkHook):
        def forward_preprocess(self, args: Any) -> None:
            calls.append(args.link)

    convolution = L.Convolution2D(2, 3, 1)
    convolution.add_hook(Hook())
    conv_bn_relu(np.ones((1, 2, 4, 4), np.float32), [ConvBNReLU(convolution)])
    assert calls == [convolution]


def test_sizes_unknown_before_the_first_call() -> None:
    unit = ConvBNReLU(L.Convolution2D(None, 3, 1), L.BatchNormalization(axis=(0, 2, 3)), relu=True)
    x = np.random.RandomState(0).normal(0, 1, (2, 4, 5, 5)).astype(np.float32)
    first, second = conv_bn_relu(x, [unit]), conv_bn_relu(x, [unit])
    assert not isinstance(first.creator_node, ConvChain)
    assert isinstance(second.creator_node, ConvChain)
    np.testing.assert_allclose(second.array, first.array, atol=1e-5)


def test_shapes_that_do_not_fit() -> None:
    x = np.ones((2, 4, 6, 6), np.float32)
    for wrong in (x[:, :3], x[0, 0]):
        with pytest.raises(chainer.utils.type_check.InvalidType):
            conv_bn_relu(wrong, [ConvBNReLU(L.Convolution2D(4, 3, 1))])
    with pytest.raises(ValueError, match=r'\(2, 3, 6, 4\).*\(2, 3, 6, 6\)'):
        conv_bn_relu(x, [ConvBNReLU(L.Convolution2D(4, 3, 1))], np.ones((2, 3, 6, 4), np.float32))
    with pytest.raises(chainer.utils.type_check.InvalidType):
        resize_and_add(x, np.ones((4, 2, 12, 12), np.float32))


@pytest.mark.parametrize('wanted', [(0,), (1,), (2, 3), (0, 1, 3, 5)], ids=str)
def test_some_inputs_want_no_gradient(wanted: tuple[int, ...]) -> None:
    """The gradients of the others are what they are when all want theirs."""
    rng = np.random.RandomState(0)
    shapes = ((2, 4, 5, 6), (2, 3, 5, 6), (3, 4, 3, 3), (3,), (3,), (3,), (3, 3, 1, 1), (3,))
    arrays = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    normalization = Normalization(1e-5, .9, np.zeros(3, np.float32), np.ones(3, np.float32))
    layers = [Layer(Window(3, 1, 1), normalization, True), Layer(Window(1, 1, 0), None, False)]
    grads = []
    for indexes in (range(8), wanted):
        inputs = [Variable(a, requires_grad=i in indexes) for i, a in enumerate(arrays)]
        F.sum(ConvChain(layers, adds=True).apply(inputs)[0] ** 2).backward()
        grads.append([v.grad for v in inputs])
    for i, (every, some) in enumerate(zip(*grads, strict=True)):
        assert every is not None
        assert (some is not None) == (i in wanted)
        if some is not None:
            np.testing.assert_allclose(some, every, rtol=1e-5, atol=1e-5)


def test_branches_side_by_side_equal_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Workers()
    pair.size = 2
    for module in ('hourglass.layers', 'hourglass.functions.blocks'):
        monkeypatch.setattr(f'{module}.workers', lambda: pair)
    monkeypatch.setattr('hourglass.functions.blocks._PRODUCTS', 1)  # threads for small arrays, too
    x = chainer.Variable(np.random.RandomState(0).normal(0, 1, (1, 8, 16, 16)).astype(np.float32))
    link = ResidualModule(8, 8)
    threads: list[threading.Thread] = []
    meeting = threading.Barrier(2)
    beside = False

    def branch(x: chainer.Variable) -> chainer.Variable:
        threads.append(threading.current_thread())
        if beside:
            meeting.wait(30)  # for the other branch
        assert chainer.config.hourglass_functions == 'fast'
        return link(x)

    for training, recorded, beside in ((False, False, True), (False, True, False), (True, False, False)):
        threads.clear()
        with chainer.using_config('train', training), chainer.using_config('enable_backprop', recorded):
            y, z = run_parallel(x, branch, branch)
            expected = link(x).array
        np.testing.assert_array_equal(y.array, z.array)
        if not training:
            np.testing.assert_allclose(y.array, expected, atol=1e-6)
        assert (len(set(threads)) == 2) is beside
        assert (y.creator is not None) is recorded
