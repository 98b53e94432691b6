"""Boxes of another program as a detector, from a file in COCO's results format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hourglass.coco_format import PERSON, image_id
from hourglass.detection import Detector
from hourglass.errors import InputError
from hourglass.json_table import Table, read_json

import numpy as np

_NO_BOXES = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


def _with_folder(value: int | str) -> int | str:
    """Return the key of a picture: its name with the folder, or else its :func:`image_id`."""
    path = Path(str(value))
    return image_id(value) if path.name == str(path) else path.as_posix()


class BoxesFile(Detector):
    """Boxes by the name of the picture.

    A picture is looked up by its name with the folder, where the file has that; else by the number in its name, as in
    COCO's names, or by its name alone (:func:`hourglass.coco_format.image_id`). If the file has pictures of several
    folders under that name, pictures of other folders have no boxes.

    Args:
        path: a JSON list of objects with ``image_id`` (a number or the name of a file), ``category_id`` (1 for people),
            ``bbox`` (x, y, width, height in pixels) and ``score``.

    Raises:
        InputError: the file is missing, damaged, or not in this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._has_found = False
        table = Table(path, 'detections', read_json(path)).where('category_id', PERSON)
        x, y, width, height = table.numbers('bbox', 4).T
        with np.errstate(over='ignore'):  # boxes that become infinite are filtered later
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
        """Return the key of the boxes of a picture by the name of its file; None if there are none."""
        key = _with_folder(name)
        if key in self._found:
            return key
        keys = self._keys.get(image_id(name), [])
        return keys[0] if len(keys) == 1 else None

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the boxes of pictures by their names; none for a picture that the file does not have."""
        if names is None:
            raise InputError(f'{self.path}: boxes from a file need pictures with a name')
        keys = [self._key_of(name) for name in names]
        self._has_found |= any(key is not None for key in keys)
        return [_NO_BOXES if key is None else self._found[key] for key in keys]

    def complaint(self) -> str | None:
        """Report that the file has boxes of none of the pictures so far."""
        return None if self._has_found else f'{self.path}: no boxes of any of these pictures'


def load(kind: str, file: str | None, gpu: int) -> BoxesFile:
    """Read a file of boxes."""
    assert file is not None  # hourglass.detection.parse_detector demands it
    return BoxesFile(Path(file))
