from __future__ import annotations

from pathlib import Path

from data.mpii.dataset import MATLAB_FILES
from data.mpii.matlab import read_matlab
from hourglass.crop import Extent, crop_square
from hourglass.spec import ModelSpec
from tests.data import mpii_files

import numpy as np
import pytest


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


def test_the_people_are_kept_for_that_file_and_a_damaged_copy_is_made_anew(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    path = root / MATLAB_FILES[0]
    first = read_matlab(path)
    place, = cache.iterdir()
    place.write_bytes(place.read_bytes()[:-200])
    assert len(read_matlab(path)) == 5
    capsys.readouterr()
    for field, values in vars(read_matlab(path)).items():
        np.testing.assert_array_equal(values, getattr(first, field))
    assert capsys.readouterr().err == '', 'it was not parsed again'
    mpii_files.write_release(path, mpii_files.RELEASE[:4])
    assert len(read_matlab(path)) == 3


def test_without_a_place_to_keep_them_they_are_read_each_time(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    cache.write_text('a file where the folder should be')
    assert len(read_matlab(root / MATLAB_FILES[0])) == 5
    assert 'will be parsed again next time' in capsys.readouterr().err
