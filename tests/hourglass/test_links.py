"""The network's functions at work in a network, against Chainer's own, and where Chainer's own are taken."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from typing import Any

from hourglass.functions.chain import ConvChain, Layer
from hourglass.functions.normalization import Normalization
from hourglass.functions.parallel import Workers, workers
from hourglass.functions.resize import ResizeAdd
from hourglass.functions.shifts import Window
from hourglass.links import Unit, both, convolve, is_fast, max_pooling_2x2, resize_and_add
from hourglass.network import HGBlock, ResidualModule, StackedHG

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from chainer import Variable, function_hooks, link_hooks

MODES = ('stock', 'fast')


def make_network() -> StackedHG:
    """Return a small network whose parameters and running statistics all differ from their initial values."""
    rng = np.random.RandomState(0)
    np.random.seed(0)
    network = StackedHG(14, 2, 16, 2)
    for link in network.links():
        if isinstance(link, L.BatchNormalization):
            link.gamma.array[...] = rng.uniform(.5, 1, link.gamma.shape)
            link.beta.array[...] = rng.normal(0, .1, link.beta.shape)
            link.avg_mean[...] = rng.normal(0, .1, link.beta.shape)
            link.avg_var[...] = rng.uniform(.5, 1.5, link.beta.shape)
    network.cleargrads()
    return network


def images(n: int = 2, size: int = 64) -> np.ndarray:
    return np.random.RandomState(1).uniform(0, 1, (n, 3, size, size)).astype(np.float32)


def loss_of(outputs: tuple[Variable, ...]) -> Variable:
    targets = np.random.RandomState(2).uniform(0, 1, outputs[0].shape).astype(outputs[0].dtype)
    return sum(F.sum(F.square(y - targets)) for y in outputs)


def run_network(
    mode: str, train: bool, dtype: type = np.float32,
) -> tuple[list[np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the outputs, the gradients of all parameters and the running statistics."""
    with chainer.using_config('dtype', dtype):
        network = make_network()
    with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', train):
        outputs = network(images().astype(dtype))
        loss_of(outputs).backward()
    statistics = {name: value for link_name, link in network.namedlinks() if isinstance(link, L.BatchNormalization)
                  for name, value in ((f'{link_name}/avg_mean', link.avg_mean), (f'{link_name}/avg_var', link.avg_var))}
    return [y.array for y in outputs], {name: p.grad for name, p in network.namedparams()}, statistics


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def is_before_normalization(name: str) -> bool:
    """Say whether this is the bias of a convolution that batch normalisation follows."""
    return name.endswith('/b') and not name.endswith(('_3a/b', '_3b/b', '_4a/b'))


def test_network_with_fixed_statistics_equals_stock() -> None:
    (outputs, grads, _), (fast_outputs, fast_grads, _) = (run_network(mode, train=False) for mode in MODES)
    for y, fast_y in zip(outputs, fast_outputs, strict=True):
        assert fast_y.shape == y.shape == (2, 14, 16, 16)
        assert relative_error(fast_y, y) < 1e-5
    assert fast_grads.keys() == grads.keys()
    largest = max(np.linalg.norm(g) for g in grads.values())
    significant = {name: g for name, g in grads.items() if np.linalg.norm(g) > 1e-6 * largest}
    assert len(significant) > .98 * len(grads)
    for name, g in significant.items():
        assert relative_error(fast_grads[name], g) < 1e-4, name


def test_network_in_training_equals_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """In double precision, where rounding errors do not grow to anything."""
    # Chainer resizes single precision only, so this one function is not its own here.
    monkeypatch.setattr(F, 'resize_images', lambda x, shape: ResizeAdd(shape).apply((x,))[0])
    (outputs, grads, statistics), (fast_outputs, fast_grads, fast_statistics) = (
        run_network(mode, train=True, dtype=np.float64) for mode in MODES)
    for y, fast_y in zip(outputs, fast_outputs, strict=True):
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


def test_network_in_training_in_single_precision() -> None:
    """Rounding errors grow through sixty normalisations by a batch's own statistics, and flip a few ReLUs.

    So single gradients differ by some thousandths between any two orders of summation, Chainer's own on one and
    on two threads included; the gradient as a whole is compared.
    """
    (outputs, grads, statistics), (fast_outputs, fast_grads, fast_statistics) = (
        run_network(mode, train=True) for mode in MODES)
    for y, fast_y in zip(outputs, fast_outputs, strict=True):
        assert relative_error(fast_y, y) < 2e-3
    for name, value in statistics.items():
        assert relative_error(fast_statistics[name], value) < 1e-3, name
    whole, fast_whole = (np.concatenate([g[name].ravel() for name in grads]) for g in (grads, fast_grads))
    assert relative_error(fast_whole, whole) < 2e-2


def test_network_is_one_chain_for_each_residual_module() -> None:
    """The fast functions are those that run by default, and none is left to Chainer but the joining of features."""
    names = []

    class Names(chainer.FunctionHook):
        def forward_preprocess(self, function: Any, in_data: Any) -> None:
            names.append(type(function).__name__)

    with Names(), chainer.no_backprop_mode():
        make_network()(images(1))
    assert {*names} == {'ConvChain', 'MaxPooling2x2', 'ResizeAdd', 'Concat'}
    assert names.count('Concat') == 1


def test_unknown_mode_is_refused() -> None:
    with chainer.using_config('hourglass_functions', 'quick'), pytest.raises(ValueError, match='quick'):
        make_network()(images())


@pytest.mark.parametrize(('array', 'expected'), [
    (np.ones((1, 2, 4, 4), np.float32), True),
    (np.ones((1, 2, 4, 4), np.float64), True),
    (np.ones((1, 2, 4, 4), np.float16), False),
    (np.ones((0, 2, 4, 4), np.float32), False),
    (np.ones((2, 4, 4), np.float32), False),
])
def test_what_is_fast(array: np.ndarray, expected: bool) -> None:
    assert is_fast(Variable(array)) is expected
    with chainer.using_config('hourglass_functions', 'stock'):
        assert not is_fast(Variable(array))


def test_half_precision_is_left_to_chainer() -> None:
    with chainer.using_config('dtype', np.float16):
        units = [Unit(L.Convolution2D(2, 3, 1), L.BatchNormalization(3), relu=True)]
    x = np.ones((1, 2, 4, 4), np.float16)
    y = convolve(x, units, np.ones((1, 3, 4, 4), np.float16))
    assert y.dtype == np.float16
    assert max_pooling_2x2(x).dtype == np.float16


def modes_agree(units: list[Unit], x: np.ndarray, is_chain: bool, added: np.ndarray | None = None) -> None:
    """Check output and gradients of both modes, training, and which functions the fast mode calls."""
    results = []
    for mode in MODES:
        variable = Variable(x)
        with chainer.using_config('hourglass_functions', mode):
            y = convolve(variable, units, added)
        assert any(isinstance(f, ConvChain) for f in functions_behind(y)) == (is_chain and mode == 'fast')
        parameters = [p for unit in units for link in unit[:2] if link is not None for p in link.params()]
        for parameter in parameters:
            parameter.cleargrad()
        F.sum(y ** 3).backward()
        results.append([y.array, variable.grad, *(p.grad for p in parameters)])
    scale = max(abs(a).max() for a in results[0])
    for stock, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, stock, atol=1e-9 * max(1, scale))


def functions_behind(y: Variable) -> list[Any]:
    found, waiting = [], [y.creator_node]
    while waiting:
        function = waiting.pop()
        found.append(function)
        waiting += [v.creator_node for v in function.inputs if v.creator_node is not None]
    return found


@pytest.fixture
def double() -> Any:
    np.random.seed(0)
    with chainer.using_config('dtype', np.float64):
        yield


CHAINED = {
    'stride in the first': lambda: [Unit(L.Convolution2D(4, 6, 3, 2, 1)), Unit(L.Convolution2D(6, 6, 3, 1, 1))],
    'pairs of numbers': lambda: [Unit(L.Convolution2D(4, 6, (3, 3), (1, 1), (1, 1)))],
    'even kernel': lambda: [Unit(L.Convolution2D(4, 6, 2, 1, 1), L.BatchNormalization(6))],
    'no padding': lambda: [Unit(L.Convolution2D(4, 6, 1)), Unit(L.Convolution2D(6, 6, 3), None, True)],
}
LEFT_TO_CHAINER = {
    'no bias': lambda: [Unit(L.Convolution2D(4, 6, 3, pad=1, nobias=True), L.BatchNormalization(6))],
    'no gamma': lambda: [Unit(L.Convolution2D(4, 6, 1), L.BatchNormalization(6, use_gamma=False))],
    'no beta': lambda: [Unit(L.Convolution2D(4, 6, 1), L.BatchNormalization(6, use_beta=False), True)],
    'dilation': lambda: [Unit(L.Convolution2D(4, 6, 3, pad=2, dilate=2))],
    'groups': lambda: [Unit(L.Convolution2D(4, 6, 3, pad=1, groups=2))],
    'unequal sides': lambda: [Unit(L.Convolution2D(4, 6, (1, 3), pad=(0, 1)))],
    'unequal strides': lambda: [Unit(L.Convolution2D(4, 6, 3, (1, 2), 1))],
    'padding as large as the kernel': lambda: [Unit(L.Convolution2D(4, 6, 1, pad=1))],
    'stride in the second': lambda: [Unit(L.Convolution2D(4, 6, 1)), Unit(L.Convolution2D(6, 6, 3, 2, 1))],
    'another class': lambda: [Unit(L.Convolution2D(4, 6, 1), AnotherNormalization(6))],
    'channels by the pixel': lambda: [Unit(L.Convolution2D(4, 6, 1), L.BatchNormalization((6, 7, 8), axis=(0,)))],
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
    convolve(np.ones((1, 2, 4, 4), np.float32), [Unit(convolution)])
    assert calls == [convolution]


def test_sizes_unknown_before_the_first_call() -> None:
    unit = Unit(L.Convolution2D(None, 3, 1), L.BatchNormalization(axis=(0, 2, 3)), relu=True)
    x = np.random.RandomState(0).normal(0, 1, (2, 4, 5, 5)).astype(np.float32)
    first, second = convolve(x, [unit]), convolve(x, [unit])
    assert not isinstance(first.creator_node, ConvChain)
    assert isinstance(second.creator_node, ConvChain)
    np.testing.assert_allclose(second.array, first.array, atol=1e-5)


@pytest.mark.parametrize('x', [np.ones((1, 5, 4, 4), np.float32), np.ones((4, 4), np.float32)], ids=str)
def test_input_that_does_not_fit(x: np.ndarray) -> None:
    with pytest.raises(chainer.utils.type_check.InvalidType):
        convolve(x, [Unit(L.Convolution2D(4, 3, 1))])


def test_addition_that_does_not_fit() -> None:
    x = np.ones((2, 4, 6, 6), np.float32)
    with pytest.raises(ValueError, match=r'\(2, 3, 6, 4\).*\(2, 3, 6, 6\)'):
        convolve(x, [Unit(L.Convolution2D(4, 3, 1))], np.ones((2, 3, 6, 4), np.float32))
    with pytest.raises(chainer.utils.type_check.InvalidType):
        resize_and_add(x, np.ones((4, 2, 12, 12), np.float32))


def test_arrays_and_variables_are_taken() -> None:
    unit = Unit(L.Convolution2D(4, 4, 3, 1, 1))
    x = np.random.RandomState(0).normal(0, 1, (1, 4, 6, 6)).astype(np.float32)
    for function in (lambda x: convolve(x, [unit], x), max_pooling_2x2, lambda x: resize_and_add(x, x)):
        np.testing.assert_array_equal(function(x).array, function(Variable(x)).array)
    assert convolve(x, [unit]).creator_node is not None


def test_prediction_keeps_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers(), 'size', 1)  # which thread needs how much scratch space is a matter of chance
    network, x = make_network(), images(4)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        network(x)
        gc.collect()
        tracemalloc.start()
        try:
            outputs = network(x)
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert all(y.creator_node is None for y in outputs)
    # The last convolution's array is the output itself.
    assert kept < sum(y.array.nbytes for y in outputs) + 50_000


def test_repeated_forward_passes_keep_nothing() -> None:
    network, x = make_network(), images()
    network(x)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(5):
            network(x)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < x.nbytes


def test_siamese_use_adds_the_gradients() -> None:
    """Two forward passes through the same links before the backward pass of both."""
    grads = []
    for mode in MODES:
        network = make_network()
        with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', False):
            a, b = network(images()), network(images()[::-1, :, ::-1])
            F.sum(F.square(a[-1] - b[-1])).backward()
        grads.append({name: p.grad for name, p in network.namedparams()})
    for name, g in grads[0].items():
        if g is None:
            assert grads[1][name] is None
        elif np.linalg.norm(g) > 1e-3:
            assert relative_error(grads[1][name], g) < 1e-3, name


def test_a_link_twice_in_one_chain() -> None:
    rng = np.random.RandomState(0)
    with chainer.using_config('dtype', np.float64):
        unit = Unit(L.Convolution2D(4, 4, 3, 1, 1), L.BatchNormalization(4), relu=True)
    modes_agree([unit, unit], rng.normal(0, 1, (2, 4, 5, 6)), is_chain=True)


def test_gradients_accumulate_until_they_are_cleared() -> None:
    network = make_network()
    with chainer.using_config('train', False):
        loss_of(network(images())).backward()
        once = {name: p.grad.copy() for name, p in network.namedparams()}
        loss_of(network(images())).backward()
    for name, p in network.namedparams():
        np.testing.assert_allclose(p.grad, 2 * once[name], rtol=1e-5, atol=1e-6 * abs(once[name]).max())


@pytest.mark.parametrize('index', [0, 1])
def test_backward_through_one_of_the_outputs(index: int) -> None:
    grads = []
    for mode in MODES:
        network = make_network()
        with chainer.using_config('hourglass_functions', mode), chainer.using_config('train', False):
            loss_of(network(images())[index:index + 1]).backward()
        grads.append({name: p.grad for name, p in network.namedparams()})
    without = {name for name, g in grads[0].items() if g is None}
    # The first output needs nothing of the second stack.
    assert any(name.startswith('/hg2/') for name in without) == (index == 0)
    assert {name for name, g in grads[1].items() if g is None} == without
    for name, g in grads[0].items():
        if name not in without and np.linalg.norm(g) > 1e-3:
            assert relative_error(grads[1][name], g) < 1e-3, name


def test_a_frozen_part_stays_as_it_is() -> None:
    network = make_network()
    before = {name: p.array.copy() for name, p in network.namedparams()}
    optimizer = chainer.optimizers.SGD(lr=1).setup(network)
    network.hg1.disable_update()
    with chainer.using_config('train', False):
        optimizer.update(lambda: loss_of(network(images())))
    for name, p in network.namedparams():
        moves = p.grad.any() and not name.startswith('/hg1/')
        assert np.array_equal(p.array, before[name]) != moves, name
    assert network.hg1.res1a_1.conv1.W.grad.any()


@pytest.mark.parametrize('wanted', [(0,), (1,), (2, 3), (4, 7), (6,), (0, 1, 3, 5), range(8)], ids=str)
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


def test_one_image_and_none() -> None:
    network = make_network()
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        outputs = [network(images(1)), network(images(2)[:1])]
        for y, expected in zip(*outputs, strict=True):
            np.testing.assert_allclose(y.array, expected.array, atol=1e-5)
        unit = Unit(network.conv0, network.bn0, relu=True)
        assert convolve(images(0), [unit]).shape == (0, 4, 32, 32)


def test_branches_side_by_side_equal_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Workers()
    pair.size = 2
    monkeypatch.setattr('hourglass.links.workers', lambda: pair)
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
            y, z = both(x, branch, branch)
            expected = link(x).array
        np.testing.assert_array_equal(y.array, z.array)
        if not training:
            np.testing.assert_allclose(y.array, expected, atol=1e-6)
        assert (len(set(threads)) == 2) is beside
        assert (y.creator is not None) is recorded


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
