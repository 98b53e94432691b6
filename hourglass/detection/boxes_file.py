"""People whom another program has found, from a file in COCO's results format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from data.coco.annotations import PERSON
from data.coco.tables import Table, read_json
from data.pictures import image_id
from hourglass.errors import InputError

import numpy as np


class BoxesFile:
    """Boxes by picture.

    A picture is told by the number in its name, as in COCO's names, or else by its name
    (:func:`data.pictures.image_id`).

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

    @staticmethod
    def _key(table: Table, row: int, value: Any) -> int | str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == '':
            table.fail(row, f"has 'image_id' {str(value)[:40]!r}, neither a whole number nor the name of a file")
        return image_id(value)

    def boxes_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes (N, 4) and scores (N,) of a picture by its file's name; none if the file has none."""
        nobody = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        return self._found.get(image_id(name), nobody)

    def has_any(self, names: Iterable[str]) -> bool:
        """Say whether there are boxes of one of these pictures."""
        return any(image_id(name) in self._found for name in names)

    def detect(self, images: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Raise ``InputError``: which boxes belong to an image is known by its name alone (:meth:`boxes_of`)."""
        raise InputError(f'{self.path}: boxes from a file are for pictures with a name')


def load(kind: str, file: str | None, gpu: int) -> BoxesFile:
    """Read a file of boxes."""
    assert file is not None  # hourglass.detection.parse_detector sees to it
    return BoxesFile(Path(file))
