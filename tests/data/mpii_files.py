"""Writing a release of annotations as the archive's MATLAB file has them, and a small data set with one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.mpii.dataset import MATLAB_FILES
from data.mpii.splits import NAMES_FILE
from hourglass.image import write_image

import numpy as np
import scipy.io

EMPTY = np.zeros((0, 0))


def structs(entries: Sequence[dict[str, Any]]) -> np.ndarray:
    """Make a MATLAB struct array; a field that an entry lacks is empty there."""
    keys = list(dict.fromkeys(key for entry in entries for key in entry))
    array = np.empty(len(entries), [(key, object) for key in keys])
    for i, entry in enumerate(entries):
        array[i] = tuple(entry.get(key, EMPTY) for key in keys)
    return array


def point(joint: int, x: float, y: float, visible: Any = 1) -> dict[str, Any]:
    return {'x': x, 'y': y, 'id': joint, 'is_visible': visible}


def person(points: Sequence[dict[str, Any]] | None, scale: Any = 2.0, **changed: Any) -> dict[str, Any]:
    listed = {} if points is None else {'annopoints': {'point': structs(points)} if points else EMPTY}
    return {'x1': 10.0, 'y1': 20.0, 'x2': 40.0, 'y2': 60.0, 'scale': scale, 'objpos': {'x': 100.0, 'y': 80.0},
            **listed, **changed}


BODY = [point(6, 50.0, 70.0), point(7, 52.0, 40.0, 0)]

#: image, whether it is for training, people.
RELEASE: list[tuple[str, int, Any]] = [
    # A single person, so a struct and not a list; some numbers are stored as 8-bit integers.
    ('a.jpg', 1, person([point(0, 5.5, 7.25), point(9, 60.0, 30.0, EMPTY), point(15, 0.0, 12.0, 0)],
                        x1=np.uint8(250), x2=np.uint8(10))),
    ('test.jpg', 0, person(BODY)),
    ('empty.jpg', 1, EMPTY),
    # The first usable person is the second; the third is usable too.  Texts say what is visible.
    ('b.jpg', 1, structs([person([]), person([point(2, 1.0, 2.0, '0'), point(3, 3.0, 4.0, '1')], scale=1.5),
                          person(BODY)])),
    ('without-points.jpg', 1, person(None)),
    # Lone points, and people without a position or a scale, are left out.
    ('c.jpg', 1, structs([person([point(1, 9.0, 9.0)]), person(BODY, objpos=EMPTY), person(BODY, scale=EMPTY),
                          person(BODY, scale=0.0),
                          person([point(4, 0.0, 0.0), point(5, 8.0, 9.0)], x1=EMPTY)])),
    ('d.jpg', 1, person(BODY)),
]


def write_release(path: Path, entries: Sequence[tuple[str, int, Any]] = RELEASE) -> None:
    images = [{'image': {'name': name}, 'annorect': people, 'vididx': EMPTY} for name, _, people in entries]
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {'RELEASE': {'annolist': structs(images), 'version': '12',
                                        'img_train': np.array([training for _, training, _ in entries])}})


def write_set(folder: Path) -> Path:
    """Write a data root with two validation images, b.jpg and d.jpg."""
    write_release(folder / MATLAB_FILES[0])
    (folder / NAMES_FILE).parent.mkdir()
    (folder / NAMES_FILE).write_text('d.jpg\nb.jpg\nb.jpg\n')
    for name in 'abcd':
        write_image(folder / 'images' / f'{name}.jpg', np.full((3, 90, 120), 128, np.float32))
    return folder
