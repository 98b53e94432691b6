"""People that a detector found, in COCO's result format: a list of image_id, category_id, bbox and score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hourglass.coco_format import PERSON
from hourglass.json_table import Table, read_json

import numpy as np


@dataclass(frozen=True)
class Detections:
    """N boxes.

    Attributes:
        image_ids: (N,) int64.
        boxes: (N, 4) float64, (y0, x0, y1, x1) in pixels of the images.
        scores: (N,) float64.
        source: the file or the detector that they are from, for messages.
    """

    image_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: np.ndarray) -> Detections:
        """Return some of the boxes, by index or by a mask (N,)."""
        return replace(self, image_ids=self.image_ids[rows], boxes=self.boxes[rows], scores=self.scores[rows])


def rows_by_image(image_ids: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each image that occurs in (N,) ids, in order."""
    if not len(image_ids):
        return []
    order = np.argsort(image_ids, kind='stable')
    return np.split(order, np.flatnonzero(np.diff(image_ids[order])) + 1)


def read_detections(path: str | Path) -> Detections:
    """Read the people of a file of detections; other categories are left out.

    Raises:
        InputError: the file is missing, damaged, or not in this format.
    """
    path = Path(path)
    table = Table(path, 'detections', read_json(path)).where('category_id', PERSON)
    return Detections(table.whole_numbers('image_id'), table.boxes(), table.numbers('score'), str(path))
