from __future__ import annotations

from hourglass.functions.products import matmul

import chainer
import numpy as np
import pytest
from chainer.backends.cuda import to_cpu


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize(('a', 'b'), [((3, 5), (5, 7)), ((1, 5), (5, 1)), ((3, 5), (4, 5, 7)), ((64, 1), (1, 33))])
def test_equals_numpy(a: tuple[int, ...], b: tuple[int, ...], dtype: type, device: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(a).astype(dtype), rng.random(b).astype(dtype)
    place = chainer.get_device(device)
    with chainer.using_device(place):
        for swap_x in (False, True):
            for swap_y in (False, True):
                # The same matrices, with another order in memory.
                first = place.send(x.T.copy()).T if swap_x else place.send(x)
                second = place.send(y.swapaxes(-1, -2).copy()).swapaxes(-1, -2) if swap_y else place.send(y)
                np.testing.assert_allclose(to_cpu(matmul(first, second)), x @ y, rtol=1e-5)
        out = place.xp.zeros((*y.shape[:-2], a[0], b[-1] + 2), dtype)
        assert matmul(place.send(x), place.send(y), out[..., 1:-1]) is not None
        np.testing.assert_allclose(to_cpu(out)[..., 1:-1], x @ y, rtol=1e-5)
        assert not to_cpu(out)[..., [0, -1]].any()
