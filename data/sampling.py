"""The order of samples, a function of the seed alone, and the iterator over batches.

Chainer's iterators ask an *order sampler* for the order of the next epoch.  The one here returns numbers that contain
the epoch and the sample's index, ``epoch * len(dataset) + index``, and :class:`TrainingDataset` separates them.
So the random changes of a sample depend on (seed, epoch, index) only: not on the number of loader processes, nor on
whether the training was stopped and resumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from data.loaders import Loaders
from hourglass.errors import InputError

import numpy as np
from chainer.dataset import DatasetMixin
from chainer.iterators import SerialIterator
from chainer.iterators._statemachine import IteratorState, iterator_statemachine
from chainer.serializer import Deserializer


class EpochOrderSampler:
    """Order sampler for Chainer's iterators: a new random order each epoch, epochs counting from 1.

    It keeps no state: the epoch is derived from the order of the one before.

    Args:
        seed: with the epoch, determines the order.
        sizes: numbers of samples of the joined data sets; needed with ``weights`` only.
        weights: expected shares of these sets in an epoch, whose length stays.  A set that is too small for its share
            is repeated, with other random changes; of a set with a small share, some samples are left out.
    """

    def __init__(self, seed: int, sizes: Sequence[int] = (), weights: Sequence[float] = ()) -> None:
        self.seed, self.sizes = seed, sizes
        ends = np.rint(np.cumsum(weights) / np.sum(weights) * sum(sizes)) if weights else np.zeros(0)
        self.counts: list[int] = np.diff(ends.astype(int), prepend=0).tolist()
        #: How often a sample may be drawn in an epoch.
        self.repeats = max([1, *(-(-count // size) for count, size in zip(self.counts, sizes, strict=False))])

    def __call__(self, current_order: np.ndarray, current_position: int) -> np.ndarray:
        n = len(current_order)
        # At first Chainer passes 0, 1, ..., n - 1, the order of an epoch 0.
        epoch = int(current_order[0]) // (n * self.repeats) + 1
        rng = np.random.default_rng([self.seed, epoch])
        if not self.counts:
            return epoch * n + rng.permutation(n)
        chosen, start = [], 0
        for size, count in zip(self.sizes, self.counts, strict=True):
            # A repeated sample has the number of a further epoch, and so other random changes.
            draws = [n * i + start + rng.permutation(size) for i in range(self.repeats)]
            chosen.append(np.concatenate(draws)[:count])
            start += size
        return epoch * self.repeats * n + rng.permutation(np.concatenate(chosen))


class TrainingDataset(DatasetMixin):
    """A data set of people with a random transform, for use with :class:`EpochOrderSampler`.

    Args:
        dataset: returns ``(image, person)``.
        transform: called with that and a random generator.
        seed: with epoch and index, determines the generator.
    """

    def __init__(self, dataset: Any, transform: Any, seed: int) -> None:
        self.dataset = dataset
        self.transform = transform
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        epoch, index = divmod(i, len(self.dataset))
        return self.transform(self.dataset[index], np.random.default_rng([self.seed, epoch, index]))


#: Batches that loader processes prepare in advance.
_N_AHEAD = 3


class SampleIterator(SerialIterator):
    """Chainer's serial iterator; other processes may prepare the samples, some batches ahead.

    Batches and snapshots do not depend on the number of processes.  The processes are forked when the iterator is
    made: before threads are started and before a GPU is used.  The arrays of a batch that they prepared stay until the
    next batch is asked for.

    Args:
        dataset: indexed by what ``order_sampler`` returns.
        batch_size: samples in a batch.
        order_sampler: as :class:`EpochOrderSampler`.
        n_loaders: number of processes; with 0 samples are prepared on request.
        part: (i, n) returns the i-th of n parts of each batch, for processes that share their batches.  The state
            is that of whole batches, and the same for every part.

    Attributes:
        indices: numbers of the last batch's samples, as the order sampler returned them.
    """

    def __init__(
        self, dataset: Any, batch_size: int, order_sampler: Any, n_loaders: int = 0, part: tuple[int, int] = (0, 1),
    ) -> None:
        self.indices: np.ndarray = np.zeros(0, int)
        self._part = slice(part[0], None, part[1])
        self._upcoming: deque[tuple[IteratorState, np.ndarray, list[Future[Any]]]] = deque()
        self._loaders: Loaders | None = None
        self._state: IteratorState
        super().__init__(dataset, batch_size, order_sampler=order_sampler)
        if n_loaders:
            self._loaders = Loaders(dataset, n_loaders, self._following(self._state)[1], _N_AHEAD + 1)

    def _following(self, state: IteratorState) -> tuple[IteratorState, np.ndarray]:
        state, indices = iterator_statemachine(
            state, self.batch_size, True, self.order_sampler, len(self.dataset))
        return state, indices[self._part]

    def _request(self, loaders: Loaders) -> None:
        state, indices = self._following(self._upcoming[-1][0] if self._upcoming else self._state)
        self._upcoming.append((state, indices, loaders.request(indices)))

    def __next__(self) -> list[Any]:
        # An error leaves the position as it was.
        if self._loaders is None:
            state, self.indices = self._following(self._state)
            batch = [self.dataset[index] for index in self.indices]
        else:
            try:
                while len(self._upcoming) <= _N_AHEAD:
                    self._request(self._loaders)
                state, self.indices, futures = self._upcoming[0]
                batch = self._loaders.take(futures)
                self._upcoming.popleft()
            except BrokenProcessPool:
                raise InputError('a loader process was killed (too little memory for --loaders?)') from None
        self._previous_epoch_detail = self.epoch_detail
        self._state = state
        return batch

    next = __next__

    @property
    def position(self) -> tuple[IteratorState, float]:
        """Where the next batch begins; it may be set to an earlier one."""
        return self._state, self._previous_epoch_detail

    @position.setter
    def position(self, position: tuple[IteratorState, float]) -> None:
        self._state, self._previous_epoch_detail = position
        self._drop_upcoming()

    def _drop_upcoming(self) -> None:
        Loaders.drop(futures for _, _, futures in self._upcoming)
        self._upcoming.clear()

    def serialize(self, serializer: Any) -> None:
        super().serialize(serializer)
        if isinstance(serializer, Deserializer):
            self._drop_upcoming()

    def finalize(self) -> None:
        """End the processes."""
        if self._loaders is not None:
            self._loaders.finalize()
            self._loaders = None
        super().finalize()
