"""Chainer itself as an engine."""

from __future__ import annotations

from hourglass.engine.base import Engine

import chainer
import numpy as np


class ChainerEngine(Engine):
    """A network that Chainer runs, on the CPU or a GPU.

    Args:
        network: the trained network, on the device where it shall run.
    """

    name = 'chainer'

    def __init__(self, network: chainer.Chain) -> None:
        self.network = network

    def __call__(self, x: np.ndarray) -> np.ndarray:
        # In every thread: Chainer's functions make the device of their arrays the current one.
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            outputs = self.network(self.network.device.send(x))
            return chainer.get_device('@numpy').send(outputs[-1].array)
