"""An exponential moving average of a network over its training.

Polyak, Juditsky: *Acceleration of stochastic approximation by averaging*, 1992; in the form with a decay, as common
in the training of networks.
"""

from __future__ import annotations

from typing import Any

from training.many_arrays import ManyArrays, is_plain

import chainer
from chainer.training import Extension, Trainer


def arrays_of(network: Any) -> list[tuple[Any, str, Any]]:
    """Return (link, name, array) for all parameters and running statistics, in a fixed order."""
    entries = []
    for _, link in sorted(network.namedlinks()):
        for name in sorted(link._params):
            entries.append((link, name, link.__dict__[name].array))
        for name in sorted(link._persistent):
            entries.append((link, name, link.__dict__[name]))
    return entries


class MovingAverage(Extension):
    """Keep average = d * average + (1 - d) * value for every parameter and running statistic.

    d is ``min(decay, (1 + i) / (10 + i))`` in iteration i, so that the random initial values are soon forgotten.

    Args:
        network: the network being trained.
        decay: from 0 to 1, below 1.

    Attributes:
        network: the average, on the same device.
    """

    # Before validation, which is of the average.
    priority = 500

    def __init__(self, network: Any, decay: float) -> None:
        self.source = network
        self.network = network.copy(mode='copy')
        self.decay = decay
        # A compiler may round product and sum at once; this is rounded as array by array.
        self._kernel = ManyArrays('hourglass_average', ['average', 'value'], ['share'],
                                  'average = average + __fmul_rn(share, value - average);')

    def __call__(self, trainer: Trainer) -> None:
        iteration = trainer.updater.iteration
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        with chainer.using_device(self.source.device):
            at_once = []
            pairs = zip(arrays_of(self.source), arrays_of(self.network), strict=True)
            for (_, _, value), (link, name, average) in pairs:
                if is_plain(value) and is_plain(average):
                    at_once.append((average, value))
                elif hasattr(value, 'dtype') and value.dtype.kind == 'f':
                    average += (1 - decay) * (value - average)
                else:
                    # The number of batches that the statistics have seen.
                    link.__dict__[name] = value
            if at_once:
                self._kernel(list(zip(*at_once, strict=True)), [(1 - decay,)])

    def serialize(self, serializer: Any) -> None:
        self.network.serialize(serializer['network'])
