from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.mpii import MPIIDataset
from data.mpii.dataset import MATLAB_FILES
from data.mpii.matlab import read_matlab
from hourglass.crop import Square, crop_square
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from tests.data import mpii_files
from tests.refusal import refusal

import numpy as np
import pytest


def test_splits_and_protocols(root: Path) -> None:
    def images(*arguments: str) -> list[str]:
        return [p.image for p in MPIIDataset(root, *arguments).people]

    assert images('train') == ['a.jpg', 'c.jpg']
    assert images('val', 'all') == ['b.jpg', 'b.jpg', 'd.jpg']
    assert images('val') == ['b.jpg', 'd.jpg']
    assert images('trainval') == ['a.jpg', 'b.jpg', 'b.jpg', 'c.jpg', 'd.jpg']
    person = MPIIDataset(root, 'val').people[0]
    assert np.flatnonzero(person.labelled).tolist() == [2, 3], 'the first usable person of the image'


def test_an_example_is_an_image_and_a_person(root: Path) -> None:
    dataset = MPIIDataset(root, 'train')
    image, first = dataset[0]
    assert (image.shape, image.dtype) == ((3, 90, 120), np.float32)
    assert first.points.shape == (16, 2)
    assert first.points.dtype == np.float32
    assert crop_square(first.location, ModelSpec()).side == 500
    assert first.reference_length == pytest.approx(.6 * np.hypot(240, 40))


@pytest.mark.parametrize('place', MATLAB_FILES)
def test_annotations_may_stay_where_the_archive_puts_them(tmp_path: Path, place: str) -> None:
    mpii_files.write_release(tmp_path / place)
    assert len(MPIIDataset(tmp_path, 'trainval')) == 5


def test_unknown_splits_and_no_annotations(root: Path, tmp_path: Path) -> None:
    for arguments, reason in ((('test',), "no split 'test'"), (('val', 'some'), "no protocol 'some'")):
        with pytest.raises(InputError, match=reason):
            MPIIDataset(root, *arguments)
    with pytest.raises(InputError, match=r'mpii_human_pose_v1_u12_1\.mat: no such file; "python -m data check mpii"'):
        MPIIDataset(tmp_path)


@pytest.mark.parametrize('people', [
    [mpii_files.RELEASE[1]], [('a.jpg', 1, mpii_files.person([mpii_files.point(16, 1.0, 2.0), *mpii_files.BODY]))]])
def test_no_person_or_a_joint_that_mpii_does_not_have(root: Path, people: list[Any]) -> None:
    mpii_files.write_release(root / MATLAB_FILES[0], people)
    refusal(read_matlab, root / MATLAB_FILES[0])


def test_people_of_the_sample_file(shared: Callable[[str], Path], root: Path) -> None:
    shutil.copyfile(shared('mpii/annot/mpii_sample_v1_u12_1.mat'), root / MATLAB_FILES[0])
    people = MPIIDataset(root, 'trainval').people
    assert [p.image[:9] for p in people] == ['025508722', '031130770', '059865848', '078618267', '078618267']
    assert [int(p.labelled.sum()) for p in people] == [14, 13, 16, 16, 16]
    assert crop_square(people[0].location, ModelSpec()) == Square(330 + 15 * 2.5, 560, 625)
    assert people[0].reference_length == pytest.approx(.6 * np.hypot(110, 80))
    assert not people[0].labelled[[10, 11]].any()
    assert people[2].visible[[8, 9]].all(), 'no entry means visible'
    assert not people[1].visible[[3, 6, 9, 12]].any(), 'a text "0" is not visible'
