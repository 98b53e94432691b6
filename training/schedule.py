"""Optimisers, and how the learning rate changes over a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.optimizers import Adam, RMSprop

from chainer.training import Extension, Trainer


@dataclass(frozen=True)
class OptimizerEntry:
    """One optimiser.

    Attributes:
        create: called with the learning rate.
        lr: learning rate by default.
        attribute: name of the optimiser's attribute that holds the learning rate.
        decay: weight decay: each step also subtracts this times the learning rate times the parameter.
    """

    create: Callable[[float], Any]
    lr: float
    attribute: str
    decay: float = 0.0

    def set_rate(self, hyperparameter: Any, lr: float) -> None:
        """Set the learning rate of an optimiser, or of one parameter's update rule."""
        setattr(hyperparameter, self.attribute, lr)
        if self.decay:
            # Chainer does not multiply the decay by the rate; without this it would not fall with the rate.
            hyperparameter.weight_decay_rate = self.decay * lr


OPTIMIZERS = {
    # As in the reference, with Chainer's other defaults.
    'rmsprop': OptimizerEntry(lambda lr: RMSprop(lr=lr), 2.5e-4, 'lr'),
    # Adam with decoupled weight decay (Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019).
    'adamw': OptimizerEntry(lambda lr: Adam(alpha=lr), 2e-3, 'alpha', decay=0.01),
}


def step(progress: float) -> float:
    """Return 1, and 0.2 after 70 % of the training: the schedule of the reference."""
    return 1.0 if progress < 0.7 else 0.2


def cosine(progress: float) -> float:
    """Rise to 1 over the first hundredth, then fall to zero along half a cosine."""
    warm_up = 0.01
    if progress < warm_up:
        return 0.05 + 0.95 * progress / warm_up
    return (1 + math.cos(math.pi * min((progress - warm_up) / (1 - warm_up), 1))) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {'step': step, 'cosine': cosine}


class LearningRateSchedule(Extension):
    """Set the learning rate for the next iteration, from the share of the training that is done.

    It keeps no state; a resumed training computes the same rates.

    Args:
        schedule: a key of :data:`SCHEDULES`.
        optimizer: a key of :data:`OPTIMIZERS`.
        lr: the rate that the schedule's factor multiplies.
        epochs: length of the training.
        scales: hyperparameters of single parameters, and the factor of their rate.
    """

    def __init__(
        self, schedule: str, optimizer: str, lr: float, epochs: int, scales: Sequence[tuple[Any, float]] = (),
    ) -> None:
        self.factor = SCHEDULES[schedule]
        self.entry = OPTIMIZERS[optimizer]
        self.lr = lr
        self.epochs = epochs
        self.scales = scales

    def initialize(self, trainer: Trainer) -> None:
        self(trainer)

    def __call__(self, trainer: Trainer) -> None:
        progress = trainer.updater.epoch_detail / self.epochs
        lr = self.lr * self.factor(progress)
        self.entry.set_rate(trainer.updater.get_optimizer('main'), lr)
        for hyperparameter, scale in self.scales:
            self.entry.set_rate(hyperparameter, lr * scale)
