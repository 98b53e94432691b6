"""The moments of a batch, as they are taken on the CPU and on a GPU."""

from __future__ import annotations

from hourglass.functions.normalization import moments

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu


@pytest.mark.parametrize('mean', [0., 30., 3000.])
def test_moments_keep_their_digits(mean: float, device: int) -> None:
    y = np.random.default_rng(0).normal(mean, 1, (3, 2, 40, 50)).astype(np.float32)
    exact = y.astype(np.float64).reshape(3, -1)
    place = chainer.get_device(device)
    with chainer.using_device(place):
        squares = (exact ** 2).sum(1) if device >= 0 else (y * y).reshape(3, -1).sum(1, dtype=np.float64)
        found = to_cpu(moments(*place.send((y, exact.sum(1), squares))))
    assert [part.dtype for part in found] == [np.float32 if device < 0 else np.float64] * 2
    np.testing.assert_allclose(found[0], exact.mean(1), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], exact.var(1), rtol=1e-4)
