"""Fixtures that several test files share."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from hourglass.network import StackedHG

import numpy as np
import pytest
from chainer.serializers import DictionarySerializer, NpzDeserializer

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Return the path of a reference file beside the checkout, or skip the test where there is none."""
    def find(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip(f'reference file {path} is not beside the checkout')
        return SHARED / path

    return find


def _rule(key: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.RandomState(zlib.crc32(f'dev-{key}'.encode()))
    draws: dict[str, Callable[[], np.ndarray]] = {
        'W': lambda: rng.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape),
        'b': lambda: rng.normal(0, .05, shape),
        'gamma': lambda: rng.uniform(.5, 1, shape),
        'beta': lambda: rng.normal(0, .1, shape),
        'avg_mean': lambda: rng.normal(0, .1, shape),
        'avg_var': lambda: rng.uniform(.5, 1.5, shape),
    }
    name = key.rsplit('/', 1)[-1]
    return np.array(1000) if name == 'N' else draws[name]().astype(np.float32)


def fill_by_rule(network: StackedHG) -> dict[str, np.ndarray]:
    """Give a network the parameters that the reference files were computed with, and return them by key."""
    serializer = DictionarySerializer()
    serializer.save(network)
    values = {key: _rule(key, np.shape(value)) for key, value in serializer.target.items()}
    NpzDeserializer(values).load(network)
    return values


@pytest.fixture(scope='session')
def rule_values() -> dict[str, np.ndarray]:
    """The 1,443 arrays of the full network, made by the rule of the reference files."""
    return fill_by_rule(StackedHG())


@pytest.fixture
def rule_network(rule_values: dict[str, np.ndarray]) -> StackedHG:
    """The full network with parameters made by the rule of the reference files."""
    network = StackedHG()
    NpzDeserializer(rule_values).load(network)
    return network


@pytest.fixture(scope='session', autouse=True)
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('HOURGLASS_CACHE', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture
def middle_of() -> Callable[[np.ndarray, float], np.ndarray]:
    """Return (y, x) of an array's centre of mass, the middle of the first element being at ``first``."""
    def middle(array: np.ndarray, first: float) -> np.ndarray:
        y, x = np.indices(array.shape) + first
        mass = array.astype(np.float64)
        return np.array([(mass * y).sum(), (mass * x).sum()]) / mass.sum()

    return middle
