"""Samples that other processes prepare are the same, in the same order, from every place in a training."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

from data.augment import Augmentation
from data.lsp import LSPDataset
from data.sampling import EpochOrderSampler, SampleIterator, TrainingDataset
from data.transform import TrainTransform
from hourglass.spec import ModelSpec

import numpy as np
import pytest
from chainer.iterators import SerialIterator
from chainer.serializers import DictionarySerializer, NpzDeserializer

SPEC = ModelSpec(n_stack=1, width=8, layer_num=1, joints='lsp', out_channels=14, input_size=(32, 32))


@pytest.fixture
def dataset(people_folder: Path) -> TrainingDataset:
    return TrainingDataset(LSPDataset(people_folder, 'train-fit'), TrainTransform(SPEC, Augmentation()), 3)


def _assert_equal(a: list, b: list) -> None:
    assert len(a) == len(b)
    for sample, other in zip(a, b, strict=True):
        for x, y in zip(sample, other, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize('n_loaders', [0, 1, 3])
def test_batches_are_those_of_chainers_iterator(dataset: TrainingDataset, n_loaders: int) -> None:
    expected = SerialIterator(dataset, 5, order_sampler=EpochOrderSampler(3))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        # Python 3.12 warns of any thread beside a fork, of which pytest's process may have some by now.
        warnings.filterwarnings('ignore', 'This process .* is multi-threaded', DeprecationWarning)
        iterator = SampleIterator(dataset, 5, EpochOrderSampler(3), n_loaders)
        try:
            for _ in range(9):
                _assert_equal(iterator.next(), expected.next())
                assert (iterator.epoch, iterator.current_position, iterator.is_new_epoch, iterator.epoch_detail) == (
                    expected.epoch, expected.current_position, expected.is_new_epoch, expected.epoch_detail)
                assert len(iterator.indices) == 5
        finally:
            iterator.finalize()


@pytest.mark.parametrize(('before', 'after'), [(0, 2), (2, 0), (2, 1)])
def test_a_state_is_taken_up_with_another_number_of_loaders(
    dataset: TrainingDataset, before: int, after: int,
) -> None:
    first = SampleIterator(dataset, 5, EpochOrderSampler(3), before)
    second = SampleIterator(dataset, 5, EpochOrderSampler(3), after)
    try:
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
    finally:
        first.finalize()
        second.finalize()


class _Noted:
    """Samples that leave a file when they are prepared.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, i: int) -> tuple[int]:
        (self.folder / str(i)).touch()
        return (i,)


@pytest.mark.parametrize(('loaders', 'prepared'), [(0, 4), (2, 16)])
def test_loaders_work_while_the_training_computes(tmp_path: Path, loaders: int, prepared: int) -> None:
    iterator = SampleIterator(_Noted(tmp_path), 4, EpochOrderSampler(0), loaders)
    try:
        iterator.next()
        # Three batches more than the one that was asked for.
        for _ in range(3000):
            if len(list(tmp_path.iterdir())) >= prepared:
                break
            time.sleep(0.02)
        assert len(list(tmp_path.iterdir())) == prepared
    finally:
        iterator.finalize()


class _WithError:
    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> tuple[int]:
        if i == 13:
            raise ValueError('sample 13')
        return (i,)


@pytest.mark.parametrize('n_loaders', [0, 2])
def test_an_error_in_a_sample_leaves_the_position(n_loaders: int) -> None:
    iterator = SampleIterator(_WithError(), 2, EpochOrderSampler(0), n_loaders)
    try:
        # Sample 13 is the last of the first epoch.
        for _ in range(3):
            iterator.next()
        for _ in range(2):
            with pytest.raises(ValueError, match='sample 13'):
                iterator.next()
            assert iterator.current_position == 6
        iterator.position = iterator.position
        with pytest.raises(ValueError, match='sample 13'):
            iterator.next()
    finally:
        iterator.finalize()
