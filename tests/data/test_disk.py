"""Numbers that do not fit the pictures: in the check of a data set, and before a training or an evaluation."""

from __future__ import annotations

import json
import re
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

POINTS = np.array([[40, 20], [47, 25], [33, 25]], float)
CORNER = np.array([[0, 0], [1, 1], [2, 1]], float)
BORDER = np.array([[0, 0], [80, 60], [40, 60.5]])
N = 20


def write(folder: Path, change: Callable[[int, np.ndarray], np.ndarray] = lambda i, points: points,
          stated: Callable[[int], Any] = lambda i: (80, 60), orientation: int = 1) -> Path:
    """Write 20 people in as many pictures of 80 x 60 as a COCO file.

    Args:
        folder: where to.
        change: gets the number of the picture and the points (x, y), and returns others.
        stated: the size in the file, by the number of the picture.
        orientation: EXIF entry.
    """
    exif = Image.Exif()
    exif[0x0112] = orientation
    for i in range(N):
        noise = np.random.default_rng(i).integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(noise).save(folder / f'{i}.jpg', exif=exif)
    (folder / 'people.json').write_text(json.dumps({
        'images': [{'id': i, 'file_name': f'{i}.jpg', 'width': stated(i)[0], 'height': stated(i)[1]}
                   for i in range(N)],
        'annotations': [{'id': i, 'image_id': i, 'category_id': 1, 'keypoints': [
            value for x, y in change(i, POINTS).tolist() for value in (x, y, 2)]} for i in range(N)],
        'categories': [{'id': 1, 'name': 'person', 'keypoints': ['nose', 'left_eye', 'right_eye']}],
    }))
    return folder / 'people.json'


def both(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return why a file is refused by its check and before a training; '' if it is not."""
    monkeypatch.setattr(sys, 'argv', ['data', 'check', 'coco-json', '--root', str(path)])
    texts = []
    for run in (main, lambda: check_image_files(COCOFileDataset(path, 'all'))):
        try:
            run()
            texts.append('')
        except InputError as caught:
            texts.append(str(caught))
    assert '\n' not in ''.join(texts)
    return texts


@pytest.mark.parametrize(('options', 'phrase'), [
    ({'stated': lambda i: (160, 120)}, r'20 of 20 images have another size than the annotations state \(the first: '
                                       r'.*0\.jpg.*160 x 120 stated, 80 x 60 in the file\)'),
    ({'orientation': 6}, '80 x 60 stated, 60 x 80 in the file'),
    ({'change': lambda i, points: 10 * points}, r'20 of 20 people have joints outside their images \(the first: .*'
                                                r'x 400, y 200 in 80 x 60 pixels\)'),
    ({'change': lambda i, points: points - 60}, 'joints outside'),
    ({'change': lambda i, points: points / [80, 60]}, '20 of 20 people have all joints within one pixel: coordinates '
                                                      r'from 0 to 1 are.*0\.jpg.*: x 0\.5, y 0\.333333\)'),
    ({'change': lambda i, points: points / [80, 60] if i % 3 == 0 else points}, '7 of 20 people have all joints'),
])
def test_wrong_numbers_are_refused(
    options: dict[str, Any], phrase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text in both(write(tmp_path, **options), monkeypatch):
        assert re.search(phrase, text)


@pytest.mark.parametrize('options', [
    {}, {'stated': lambda i: (60, 80), 'orientation': 6},  # shown upright, as it is read here
    *({'stated': lambda i, size=size: size} for size in ((None, None), (0, 0), ('80', '60'))),
    {'change': lambda i, points: CORNER}, {'change': lambda i, points: BORDER},
])
def test_right_numbers_pass(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    assert both(write(tmp_path, **options), monkeypatch) == ['', '']
    captured = capsys.readouterr()
    assert 'warning' not in captured.out
    assert captured.err == ''


@pytest.mark.parametrize(('options', 'phrase'), [
    ({'change': lambda i, points: points + 80 * (i == 7)}, '1 of 20 people have joints outside their images'),
    ({'stated': lambda i: (80, 61) if i == 7 else (80, 60)}, '1 of 20 images have another size'),
    ({'change': lambda i, points: points / 100 if i == 7 else points}, '1 of 20 people have all joints within one'),
])
def test_a_few_are_a_warning(
    options: dict[str, Any], phrase: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert both(write(tmp_path, **options), monkeypatch) == ['', '']
    for text in capsys.readouterr():
        assert phrase in text
        assert '7.jpg' in text


def test_a_damaged_picture_is_found_before_a_training(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / 'people.csv').write_text('image,nose_x,nose_y\n' + ''.join(f'{i}.jpg,40,20\n' for i in range(N)))
    dataset = CSVDataset(tmp_path / 'people.csv', 'all')
    whole = (tmp_path / '5.jpg').read_bytes()
    (tmp_path / '5.jpg').write_bytes(whole[:-2])
    check_image_files(dataset)
    (tmp_path / '5.jpg').write_bytes(whole[:len(whole) // 2])
    check_image_files(dataset, decode=False)
    with pytest.raises(InputError, match=r'5\.jpg: cannot be read .* \(1 of 20 images of people\.csv all cannot be'):
        check_image_files(dataset)
