from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from data.mpii import MPIIDataset
from data.mpii.dataset import MATLAB_FILES
from hourglass.crop import Square, crop_square
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from tests.data import mpii_files

import numpy as np
import pytest
import scipy.io


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


def test_unknown_splits(root: Path) -> None:
    for arguments, reason in ((('test',), "no split 'test'"), (('val', 'some'), "no protocol 'some'")):
        with pytest.raises(InputError, match=reason):
            MPIIDataset(root, *arguments)


def test_no_annotations_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'mpii_human_pose_v1_u12_1\.mat: no such file; "python -m data check mpii"'):
        MPIIDataset(tmp_path)


@pytest.mark.parametrize('damage', ['truncated', 'no images', 'joint id'])
def test_damaged_annotations_are_one_line(root: Path, damage: str) -> None:
    path = root / MATLAB_FILES[0]
    content = path.read_bytes()
    if damage == 'no images':
        scipy.io.savemat(path, {'RELEASE': {'version': '12'}})
    elif damage == 'joint id':
        points = [mpii_files.point(16, 1.0, 2.0), *mpii_files.BODY]
        mpii_files.write_release(path, [('a.jpg', 1, mpii_files.person(points))])
    else:
        path.write_bytes(content[:len(content) // 2])
    with pytest.raises(InputError) as error:
        MPIIDataset(root, 'trainval')
    assert str(error.value).startswith(str(path))
    assert '\n' not in str(error.value)


def test_a_release_without_usable_people(tmp_path: Path) -> None:
    mpii_files.write_release(tmp_path / MATLAB_FILES[0], [mpii_files.RELEASE[1], mpii_files.RELEASE[2]])
    with pytest.raises(InputError, match='no person in a training image'):
        MPIIDataset(tmp_path)


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
