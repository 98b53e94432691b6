from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

from hourglass.device import use_device
from hourglass.engine import chainer_engine
from hourglass.engine.chainer_engine import ChainerEngine
from tests.conftest import DEVICES, SMALL

import numpy as np
import pytest


def _images(n: int, height: int) -> np.ndarray:
    return np.random.default_rng(n).random((n, 3, height, 32), np.float32)


def _engines(device: int) -> tuple[ChainerEngine, ChainerEngine]:
    """The same network on the CPU and on a device."""
    network = SMALL.build_network()
    return ChainerEngine(network), ChainerEngine(use_device(network.copy('copy'), device))


def test_sizes_in_any_order_from_several_threads(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chainer_engine, '_N_GRAPHS', 2)
    on_cpu, on_device = _engines(device)
    x = [_images(n, height) for n, height in ((1, 32), (2, 32), (1, 32), (1, 64), (1, 32), (1, 32), (2, 32), (1, 64))]
    with ThreadPoolExecutor(3) as pool:
        for maps, images in zip(pool.map(on_device, x * 2), x * 2, strict=True):
            np.testing.assert_allclose(maps, on_cpu(images), atol=1e-5)


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_graphs_make_room_where_the_memory_is_full(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu, on_device = _engines(device)
    small, large = _images(1, 32), _images(4, 32)
    on_device(small)
    recorder = on_device._recorder
    monkeypatch.setattr(recorder, 'run', Mock(side_effect=MemoryError))
    for images in (large, large, small):
        np.testing.assert_allclose(on_device(images), on_cpu(images), atol=1e-5)
    assert on_device._recorder is not recorder
