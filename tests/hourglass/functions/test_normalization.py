"""The moments of a batch, as they are taken on the CPU and on a GPU."""

from __future__ import annotations

from hourglass.functions import normalization
from hourglass.functions.normalization import moments

import numpy as np
import pytest


@pytest.mark.parametrize('mean', [0., 30., 3000.])
@pytest.mark.parametrize('on_gpu', [False, True])
def test_moments_keep_their_digits(mean: float, on_gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if on_gpu:  # the same calls, by NumPy
        monkeypatch.setattr(normalization, 'get_array_module', lambda y: 'CuPy')
    y = np.random.default_rng(0).normal(mean, 1, (3, 2, 40, 50)).astype(np.float32)
    exact = y.astype(np.float64).reshape(3, -1)
    squares = np.zeros(3) if on_gpu else (y * y).reshape(3, -1).sum(1, dtype=np.float64)
    found = moments(y, exact.sum(1), squares)
    assert [part.dtype for part in found] == [np.float32] * 2
    np.testing.assert_allclose(found[0], exact.mean(1), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], exact.var(1), rtol=1e-4)
