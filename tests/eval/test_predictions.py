from __future__ import annotations

from pathlib import Path

from data.mpii.hdf5 import read_hdf5, read_predictions, save_predictions, to_hdf5
from data.person import Person, PersonDataset
from eval import evaluate
from eval.pckh import pckh
from hourglass.crop import Square
from hourglass.errors import InputError
from hourglass.joints import MPII
from tests.refusal import refusal

import h5py
import numpy as np
import pytest

N = 5


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 400, (N, 16, 2))


@pytest.fixture
def annotations(tmp_path: Path, points: np.ndarray) -> Path:
    """Annotations equal to ``points``; the left wrist is not annotated, heads are 10 pixels."""
    labelled = np.arange(16) != 15
    people = [Person('a.jpg', p.astype(np.float32), labelled, labelled, Square(*p[6].tolist(), 200.0), 10.0)
              for p in points]
    to_hdf5(PersonDataset('some', MPII, people, tmp_path), tmp_path / 'annotations.h5')
    return tmp_path / 'annotations.h5'


def test_the_file_holds_x_and_y_and_can_be_read(tmp_path: Path, points: np.ndarray) -> None:
    save_predictions(tmp_path / 'p.h5', points)
    np.testing.assert_array_equal(read_predictions(tmp_path / 'p.h5'), points)
    with h5py.File(tmp_path / 'p.h5') as file:
        assert list(file) == ['preds']
        np.testing.assert_array_equal(file['preds'][()], points[..., ::-1])


def test_scores_of_a_file(tmp_path: Path, points: np.ndarray, annotations: Path) -> None:
    points[0, 3, 1] += 4.9
    points[1, 3, 0] += 5.1
    points[:, 15] += 100
    save_predictions(tmp_path / 'p.h5', points)
    people = read_hdf5(annotations)
    for score in (evaluate(predictions=tmp_path / 'p.h5', annotations=annotations).score,
                  pckh(points, people.points, people.labelled, people.head_size)):
        assert score.count.tolist() == [N] * 15 + [0]
        assert score.correct.tolist() == [N] * 3 + [N - 1] + [N] * 11 + [0]


def test_people_without_any_joint_keep_their_row(tmp_path: Path, points: np.ndarray, annotations: Path) -> None:
    with h5py.File(annotations, 'a') as file:
        file['part'][0], file['visible'][0] = 0, 0
    save_predictions(tmp_path / 'p.h5', points)
    score = evaluate(predictions=tmp_path / 'p.h5', annotations=annotations).score
    assert score.correct.tolist() == [N - 1] * 15 + [0]


def test_different_numbers_of_people(tmp_path: Path, points: np.ndarray, annotations: Path) -> None:
    save_predictions(tmp_path / 'p.h5', points[:3])
    with pytest.raises(InputError, match=r'p\.h5: 3 people, but .*annotations\.h5 has 5'):
        evaluate(predictions=tmp_path / 'p.h5', annotations=annotations)


@pytest.mark.parametrize(('value', 'reason'), [
    (np.zeros((N, 14, 2)), "'preds' has shape (5, 14, 2)"),
    (np.full((N, 16, 2), b'x'), 'numbers'),
    (np.where(np.arange(2) == 1, np.nan, np.ones((N, 16, 2))), '80 of 80 joints are not finite'),
    (None, "has no 'preds'"),
])
def test_files_that_cannot_be_used(tmp_path: Path, value: np.ndarray | None, reason: str) -> None:
    with h5py.File(tmp_path / 'p.h5', 'w') as file:
        file['other' if value is None else 'preds'] = np.zeros(3) if value is None else value
    assert reason in refusal(read_predictions, tmp_path / 'p.h5')
