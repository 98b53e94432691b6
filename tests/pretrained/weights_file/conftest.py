"""A small network that looks as if it had been trained."""

from __future__ import annotations

from hourglass.network import StackedHG
from tests.pretrained.ports import SMALL, network_of, random_values

import numpy as np
import pytest


@pytest.fixture(scope='module')
def arrays() -> dict[str, np.ndarray]:
    return random_values(SMALL)


@pytest.fixture
def network(arrays: dict[str, np.ndarray]) -> StackedHG:
    return network_of(SMALL, arrays)
