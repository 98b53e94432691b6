"""Numbers that do not fit the pictures: in the check of a data set, and before a training or an evaluation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.__main__ import main
from data.custom import COCOFileDataset, CSVDataset
from data.disk import check_image_files
from hourglass.errors import InputError

import numpy as np
import pytest
from PIL import Image

JOINTS = ['nose', 'left_eye', 'right_eye']
POINTS = np.array([[40, 20], [47, 25], [33, 25]], float)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write 20 people in as many pictures as a COCO file; ``change`` gets the number of the picture, and the points."""
    def make(change: Callable[[int, np.ndarray], np.ndarray] = lambda i, points: points,
             stated: tuple[int, int] | Callable[[int], Any] = (80, 60), orientation: int = 1) -> Path:
        exif = Image.Exif()
        exif[0x0112] = orientation
        for i in range(20):
            noise = np.random.default_rng(i).integers(0, 256, (60, 80, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / f'{i}.jpg', exif=exif)
        sizes = [stated(i) if callable(stated) else stated for i in range(20)]
        (tmp_path / 'people.json').write_text(json.dumps({
            'images': [{'id': i, 'file_name': f'{i}.jpg', 'width': sizes[i][0], 'height': sizes[i][1]}
                       for i in range(20)],
            'annotations': [{'id': i, 'image_id': i, 'category_id': 1, 'keypoints': [
                value for x, y in change(i, POINTS).tolist() for value in (x, y, 2)]} for i in range(20)],
            'categories': [{'id': 1, 'name': 'person', 'keypoints': JOINTS}],
        }))
        return tmp_path / 'people.json'

    return make


@pytest.fixture
def error(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Return why a file is refused, by its check and before a training alike; '' if it is not."""
    def refuse(path: Path) -> str:
        monkeypatch.setattr(sys, 'argv', ['data', 'check', 'coco-json', '--root', str(path)])
        texts = []
        for run in (main, lambda: check_image_files(COCOFileDataset(path, 'all'))):
            try:
                run()
                texts.append('')
            except InputError as caught:
                texts.append(str(caught))
        checked, trained = texts
        assert '\n' not in checked + trained
        assert bool(checked) == bool(trained)
        assert checked.count(' of ') == trained.count(' of ')
        return checked

    return refuse


def test_a_right_set(write: Write, error: Callable[[Path], str], capsys: pytest.CaptureFixture[str]) -> None:
    assert error(write()) == ''
    captured = capsys.readouterr()
    assert 'warning' not in captured.out
    assert captured.err == ''


def test_sizes_of_pictures_that_were_made_smaller(write: Write, error: Callable[[Path], str]) -> None:
    text = error(write(stated=(160, 120)))
    assert '20 of 20 images have another size than the annotations state (the first: ' in text
    assert '0.jpg' in text
    assert '160 x 120 stated, 80 x 60 in the file)' in text


def test_sizes_of_pictures_that_are_turned(write: Write, error: Callable[[Path], str]) -> None:
    """Programs for annotation show a picture upright, as it is read here."""
    assert error(write(stated=(60, 80), orientation=6)) == ''
    assert '80 x 60 stated, 60 x 80 in the file, turned as its EXIF entry says' in error(write(orientation=6))


def test_sizes_that_the_file_does_not_state(write: Write, error: Callable[[Path], str]) -> None:
    for stated in ((None, None), (0, 0), ('80', '60')):
        assert error(write(stated=stated)) == ''


def test_joints_outside(write: Write, error: Callable[[Path], str]) -> None:
    text = error(write(lambda i, points: 10 * points, (800, 600)))
    assert '60 of 60 joints lie outside their images (the first: ' in text
    assert 'x 400, y 200 in 80 x 60 pixels)' in text
    assert 'joints lie outside' in error(write(lambda i, points: points - 60))


@pytest.mark.parametrize('is_whole', [False, True])
def test_relative_coordinates(write: Write, error: Callable[[Path], str], is_whole: bool) -> None:
    def change(i: int, points: np.ndarray) -> np.ndarray:
        return points / [80, 60] if is_whole or i % 3 == 0 else points

    text = error(write(change))
    assert f'{20 if is_whole else 7} of 20 people have all joints within one pixel: coordinates from 0 to 1 are' in text
    assert '0.jpg (people.json, annotations[0]): x 0.5, y 0.333333)' in text or not is_whole


def test_a_few_are_a_warning(write: Write, error: Callable[[Path], str], capsys: pytest.CaptureFixture[str]) -> None:
    cases = {
        '3 of 60 joints lie outside': write(lambda i, points: points + 80 * (i == 7)),
    }
    assert error(next(iter(cases.values()))) == ''
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert '3 of 60 joints lie outside their images (the first: ' in text
        assert '7.jpg' in text
    assert error(write(stated=lambda i: (80, 61) if i == 7 else (80, 60))) == ''
    assert '1 of 20 images have another size' in capsys.readouterr().err
    assert error(write(lambda i, points: points / 100 if i == 7 else points)) == ''
    assert '1 of 20 people have all joints within one pixel' in capsys.readouterr().err


def test_joints_on_the_border_and_people_in_a_corner_are_right(
    write: Write, error: Callable[[Path], str], capsys: pytest.CaptureFixture[str],
) -> None:
    assert error(write(lambda i, points: np.array([[0, 0], [80, 60], [40, 60.5]]))) == ''
    assert error(write(lambda i, points: np.array([[0, 0], [1, 1], [2, 1]]))) == ''
    assert 'lie outside' not in capsys.readouterr().err


def test_a_damaged_picture_is_found_before_a_training(tmp_path: Path, write: Write) -> None:
    write()
    (tmp_path / 'people.csv').write_text('image,nose_x,nose_y\n' + ''.join(f'{i}.jpg,40,20\n' for i in range(20)))
    dataset = CSVDataset(tmp_path / 'people.csv', 'all')
    check_image_files(dataset)
    whole = (tmp_path / '5.jpg').read_bytes()
    (tmp_path / '5.jpg').write_bytes(whole[:-2])
    check_image_files(dataset)
    (tmp_path / '5.jpg').write_bytes(whole[:len(whole) // 2])
    check_image_files(dataset, decode=False)
    with pytest.raises(InputError, match=r'5\.jpg: cannot be read .* \(1 of 20 images of people\.csv all cannot be'):
        check_image_files(dataset)
