"""People whom another program has found, from a file in COCO's results format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hourglass.coco_format import PERSON, image_id
from hourglass.errors import InputError
from hourglass.json_table import Table, read_json

import numpy as np


def _with_folder(value: int | str) -> int | str:
    """Return what stands for a picture in the file: its name with the folder, or else its :func:`image_id`."""
    path = Path(str(value))
    return image_id(value) if path.name == str(path) else path.as_posix()


class BoxesFile:
    """Boxes by picture.

    A picture is told by its name with the folder, where the file has that; or else by the number in its name, as in
    COCO's names, or by its name alone (:func:`hourglass.coco_format.image_id`), unless the file has pictures of several
    folders under it: then there are no boxes of others.

    Args:
        path: a JSON list of objects with ``image_id`` (a number or the name of a file), ``category_id`` (1 for people),
            ``bbox`` (x, y, width, height in pixels) and ``score``.

    Raises:
        InputError: the file is missing, damaged, or not what it should be.
    """

    usual_threshold = 0.5

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_json(path)
        if not isinstance(content, list):
            raise InputError(f'{path}: not a list of detections (a JSON {type(content).__name__})')
        table = Table(path, 'detections', content).where('category_id', PERSON)
        x, y, width, height = table.numbers('bbox', 4).T
        with np.errstate(over='ignore'):  # what becomes infinite is nobody's box
            boxes = np.stack([y, x, y + height, x + width], axis=1).astype(np.float32)
            scores = table.numbers('score').astype(np.float32)
        rows: dict[int | str, list[int]] = {}
        for i, row in enumerate(table.rows):
            rows.setdefault(self._key(table, i, row.get('image_id')), []).append(i)
        self._found = {key: (boxes[indices], scores[indices]) for key, indices in rows.items()}
        self._keys: dict[int | str, list[int | str]] = {}
        for key in rows:
            self._keys.setdefault(image_id(key), []).append(key)

    @staticmethod
    def _key(table: Table, row: int, value: Any) -> int | str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == '':
            table.fail(row, f"has 'image_id' {str(value)[:40]!r}, neither a whole number nor the name of a file")
        return _with_folder(value)

    def _key_of(self, name: str) -> int | str | None:
        """Return the key of a picture's boxes by its file's name; ``None`` if there are none."""
        key = _with_folder(name)
        if key in self._found:
            return key
        keys = self._keys.get(image_id(name), [])
        return keys[0] if len(keys) == 1 else None

    def boxes_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes (N, 4) and scores (N,) of a picture by its file's name; none if the file has none."""
        key = self._key_of(name)
        return (np.zeros((0, 4), np.float32), np.zeros(0, np.float32)) if key is None else self._found[key]

    def has_any(self, names: Iterable[str]) -> bool:
        """Say whether there are boxes of one of these pictures."""
        return any(self._key_of(name) is not None for name in names)

    def detect(self, images: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Raise ``InputError``: which boxes belong to an image is known by its name alone (:meth:`boxes_of`)."""
        raise InputError(f'{self.path}: boxes from a file are for pictures with a name')


def load(kind: str, file: str | None, gpu: int) -> BoxesFile:
    """Read a file of boxes."""
    assert file is not None  # hourglass.detection.parse_detector sees to it
    return BoxesFile(Path(file))
