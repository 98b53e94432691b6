from __future__ import annotations

from pathlib import Path

from data.mpii.dataset import MATLAB_FILES
from data.mpii.matlab import read_matlab
from hourglass.crop import Extent, crop_square
from hourglass.spec import ModelSpec
from tests.data import mpii_files

import numpy as np


def _joints(row: np.ndarray) -> list[int]:
    return np.flatnonzero(row).tolist()


def test_all_people_with_a_list_of_points_are_read(root: Path) -> None:
    people = read_matlab(root / MATLAB_FILES[0])
    assert people.image.tolist() == ['a.jpg', 'b.jpg', 'b.jpg', 'c.jpg', 'd.jpg']
    assert [_joints(row) for row in people.labelled] == [[0, 9, 15], [2, 3], [6, 7], [5], [6, 7]]
    assert [_joints(row) for row in people.visible] == [[0, 9], [3], [6], [5], [6]]
    np.testing.assert_array_equal(people.points[0, [0, 9, 15, 1]], [[7.25, 5.5], [30, 60], [12, 0], [0, 0]])
    np.testing.assert_allclose(people.extent[:2], [[80, 100, 400, 400], [80, 100, 300, 300]])
    squares = [crop_square(Extent(*extent), ModelSpec()) for extent in people.extent]
    np.testing.assert_allclose(squares, [[110, 100, 500], [102.5, 100, 375], *[[110, 100, 500]] * 3])
    np.testing.assert_allclose(people.head_size, [.6 * np.hypot(240, 40), 30, 30, np.nan, 30])


def test_one_image_and_one_person_are_structs_too(tmp_path: Path) -> None:
    mpii_files.write_release(tmp_path / 'one.mat', mpii_files.RELEASE[:1])
    assert read_matlab(tmp_path / 'one.mat').image.tolist() == ['a.jpg']
