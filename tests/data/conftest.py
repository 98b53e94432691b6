"""Where something is to be seen in an array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def middle_of() -> Callable[[np.ndarray, float], np.ndarray]:
    """Return (y, x) of an array's centre of mass, the middle of the first element being at ``first``."""
    def middle(array: np.ndarray, first: float) -> np.ndarray:
        y, x = np.indices(array.shape) + first
        mass = array.astype(np.float64)
        return np.array([(mass * y).sum(), (mass * x).sum()]) / mass.sum()

    return middle
