from __future__ import annotations

import os
from pathlib import Path

from demos.picture_files import PictureFile, find_pictures, plan_pictures, read_pictures, result_names
from hourglass.errors import InputError

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('photos/b.jpg', 'photos/a.PNG', 'photos/notes.txt', 'photos/.hidden.jpg', 'photos/more/c.jpg',
                 'photos/x.json', 'other/b.jpg', 'other/[1].jpg', 'empty/readme.md'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()


def names(*arguments: str) -> list[str]:
    return [picture.path.as_posix() for picture in find_pictures(arguments)]


def test_files_folders_and_patterns() -> None:
    assert names('photos') == ['photos/a.PNG', 'photos/b.jpg']
    assert names('photos/*') == ['photos/a.PNG', 'photos/b.jpg']
    assert names('photos/**') == ['photos/a.PNG', 'photos/b.jpg', 'photos/more/c.jpg']
    assert names('*/b.jp?') == ['other/b.jpg', 'photos/b.jpg']
    assert names('photos/b.jpg', 'other', 'photos') == ['photos/b.jpg', 'other/[1].jpg', 'other/b.jpg', 'photos/a.PNG']
    assert names('other/[1].jpg') == ['other/[1].jpg'], 'a file of that name comes before the pattern'
    Path('loop.jpg').symlink_to('loop.jpg')
    assert names('missing.jpg', 'photos/notes.txt', 'loop.jpg') == ['missing.jpg', 'photos/notes.txt', 'loop.jpg']


def test_what_is_named_itself() -> None:
    assert [p.is_named for p in find_pictures(['photos/b.jpg', 'photos'])] == [True, False]
    assert [p.is_named for p in find_pictures(['photos/b*'])] == [False]


def test_results_of_an_earlier_run_are_no_pictures() -> None:
    for name in ('b_output.jpg', 'b_input.jpg', 'b_tiled.jpg', 'z_output.jpg'):
        Path('photos', name).touch()
    assert names('photos') == ['photos/a.PNG', 'photos/b.jpg', 'photos/z_output.jpg']
    assert names('photos/*.jpg') == ['photos/b.jpg', 'photos/z_output.jpg']
    assert names('photos/b_output.jpg') == ['photos/b_output.jpg']
    for name in ('b.gif', 'b-2_output.jpg', 'b_peaks_of.jpg', 'b-3_peaks_of.jpg'):
        Path('photos', name).touch()
    tasks = plan_pictures(['photos/b*'], [Path('photos/input.jpg'), Path('photos/peaks_of.jpg')], _nothing, [], [])
    assert [task.name for task in tasks] == ['photos/b.gif', 'photos/b.jpg']


def _nothing() -> np.ndarray:
    return np.zeros((3, 4, 4))


def test_a_pipe_is_read_once_and_a_picture_on_its_side_turned(tmp_path: Path) -> None:
    end, start = os.pipe()
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side
    with open(start, 'wb') as file:
        Image.new('RGB', (5, 4)).save(file, 'PNG', exif=exif)
    tasks = plan_pictures([f'/dev/fd/{end}'], [tmp_path / 'input.jpg'], _nothing, [], [])
    os.close(end)
    assert [image.shape for _, image in read_pictures(tasks)] == [(3, 5, 4)]


def test_pictures_are_known_by_their_content_and_unreadable_ones_by_their_ending() -> None:
    for name in ('IMG_1.HEIC', 'd.dng', 'z.avif'):
        Path('photos', name).touch()
    for name in ('c.jpg_large', 'noending'):
        Image.new('RGB', (4, 4)).save(Path('photos', name), format='JPEG')
    expected = ['IMG_1.HEIC', 'a.PNG', 'b.jpg', 'c.jpg_large', 'd.dng', 'noending', 'z.avif']
    assert names('photos') == [f'photos/{name}' for name in expected]


@pytest.mark.parametrize(('argument', 'reason'), [
    ('empty', r'empty: no pictures in this folder; empty/\*\* takes'), ('photos/*.gif', 'fits no picture'),
    ('nowhere/*', 'fits no picture'),
])
def test_nothing_to_read(argument: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        find_pictures([argument])


def pictures(*paths: str, is_named: bool = True) -> list[PictureFile]:
    return [PictureFile(Path(path), is_named) for path in paths]


def test_names_of_results() -> None:
    assert result_names(pictures('a/photo.jpg')) == ['']
    assert result_names(pictures('a/photo.jpg', is_named=False)) == ['photo_']
    assert result_names(pictures('b.jpg', 'a.jpg')) == ['b_', 'a_']
    assert result_names(pictures('x/a.jpg', 'y/A.jpg', 'a-2.jpg', 'a.png')) == ['a_', 'A-2_', 'a-2-2_', 'a-3_']
    assert result_names([]) == []


def test_the_name_of_a_picture_does_not_become_a_folder() -> None:
    with pytest.raises(InputError, match=r'^drawn\.PNG: .*folder'):
        plan_pictures([], [Path('drawn.PNG/input.jpg')], _nothing, [], [])
    Path('album.jpg').mkdir()
    task, = plan_pictures([], [Path('album.jpg/input.jpg')], _nothing, [], [])
    assert task.targets == (Path('album.jpg/input.jpg'),)
