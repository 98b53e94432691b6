"""A small network that looks as if it had been trained, and what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.network import StackedHG
from hourglass.spec import ModelSpec

import chainer
import numpy as np
import pytest
from chainer.serializers import DictionarySerializer

SMALL = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 64), crop='pad',
                  mean=(.5, .25, 0), decoding='quarter-offset', align_corners=True)


def arrays_of(link: chainer.Link) -> dict[str, Any]:
    serializer = DictionarySerializer()
    serializer.save(link)
    return serializer.target


def make_trained() -> StackedHG:
    """A network whose running statistics are not those of a new one."""
    network = SMALL.build_network()
    rng = np.random.RandomState(0)
    for key, value in arrays_of(network).items():
        if key.endswith('/avg_var'):
            value[...] = rng.uniform(.5, 1.5, value.shape)
        elif key.endswith(('/avg_mean', '/b', '/beta')):
            value[...] = rng.normal(0, .1, value.shape)
    network.bn0.N = 12345
    return network


@pytest.fixture
def values_of() -> Callable[[chainer.Link], dict[str, Any]]:
    """Return everything that a link saves, by key."""
    return arrays_of


@pytest.fixture
def trained() -> Callable[[], StackedHG]:
    return make_trained


@pytest.fixture(scope='module')
def network() -> StackedHG:
    return make_trained()


@pytest.fixture(scope='module')
def arrays(network: StackedHG) -> dict[str, np.ndarray]:
    return {key: np.array(value) for key, value in arrays_of(network).items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'weights.npz'


@pytest.fixture
def assert_same() -> Callable[[StackedHG, dict[str, Any]], None]:
    """Compare what is in a network with what is expected; a network has single precision."""
    def compare(network: StackedHG, expected: dict[str, Any]) -> None:
        values = arrays_of(network)
        assert values.keys() == expected.keys()
        for key, value in values.items():
            np.testing.assert_array_equal(value, expected[key], key)
            if not key.endswith('/N'):
                assert value.dtype == np.float32, key

    return compare
