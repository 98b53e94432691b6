"""CUDA graphs."""

from __future__ import annotations

from unittest.mock import Mock

from hourglass.functions import graph
from hourglass.functions.products import matmul
from tests.conftest import DEVICES

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
@pytest.mark.parametrize('waits', [False, True])
def test_each_call_computes_the_function(device: int, waits: bool) -> None:
    place = chainer.get_device(device)
    calls = []

    def work(x: chainer.Variable, y: chainer.Variable) -> chainer.Variable:
        calls.append(float(x[0, 0]) if waits else 0)
        return matmul(x, y) + y

    with chainer.using_device(place):
        compute = graph.CudaGraph(work, graph.Recorder())
        for i in range(5):
            x, y = np.random.default_rng(i).random((2, 6, 6), np.float32)
            result = compute(place.send(x), place.send(y))
            np.testing.assert_allclose(to_cpu(result), x @ y + y, rtol=1e-5)


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
@pytest.mark.parametrize('error', [MemoryError, RuntimeError])
def test_what_cannot_be_recorded_is_computed_each_time(
    device: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = chainer.get_device(device)
    record = Mock(side_effect=error)
    with chainer.using_device(place):
        recorder = graph.Recorder()
        monkeypatch.setattr(recorder, 'record', record)
        compute = graph.CudaGraph(lambda x: 2 * x, recorder)
        for i in range(4):
            np.testing.assert_array_equal(to_cpu(compute(place.send(np.full(3, i)))), np.full(3, 2 * i))
    assert record.call_count == 1
