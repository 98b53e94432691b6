"""Networks with statistics that make folding visible, and what Chainer computes with them."""

from __future__ import annotations

from collections.abc import Callable

import chainer
import numpy as np
import pytest

Maps = Callable[[chainer.Chain, np.ndarray], list[np.ndarray]]


@pytest.fixture
def randomise() -> Callable[[chainer.Chain], chainer.Chain]:
    """Give every parameter and running statistic of a network a value of its own, of the usual size."""
    def fill(network: chainer.Chain) -> chainer.Chain:
        rng = np.random.default_rng(1)
        for link in network.links():
            for name in sorted(link._params | (link._persistent & {'avg_mean', 'avg_var'})):
                value = getattr(link, name)
                array = value.array if isinstance(value, chainer.Variable) else value
                if name == 'W':
                    array[...] = rng.normal(0, np.sqrt(1 / np.prod(array.shape[1:])), array.shape)
                elif name in ('gamma', 'avg_var'):
                    array[...] = rng.uniform(0.5, 1.5, array.shape)
                else:
                    array[...] = rng.normal(0, 0.1, array.shape)
        return network

    return fill


@pytest.fixture
def chainer_maps() -> Maps:
    """Return the heatmaps of all stacks by Chainer's own functions."""
    def run(network: chainer.Chain, x: np.ndarray) -> list[np.ndarray]:
        with (chainer.using_config('train', False), chainer.no_backprop_mode(),
              chainer.using_config('hourglass_functions', 'stock')):
            return [output.array for output in network(x)]

    return run
