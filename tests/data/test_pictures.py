"""Pictures that are damaged, and numbers that do not fit them; tests/data/test_check.py has the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.pictures import AnnotatedPicture, check_pictures, find_faults
from hourglass.errors import InputError

import numpy as np
import pytest
from PIL import Image

Make = Callable[..., list[AnnotatedPicture]]
POINTS = np.array([[20, 40], [25, 47], [25, 33]], float)


@pytest.fixture
def pictures(tmp_path: Path) -> Make:
    """Make 20 entries for one picture of 80 x 60, each with three joints and the size that is stated."""
    def make(joints: Callable[[int], np.ndarray] = lambda i: POINTS, size: Callable[[int], Any] = lambda i: (80, 60),
             orientation: int = 1) -> list[AnnotatedPicture]:
        exif = Image.Exif()
        exif[0x0112] = orientation
        noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / 'a.jpg', exif=exif)
        return [AnnotatedPicture(tmp_path / 'a.jpg', [joints(i)], size(i)) for i in range(20)]

    return make


@pytest.mark.parametrize(('options', 'phrase'), [
    ({'size': lambda i: (160, 120)}, r'20 of 20 images have another size than the annotations state \(the first: '
                                     r'.*a\.jpg.*160 x 120 stated, 80 x 60 in the file\)'),
    ({'orientation': 6}, '80 x 60 stated, 60 x 80 in the file'),
    ({'joints': lambda i: 10 * POINTS}, r'20 of 20 people have joints outside their images \(the first: .*'
                                        r'x 400, y 200 in 80 x 60 pixels\)'),
    ({'joints': lambda i: POINTS - 60}, 'joints outside'),
    ({'joints': lambda i: POINTS / [60, 80]}, '20 of 20 people have all joints within one pixel: coordinates '
                                              r'from 0 to 1 are.*a\.jpg.*: x 0\.5, y 0\.333333\)'),
    ({'joints': lambda i: POINTS * [[1], [0], [0]]}, 'people have joints at 0, 0'),
    ({'joints': lambda i: POINTS * [[1], [0], [1]] - [[0], [1], [0]]}, 'people have joints at 0, 0 or -1, -1'),
    ({'joints': lambda i: POINTS / [60, 80] if i % 3 == 0 else POINTS}, '7 of 20 people have all joints'),
])
def test_wrong_numbers_are_refused(pictures: Make, options: dict[str, Any], phrase: str) -> None:
    faults = find_faults(pictures(**options), is_upright=True, decode=False)
    assert re.search(phrase, '; '.join(faults.problems))
    with pytest.raises(InputError, match=phrase):
        check_pictures(pictures(**options), 'mine', is_upright=True, decode=False)


@pytest.mark.parametrize('options', [
    {}, {'size': lambda i: (60, 80), 'orientation': 6}, {'size': lambda i: None},  # shown upright, as it is read here
    {'joints': lambda i: np.array([[0., 0], [1, 1], [1, 2]])}, {'joints': lambda i: np.array([[0, 0], [60.5, 80]])},
])
def test_right_numbers_pass(pictures: Make, options: dict[str, Any]) -> None:
    faults = find_faults(pictures(**options), is_upright=True, decode=False)
    assert (faults.problems, faults.warnings) == ([], [])


@pytest.mark.parametrize(('options', 'phrase'), [
    ({'joints': lambda i: POINTS + 80 * (i == 7)}, '1 of 20 people have joints outside their images'),
    ({'size': lambda i: (80, 61) if i == 7 else (80, 60)}, '1 of 20 images have another size'),
    ({'joints': lambda i: POINTS / 100 if i == 7 else POINTS}, '1 of 20 people have all joints within one'),
])
def test_a_few_are_a_warning(
    pictures: Make, options: dict[str, Any], phrase: str, capsys: pytest.CaptureFixture[str],
) -> None:
    check_pictures(pictures(**options), 'mine', decode=False)
    assert capsys.readouterr().err.startswith(f'mine: {phrase}')


def test_a_damaged_picture_is_found_by_decoding(pictures: Make) -> None:
    found = pictures()
    path = found[0].path
    whole = path.read_bytes()
    path.write_bytes(whole[:-2])
    check_pictures(found, 'mine')
    path.write_bytes(whole[:len(whole) // 2])
    check_pictures(found, 'mine', decode=False)
    with pytest.raises(InputError, match=r'a\.jpg: cannot be read .* \(20 of 20 images of mine cannot be used\)'):
        check_pictures(found, 'mine')
