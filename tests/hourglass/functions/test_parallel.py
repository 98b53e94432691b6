"""The threads that share blocks: several callers, forked processes, errors and the end of the process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from hourglass.functions.parallel import Workers
from tests.child import run_python

import pytest

PREDICT = '''
from hourglass.functions import blocks
from hourglass.functions.parallel import workers
from hourglass.layers import ConvBNReLU, conv_bn_relu
import chainer, numpy as np, os, sys, threading
import chainer.links as L
blocks._PRODUCTS = 1  # threads for small arrays, too
np.random.seed(0)
units = [ConvBNReLU(L.Convolution2D(8, 8, 3, 1, 1), L.BatchNormalization(8), True) for _ in range(3)]
x = np.random.uniform(-1, 1, (4, 8, 64, 64)).astype(np.float32)
chainer.global_config.train = False
def predict():
    with chainer.no_backprop_mode():
        return conv_bn_relu(x, units).array
expected = predict()
assert workers().size == 2 and len(workers()._pool._threads) == 1
'''


def run_script(body: str) -> None:
    """Run ``PREDICT`` and ``body`` in a new interpreter, which ends by itself and prints nothing."""
    # Two threads for BLAS, whatever the machine has, so that the pool has one of its own.
    result = run_python('-c', PREDICT + body, OPENBLAS_NUM_THREADS='2', MKL_NUM_THREADS='2', OMP_NUM_THREADS='2')
    assert (result.returncode, result.stderr) == (0, '')


@pytest.fixture
def pair() -> Iterator[Workers]:
    """Two threads, whatever number BLAS has."""
    pair = Workers()
    pair.size, pair._pool = 2, ThreadPoolExecutor(1)
    yield pair
    pair._pool.shutdown()


def test_tasks_may_wait_for_tasks(pair: Workers) -> None:
    names: set[str] = set()

    def tree(depth: int) -> int:
        names.add(threading.current_thread().name)
        time.sleep(.001)
        return 1 if depth == 0 else sum(pair.all([lambda: tree(depth - 1), lambda: tree(depth - 1)]))

    assert tree(6) == 64
    assert len(names) <= 2

    def share(numbers: Iterator[int]) -> int:
        return sum(pair.run(range(10), sum)) * sum(numbers)

    assert sum(pair.run(range(4), share)) == 45 * 6


def test_an_error_in_a_task_ends_the_others_first(pair: Workers) -> None:
    ended = []

    def slow() -> None:
        time.sleep(.05)
        ended.append(True)

    def wrong() -> None:
        time.sleep(.01)
        raise ValueError('wrong')

    for tasks in ([wrong, slow], [slow, wrong], [lambda: pair.all([wrong, slow]), slow]):
        ended.clear()
        with pytest.raises(ValueError, match='wrong'):
            pair.all(tasks)
        count = len(ended)
        time.sleep(.1)
        assert len(ended) == count, 'none is running any more'


def test_every_block_is_worked_on_once(pair: Workers) -> None:
    both_are_there = threading.Barrier(2)

    def work(blocks: Iterator[int]) -> list[int]:
        both_are_there.wait(60)
        return list(blocks)

    results = pair.run(range(100), work)
    assert len(results) == 2
    assert sorted(chain.from_iterable(results)) == list(range(100))


def test_any_thread_may_hold_blas_after_another_and_the_last_gives_its_threads_back() -> None:
    run_script('''
pair, seen = workers(), []
def blas_threads():
    return {c.num_threads for c in pair._blas.lib_controllers}
def hold():
    with pair.settings():
        seen.append(blas_threads())
hold()
thread = threading.Thread(target=hold)
thread.start(); thread.join()
hold()
assert seen == [{1}] * 3, seen
# The first to come leaves before the last.
first, second = pair.settings(), pair.settings()
first.__enter__()
thread = threading.Thread(target=second.__enter__)
thread.start(); thread.join()
first.__exit__(None, None, None)
assert blas_threads() == {1}
thread = threading.Thread(target=second.__exit__, args=(None, None, None))
thread.start(); thread.join()
assert blas_threads() == {2}
try:
    with pair.settings():
        raise ArithmeticError
except ArithmeticError:
    assert blas_threads() == {2}
''')


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='processes are not forked here')
def test_a_forked_process_has_threads_of_its_own() -> None:
    run_script('''
import warnings
warnings.simplefilter('ignore', DeprecationWarning)
pid = os.fork()
if pid == 0:
    os._exit(0 if np.array_equal(predict(), expected) and len(workers()._pool._threads) == 1 else 1)
assert os.waitpid(pid, 0)[1] == 0
assert np.array_equal(predict(), expected)
''')


def test_threads_predict_and_train_at_once() -> None:
    """``chainer.config`` is each thread's own, and the threads of the pool do not look at it."""
    run_script('''
trained = [ConvBNReLU(L.Convolution2D(8, 8, 3, 1, 1), L.BatchNormalization(8), True)]
def train():
    with chainer.using_config('train', True):
        return conv_bn_relu(x, trained).array
expected_of_training = train()
results = {train: [], predict: []}
def work(function):
    results[function] += [function() for _ in range(20)]
threads = [threading.Thread(target=work, args=(function,)) for function in (train, predict, predict, predict)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert all(np.array_equal(y, expected) for y in results[predict])
assert all(np.allclose(y, expected_of_training, atol=1e-5) for y in results[train])
assert {c.num_threads for c in workers()._blas.lib_controllers} == {2}
''')
