"""What the network computes is compared with Torch7's and PyTorch's own in tests/pretrained."""

from __future__ import annotations

from hourglass.preactivation import PreActivationHG

import numpy as np
import pytest


@pytest.mark.parametrize(('n_stack', 'layer_num', 'k', 'n_modules'), [(1, 1, 14, 1), (3, 2, 17, 2), (2, 3, 16, 1)])
def test_other_sizes(n_stack: int, layer_num: int, k: int, n_modules: int) -> None:
    network = PreActivationHG(k, n_stack, 8, layer_num, n_modules)
    step = 4 * 2 ** layer_num
    outputs = network(np.zeros((2, 3, step, 2 * step), np.float32))
    assert [output.shape for output in outputs] == [(2, k, step // 4, step // 2)] * n_stack


@pytest.mark.parametrize('sizes', [
    (0, 2, 256, 4), (16, 0, 256, 4), (16, 2, 30, 4), (16, 2, 256, 0), (16, 2, 256, 4, 0)])
def test_impossible_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='PreActivationHG needs'):
        PreActivationHG(*sizes)
