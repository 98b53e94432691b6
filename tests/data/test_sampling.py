"""Samples are the same, in the same order, from every place in a training, whoever prepares them."""

from __future__ import annotations

import warnings
from pathlib import Path

from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from tests.child import wait_until

import numpy as np
import pytest
from chainer.iterators import SerialIterator
from chainer.serializers import DictionarySerializer, NpzDeserializer


def _iterator(seed: int) -> SerialIterator:
    dataset = TrainingDataset(range(10), lambda number, rng: (number, rng.random()), seed)
    return SerialIterator(dataset, 5, order_sampler=EpochOrderSampler(seed))


def test_every_epoch_has_each_sample_once_in_another_order() -> None:
    iterator = _iterator(3)
    first, second = (iterator.next() + iterator.next() for _ in range(2))
    for epoch in (first, second):
        assert sorted(index for index, _ in epoch) == list(range(10))
    assert [index for index, _ in first] != [index for index, _ in second]
    assert not {value for _, value in first} & {value for _, value in second}, 'the random changes differ too'


def test_the_seed_changes_order_and_values() -> None:
    draws = [iterator.next() + iterator.next() for iterator in map(_iterator, (0, 0, 1))]
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


def _arrays() -> TrainingDataset:
    return TrainingDataset(range(13), lambda i, rng: (np.full((3, 4), i, np.float32), rng.random(5) < 0.5), 3)


def _assert_equal(a: list, b: list) -> None:
    for sample, other in zip(a, b, strict=True):
        for x, y in zip(sample, other, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize('n_loaders', [0, 1, 3])
def test_batches_are_those_of_chainers_iterator(request: pytest.FixtureRequest, n_loaders: int) -> None:
    dataset = _arrays()
    expected = SerialIterator(dataset, 5, order_sampler=EpochOrderSampler(3))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        # Python 3.12 warns of any thread beside a fork, of which pytest's process may have some by now.
        warnings.filterwarnings('ignore', 'This process .* is multi-threaded', DeprecationWarning)
        iterator = SampleIterator(dataset, 5, EpochOrderSampler(3), n_loaders)
        request.addfinalizer(iterator.finalize)
        for _ in range(9):
            _assert_equal(iterator.next(), expected.next())
            assert (iterator.epoch, iterator.current_position, iterator.is_new_epoch, iterator.epoch_detail) == (
                expected.epoch, expected.current_position, expected.is_new_epoch, expected.epoch_detail)
            assert len(iterator.indices) == 5


def test_two_processes_get_the_samples_that_one_gets() -> None:
    dataset = TrainingDataset(range(1000), lambda number, _: number, 0)
    alone, *both = (SampleIterator(dataset, 6, EpochOrderSampler(1), part=part) for part in ((0, 1), (0, 2), (1, 2)))
    for _ in range(400):
        for iterator in (alone, *both):
            iterator.next()
            assert iterator.epoch_detail == alone.epoch_detail
        assert [len(part.indices) for part in both] == [3, 3]
        assert sorted(np.concatenate([part.indices for part in both])) == sorted(alone.indices)


@pytest.mark.parametrize(('before', 'after'), [(0, 2), (2, 0), (2, 1)])
def test_a_state_is_taken_up_with_another_number_of_loaders(
    request: pytest.FixtureRequest, before: int, after: int,
) -> None:
    first, second = (SampleIterator(_arrays(), 5, EpochOrderSampler(3), n_loaders) for n_loaders in (before, after))
    for iterator in (first, second):
        request.addfinalizer(iterator.finalize)
    for _ in range(5):
        first.next()
    second.next()
    serializer = DictionarySerializer()
    serializer.save(first)
    NpzDeserializer({key: np.array(value) for key, value in serializer.target.items()}).load(second)
    for _ in range(6):
        _assert_equal(first.next(), second.next())
        assert first.epoch_detail == second.epoch_detail
        assert first.previous_epoch_detail == second.previous_epoch_detail


@pytest.mark.parametrize(('loaders', 'prepared'), [(0, 4), (2, 16)])
def test_loaders_work_while_the_training_computes(
    request: pytest.FixtureRequest, tmp_path: Path, loaders: int, prepared: int,
) -> None:
    def leave_a_file(number: int, _: np.random.Generator) -> tuple[int]:
        (tmp_path / str(number)).touch()
        return (number,)

    dataset = TrainingDataset(range(1000), leave_a_file, 0)
    iterator = SampleIterator(dataset, 4, EpochOrderSampler(0), loaders)
    request.addfinalizer(iterator.finalize)
    iterator.next()
    # Three batches more than the one that was asked for.
    wait_until(lambda: len(list(tmp_path.iterdir())) >= prepared)
    assert len(list(tmp_path.iterdir())) == prepared


@pytest.mark.parametrize('n_loaders', [0, 2])
def test_an_error_in_a_sample_leaves_the_position(request: pytest.FixtureRequest, n_loaders: int) -> None:
    # Sample 5 is the last of the first epoch: the others are 1 / (5 - number).
    dataset = TrainingDataset(range(8), lambda number, _: (1 / (5 - number),), 0)
    iterator = SampleIterator(dataset, 2, EpochOrderSampler(0), n_loaders)
    request.addfinalizer(iterator.finalize)
    for _ in range(3):
        iterator.next()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            iterator.next()
        assert iterator.current_position == 6
    iterator.position = iterator.position
    with pytest.raises(ZeroDivisionError):
        iterator.next()
