"""The outputs of detectors in ONNX files, and their common parts: grids, boxes, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, prod

import numpy as np

#: Class number of people by the number of classes, for files without names: one class, Pascal VOC, COCO.
PERSON_OF = {1: 0, 20: 14, 80: 0}
#: Boxes in shares of the input reach a little beyond 1, boxes in pixels far beyond this.
LARGEST_SHARE = 2.0
#: Numbers of the key points of a person in COCO's order: x, y and score of each.
KEYPOINT_NUMBERS = 51

# Steps in pixels between the cells of the grids whose boxes are in one table, the usual ones first.
_STRIDES = ((8, 16, 32), (16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (8, 16, 32, 64, 128))
_MOST_ANCHORS = 5


@dataclass(frozen=True)
class Sample:
    """What a network returned for some picture, and what its file states.

    Attributes:
        outputs: by their names.
        size: (height, width) of the input.
        n_names: how many classes the file names; 0 if it names none.
        description: of the network by the exporting program, in lower case.
        has_nms: the file states that the network does non-maximum suppression itself, or does not need it.
        has_sizes: the network also takes the size of the picture.
        n_keypoint_numbers: how many numbers the key points of a person are, if the file states it.
    """

    outputs: Mapping[str, np.ndarray]
    size: tuple[int, int]
    n_names: int = 0
    description: str = ''
    has_nms: bool = False
    has_sizes: bool = False
    n_keypoint_numbers: int = KEYPOINT_NUMBERS

    def knows(self, n_classes: int) -> bool:
        """Return whether there are exactly so many classes; without names, whether that is a usual number."""
        return n_classes == self.n_names if self.n_names else n_classes in PERSON_OF

    @cached_property
    def table(self) -> np.ndarray:
        """The output (1, A, B) with the boxes, as (A, B); (0, 0) if there is none, or more than one that could be it.

        Outputs with more axes are masks or intermediate results.
        """
        tables = [output for output in self.outputs.values() if output.ndim <= 3]
        if not tables or {table.shape for table in tables} != {(1, *tables[0].shape[-2:])}:
            return np.zeros((0, 0), np.float32)
        return np.asarray(tables[0][0], np.float32)

    @property
    def grid(self) -> tuple[int, tuple[int, ...]]:
        """How many boxes each cell has, and the strides, if the table's rows are all boxes of some grids; else 0."""
        n_boxes = len(self.table)
        for strides in _STRIDES:
            n_cells = sum(prod(ceil(length / stride) for length in self.size) for stride in strides)
            if n_boxes and n_boxes % n_cells == 0 and n_boxes // n_cells <= _MOST_ANCHORS:
                return n_boxes // n_cells, strides
        return 0, ()

    @property
    def n_anchors(self) -> int:
        """How many boxes each cell of a grid has; 0 if the rows are not those of a grid."""
        return self.grid[0]


@dataclass(frozen=True)
class Detections:
    """Boxes of one picture.

    Attributes:
        boxes: (N, 4), (y_min, x_min, y_max, x_max) in pixels of the input.
        labels: (N,), the numbers of their classes.
        scores: (N,).
        n_classes: how many classes there are; ``None`` if the outputs do not show it.
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    n_classes: int | None = None


def is_within(values: np.ndarray, low: float, high: float) -> bool:
    """Return whether all values that are finite are in [low, high]."""
    values = values[np.isfinite(values)]
    return bool(((values >= low) & (values <= high)).all())


def _in_pixels(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return boxes (N, 4) in pixels of the input; those that are shares of it, from 0 to 1, are multiplied."""
    return boxes * np.tile(size, 2) if is_within(boxes, -LARGEST_SHARE, LARGEST_SHARE) else boxes


def from_corners(x0y0x1y1: np.ndarray, labels: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> Detections:
    """Return detections from corners (N, 4) (x_min, y_min, x_max, y_max), labels (N,) and scores (N,)."""
    boxes = _in_pixels(x0y0x1y1[:, (1, 0, 3, 2)].astype(np.float64), size)
    labels = np.where(np.isfinite(labels), labels, -1).astype(np.int64)
    return Detections(boxes, labels, scores)


def to_corners(xywh: np.ndarray) -> np.ndarray:
    """Return corners (N, 4) (x_min, y_min, x_max, y_max) of boxes by their middle, width and height (N, 4)."""
    return np.concatenate([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2], axis=1)


def from_middles(
    xywh: np.ndarray, classes: np.ndarray, scores: np.ndarray | float, size: tuple[int, int],
) -> Detections:
    """Return detections from middle, width and height (N, 4), the classes' scores (N, C) and the boxes' own (N,)."""
    with np.errstate(invalid='ignore'):
        found = from_corners(to_corners(xywh), classes.argmax(axis=1), classes.max(axis=1) * scores, size)
    return replace(found, n_classes=classes.shape[1])
