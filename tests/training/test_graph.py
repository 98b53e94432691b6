from __future__ import annotations

from typing import Any

from hourglass.device import use_device
from tests.conftest import DEVICES, SMALL
from training.graph import GraphUpdater
from training.loss import TrainChain

import chainer
import numpy as np
import pytest
from chainer.iterators import SerialIterator
from chainer.training.updaters import StandardUpdater


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_steps_are_those_of_chainers_updater(device: int) -> None:
    rng = np.random.default_rng(0)
    samples = [(rng.random((3, 32, 32), np.float32), rng.random((14, 8, 8), np.float32), np.ones(14, bool))
               for _ in range(4)]
    updaters: list[Any] = []
    for kind in (StandardUpdater, GraphUpdater):
        np.random.seed(0)
        optimizer = chainer.optimizers.SGD(0.01).setup(use_device(TrainChain(SMALL.build_network(), SMALL), device))
        updaters.append(kind(SerialIterator(samples, 2, shuffle=False), optimizer, device=optimizer.target.device))
    losses: list[list[Any]] = [[], []]
    for _ in range(5):
        for updater, reported in zip(updaters, losses, strict=True):
            reporter = chainer.Reporter()
            reporter.add_observer('main', updater.get_optimizer('main').target)
            with reporter:
                updater.update()
            reported.append(chainer.as_variable(reporter.observation['main/loss']).array)
        assert updaters[1].get_optimizer('main').epoch == updaters[0].get_optimizer('main').epoch
    assert updaters[1].get_optimizer('main').epoch == 2
    # Reported losses stay as they are.
    assert [float(loss) for loss in losses[1]] == pytest.approx([float(loss) for loss in losses[0]], rel=1e-3)
