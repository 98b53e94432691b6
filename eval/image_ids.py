"""Which image an entry of a file of results belongs to, whatever program wrote the file.

COCO's results name an image by its number in the annotations. Others write the number as text or as 1.0, or the name
of the file, with or without folder and ending; this project's demo_multi_person.py writes ``file_name`` beside
``image_id``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from hourglass.json_table import Table

import numpy as np


def as_whole(value: Any) -> int | None:
    """Return a whole number that may be written as 1, 1.0 or "1"; ``None`` for anything else."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
    is_whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    return int(value) if is_whole and abs(value) < 2 ** 63 else None


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in PurePosixPath(name.replace('\\', '/')).parts if part != '/')


class _Images:
    """The images of an annotations file.

    Args:
        images: names by id.
    """

    def __init__(self, images: Mapping[int, str]) -> None:
        self.ids = set(images)
        self._by_name: dict[str, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        self._by_number: dict[int, list[int]] = defaultdict(list)
        for image_id, name in images.items():
            parts = _parts(name)
            self._by_name[parts[-1]].append((image_id, parts))
            stem = PurePosixPath(parts[-1]).stem
            self._by_stem[stem].append(image_id)
            if (number := as_whole(stem)) is not None:
                self._by_number[number].append(image_id)

    def named(self, name: str) -> list[int]:
        """Return the images with this file name; folders must agree as far as both names have them."""
        parts = _parts(name)
        found = self._by_name.get(parts[-1], []) if parts else []
        return [i for i, other in found if all(a == b for a, b in zip(reversed(parts), reversed(other), strict=False))]

    def numbered(self, number: int) -> list[int]:
        """Return the images whose file name is this number."""
        return self._by_number.get(number, [])

    def find(self, value: Any) -> list[int]:
        """Return the images that an ``image_id`` can mean: by number, by file name, by file name without ending."""
        number = as_whole(value)
        by_number = [number] if number is not None and number in self.ids else []
        # 000012 is rather the name of a file than the number 12.
        if not isinstance(value, str) or (by_number and value == str(number)):
            return by_number
        return self.named(value) or self._by_stem.get(value, by_number)


def find_images(table: Table, images: Mapping[int, str]) -> np.ndarray:
    """Return the image of each entry.

    Entries are found by ``file_name`` if that of any entry is known, else by ``image_id``.

    Args:
        table: the entries.
        images: names of the annotated images by their ids.

    Returns:
        (N,) int64, ids.

    Raises:
        InputError: the image of an entry is not known, or several have its name.
    """
    known = _Images(images)
    names = [row.get('file_name') for row in table.rows]
    by_name = [known.named(name) if isinstance(name, str) else [] for name in names]
    if any(by_name):
        return _unique(table, 'file_name', by_name)
    values = [row.get('image_id') for row in table.rows]
    numbers = [as_whole(value) for value in values]
    found = [known.find(value) for value in values]
    by_number = [known.numbered(number) if number is not None else [] for number in numbers]
    if values and all(by_number):
        if not all(found):  # numbers of the files' names, as Ultralytics writes them
            return _unique(table, 'image_id', by_number)
        if all(a != b for a, b in zip(found, by_number, strict=True)):
            print(f'{table.path}: image_id is read as the id in the annotations; as the number in a file name it '
                  'would be another image', file=sys.stderr)
    return _unique(table, 'image_id', found)


def _unique(table: Table, key: str, found: list[list[int]]) -> np.ndarray:
    for i, ids in enumerate(found):
        if len(ids) != 1:
            value = table.rows[i].get(key)
            table.fail(i, f'has the {key} {str(value)[:80]!r}, ' + (
                f'which {len(ids)} annotated images have' if ids else 'which is none of the annotated images')
                if value is not None else f'has no {key!r}')
    return np.array([ids[0] for ids in found], np.int64).reshape(-1)
