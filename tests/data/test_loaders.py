from __future__ import annotations

import os
import time
from concurrent.futures import wait
from typing import Any

from data.loaders import Loaders
from hourglass.errors import InputError
from tests.child import wait_until

import numpy as np
import pytest


class _Slow:
    """Samples of other sizes and layouts; the first one takes some time."""

    def __getitem__(self, i: int) -> Any:
        if i == 0:
            time.sleep(0.5)
        if i == 9:
            raise ValueError('sample 9')
        image = np.full((3, 4 + i, 5), i, np.float32)
        return image, {'mirrored': image[:, :, ::-1], 'number': i}, np.arange(i) == 1


def _assert_equal(samples: list[Any], indices: list[int]) -> None:
    for (image, other, labels), i in zip(samples, indices, strict=True):
        expected = _Slow()[i]
        np.testing.assert_array_equal(image, expected[0])
        np.testing.assert_array_equal(other['mirrored'], expected[1]['mirrored'])
        assert other['number'] == i
        np.testing.assert_array_equal(labels, expected[2])


@pytest.mark.parametrize('first', [0, 8, 9])
def test_samples_of_any_size_arrive_and_stay(request: pytest.FixtureRequest, first: int) -> None:
    # Memory is made for the size of the first sample. The last one cannot be measured.
    loaders = Loaders(_Slow(), 2, np.full(3, first), 2)
    request.addfinalizer(loaders.finalize)
    for _ in range(2):
        batches = [loaders.request(np.array(indices)) for indices in ([1, 2, 8], [3, 4, 5])]
        samples = [loaders.take(batch) for batch in batches]
        _assert_equal(samples[0], [1, 2, 8])
        _assert_equal(samples[1], [3, 4, 5])


def test_nothing_writes_into_the_memory_of_a_dropped_batch(request: pytest.FixtureRequest) -> None:
    loaders = Loaders(_Slow(), 2, np.full(2, 8), 1)
    request.addfinalizer(loaders.finalize)
    slow = loaders.request(np.array([0, 1]))
    wait_until(slow[0].running)
    loaders.drop([slow])
    samples = loaders.take(loaders.request(np.array([2, 3])))
    wait([future for future in slow if not future.cancelled()])
    _assert_equal(samples, [2, 3])


def test_without_fork_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, 'fork')
    with pytest.raises(InputError, match='--loaders'):
        Loaders(_Slow(), 2, np.full(2, 1), 2)
