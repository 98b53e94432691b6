"""Which sample comes when, as a function of the seed alone.

Chainer's iterators ask an *order sampler* for the order of the next epoch.  The one here returns numbers that hold
the epoch beside the sample's index, ``epoch * len(dataset) + index``, and :class:`TrainingDataset` takes them apart.
So a sample's random changes depend on (seed, epoch, index) only: not on the number of loader processes, nor on
whether the run was stopped and resumed in between.
"""

from __future__ import annotations

from typing import Any

from data.transform import TrainTransform

import numpy as np
from chainer.dataset import DatasetMixin


class EpochOrderSampler:
    """Order sampler for Chainer's iterators: a new random order each epoch, epochs counting from 1.

    It keeps no state: the epoch is read off the order of the one before.

    Args:
        seed: with the epoch, determines the order.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, current_order: np.ndarray, current_position: int) -> np.ndarray:
        n = len(current_order)
        # At first Chainer passes 0, 1, ..., n - 1: as it were the order of epoch 0.
        epoch = int(current_order[0]) // n + 1
        return epoch * n + np.random.default_rng([self.seed, epoch]).permutation(n)


class TrainingDataset(DatasetMixin):
    """A data set of people behind a random transform, for use with :class:`EpochOrderSampler`.

    Args:
        dataset: returns ``(image, person)``.
        transform: called with that and a random generator.
        seed: with epoch and index, determines the generator.
    """

    def __init__(self, dataset: Any, transform: TrainTransform, seed: int) -> None:
        self.dataset = dataset
        self.transform = transform
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        epoch, index = divmod(i, len(self.dataset))
        return self.transform(self.dataset[index], np.random.default_rng([self.seed, epoch, index]))
