from __future__ import annotations

from data.synthetic import SyntheticDataset
from data.synthetic.dataset import SPLITS
from hourglass.crop import whole_person
from hourglass.errors import InputError
from hourglass.joints import MPII

import numpy as np
import pytest

SIZE_SMALL = (96, 96)
PELVIS, CROWN = (MPII.index(j) for j in ('pelvis', 'head top'))


@pytest.fixture(scope='module')
def dataset() -> SyntheticDataset:
    return SyntheticDataset(6, seed=3, size=SIZE_SMALL)


def test_an_entry_does_not_depend_on_the_order(dataset: SyntheticDataset) -> None:
    forwards = [dataset[i] for i in range(6)]
    np.random.seed(0)
    again = SyntheticDataset(6, seed=3, size=SIZE_SMALL)
    backwards = [again[i] for i in reversed(range(6))][::-1]
    for (image, person), (other_image, other) in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(person.points, other.points)
        assert person.image == other.image
    # A longer data set starts with the same people.
    np.testing.assert_array_equal(SyntheticDataset(100, seed=3, size=SIZE_SMALL)[5][0], forwards[5][0])


def test_seeds_splits_and_entries_differ(dataset: SyntheticDataset) -> None:
    others = [SyntheticDataset(6, seed=4, size=SIZE_SMALL),
              *(SyntheticDataset(6, seed=3, size=SIZE_SMALL, split=split) for split in ('val', 'test'))]
    points = [person.points for data in (dataset, *others) for person in data.people]
    for i, a in enumerate(points):
        assert all(np.abs(a - b).max() > 1 for b in points[:i])


def test_people_are_listed_as_they_are_drawn(dataset: SyntheticDataset) -> None:
    assert len(dataset) == len(dataset.people) == 6
    for i, listed in enumerate(dataset.people):
        image, person = dataset[i]
        assert image.dtype == np.float32
        assert image.shape == (3, *SIZE_SMALL)
        assert 0 <= image.min() < image.max() <= 255
        for field in ('points', 'labelled', 'location'):
            np.testing.assert_array_equal(getattr(listed, field), getattr(person, field))
    assert [person.image for person in dataset.people[1:6:2]] == ['000001.png', '000003.png', '000005.png']
    assert dataset.people[-1].image == '000005.png'
    with pytest.raises(IndexError):
        dataset.people[6]


def test_people_vary_in_pose_size_and_place() -> None:
    data = SyntheticDataset(60, size=(100, 140))
    people = list(data.people)
    labelled = np.stack([person.labelled for person in people])
    assert labelled.sum(axis=1).min() >= 8
    assert labelled.mean() > 0.95
    squares = np.array([whole_person(person.location) for person in people])
    assert squares[:, 2].max() > 1.5 * squares[:, 2].min()
    assert (squares[:, :2].std(axis=0) > [2, 6]).all()
    upside_down = np.mean([person.points[CROWN, 0] > person.points[PELVIS, 0] for person in people])
    assert 0 < upside_down < 0.3


def test_splits_have_their_sizes_and_errors_a_reason() -> None:
    assert {split: len(SyntheticDataset(split=split)) for split in SPLITS} == {
        'train': 20_000, 'val': 1_000, 'test': 1_000}
    with pytest.raises(InputError, match="no split 'all'"):
        SyntheticDataset(split='all')
    with pytest.raises(InputError, match='at least one person'):
        SyntheticDataset(0)
