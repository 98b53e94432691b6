from __future__ import annotations

from data.sampling import EpochOrderSampler, TrainingDataset

import numpy as np
from chainer.iterators import SerialIterator


def _transform(in_data: int, rng: np.random.Generator) -> tuple[int, float]:
    return in_data, rng.random()


def _dataset(n: int = 10, seed: int = 0) -> TrainingDataset:
    return TrainingDataset(list(range(n)), _transform, seed)  # type: ignore[arg-type]


def _draw(iterator: object, n_batches: int) -> list[tuple[int, float]]:
    assert hasattr(iterator, 'next')
    return [example for _ in range(n_batches) for example in iterator.next()]


def test_every_epoch_has_each_sample_once_in_another_order() -> None:
    iterator = SerialIterator(_dataset(), 5, order_sampler=EpochOrderSampler(3))
    first, second = _draw(iterator, 2), _draw(iterator, 2)
    for epoch in (first, second):
        assert sorted(index for index, _ in epoch) == list(range(10))
    assert [index for index, _ in first] != [index for index, _ in second]
    assert not {value for _, value in first} & {value for _, value in second}, 'the random changes differ too'


def test_the_seed_changes_order_and_values() -> None:
    draws = [_draw(SerialIterator(_dataset(seed=s), 5, order_sampler=EpochOrderSampler(s)), 2) for s in (0, 0, 1)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_weighted_sets_have_their_shares_and_repeats_differ() -> None:
    sampler = EpochOrderSampler(3, sizes=(10, 30, 60), weights=(1, 1, 2))
    order, numbers = np.arange(100), set()
    for epoch in range(1, 5):
        order = sampler(order, 0)
        index = order % 100
        assert np.bincount(np.digitize(index, [10, 40]), minlength=3).tolist() == [25, 25, 50]
        # The first set is drawn two or three times, all others at most once.
        assert np.bincount(index[index < 10]).min() == 2
        assert np.bincount(index[index >= 10]).max() == 1
        assert set(order // 300) == {epoch}
        numbers |= set(order.tolist())
    assert len(numbers) == 400
    np.testing.assert_array_equal(EpochOrderSampler(3, (10, 90))(np.arange(100), 0),
                                  EpochOrderSampler(3)(np.arange(100), 0))
