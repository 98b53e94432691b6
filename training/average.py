"""An exponential moving average of a network over its training.

Polyak, Juditsky: *Acceleration of stochastic approximation by averaging*, 1992; here with a decay, as is common in the
training of networks.
"""

from __future__ import annotations

from itertools import compress
from typing import Any

from training.many_arrays import ManyArrays, is_plain

import chainer
from chainer.training import Extension, Trainer


def places_of(network: Any) -> list[tuple[Any, str]]:
    """Return (link, name) of all parameters and running statistics, in a fixed order."""
    return [(link, name) for _, link in sorted(network.namedlinks())
            for names in (link._params, link._persistent) for name in sorted(names)]


def value_at(link: Any, name: str) -> Any:
    """Return a parameter's array, or a running statistic."""
    value = link.__dict__[name]
    return value.array if isinstance(value, chainer.Parameter) else value


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
        self._places = list(zip(places_of(network), places_of(self.network), strict=True))
        self._at_once: list[list[Any]] | None = None  # arrays on a GPU, of the average and of the network
        # A compiler may round product and sum at once; this is rounded as array by array.
        self._kernel = ManyArrays('hourglass_average', ['average', 'value'], ['share'],
                                  'average = average + __fmul_rn(share, value - average);')

    def __call__(self, trainer: Trainer) -> None:
        iteration = trainer.updater.iteration
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        with chainer.using_device(self.source.device):
            if self._at_once is None:
                pairs = [(value_at(*average), value_at(*source)) for source, average in self._places]
                are_plain = [is_plain(average) and is_plain(value) for average, value in pairs]
                plain = list(compress(pairs, are_plain))
                self._at_once = [[average for average, _ in plain], [value for _, value in plain]]
                self._places = [places for places, plain in zip(self._places, are_plain, strict=True) if not plain]
            if self._at_once[0]:
                self._kernel(self._at_once, [(1 - decay,)])
            for source, (link, name) in self._places:
                value = value_at(*source)
                if hasattr(value, 'dtype') and value.dtype.kind == 'f':
                    average = value_at(link, name)
                    average += (1 - decay) * (value - average)
                else:
                    # The number of batches that the statistics have seen.
                    link.__dict__[name] = value

    def serialize(self, serializer: Any) -> None:
        self.network.serialize(serializer['network'])
