"""The layouts of the outputs of detectors in ONNX files: one table, and the recognition of a layout.

Sources: the exports of Ultralytics (YOLOv5, YOLOv8 to YOLO26, RT-DETR), of YOLOv6, YOLOv7 and YOLOv10, of YOLOX
(arXiv:2107.08430), of RT-DETR (arXiv:2304.08069) and D-FINE, and of Transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from hourglass.detection.inputs import DetectorInput, letterbox, letterbox_bgr, stretch
from hourglass.detection.outputs import (
    LARGEST_SHARE,
    Detections,
    Sample,
    from_corners,
    from_middles,
    is_within,
    to_corners,
)

import numpy as np

#: Boxes with a score below this are left out.
LOWEST_SCORE = 0.05

# YOLOX gives the logarithm of the sides, in cells: e ** 10 cells are larger than any input.
_LARGEST_LOGARITHM = 10.0
_FEWEST_BOXES = 21  # in an input of 32 by 32 pixels
_MASK_NUMBERS = 32


@dataclass(frozen=True)
class Layout:
    """What the outputs of one family of detectors mean.

    Attributes:
        title: the family and the shapes of its outputs, for the user.
        fits: whether a sample may be of this family.
        decode: makes detections of a sample.
        prepare: brings an image into the network's input.
    """

    title: str
    fits: Callable[[Sample], bool]
    decode: Callable[[Sample], Detections]
    prepare: Callable[[np.ndarray, tuple[int, int]], DetectorInput] = letterbox


def _decode_rows(rows: np.ndarray, first: int, sample: Sample) -> Detections:
    """Return detections of rows: middle, width, height; the box's own score if ``first`` is 5; scores of the classes.

    The classes begin at column ``first``; columns after them are of masks or joints.
    """
    classes = rows[:, first:first + sample.n_names] if sample.n_names else rows[:, first:]
    return from_middles(rows[:, :4], classes, rows[:, 4] if first == 5 else 1, sample.size)


# (1, 4 + C, N), or as rows of a grid: YOLOv8 and later ones

def _is_turned(sample: Sample) -> bool:
    """Return whether the table has a box in each row, but otherwise is YOLOv8's."""
    return sample.n_anchors == 1 and sample.knows(sample.table.shape[1] - 4)


def _is_yolov8(sample: Sample) -> bool:
    length, n_boxes = sample.table.shape
    return _is_turned(sample) or (
        length >= 4 + max(1, sample.n_names) and n_boxes > length and n_boxes >= _FEWEST_BOXES)


# (1, N, 5 + C), with a score for there being anything: YOLOv5, YOLOv6, YOLOX

def _cells_of_objectness(sample: Sample) -> bool:
    """Return whether each cell of a grid has one box, with a score for there being anything."""
    return sample.table.shape[1] >= 6 and sample.n_anchors == 1 and not _is_turned(sample)


def _has_logarithms(sample: Sample) -> bool:
    numbers = sample.table[:, :4]
    return is_within(numbers[:, 2:], -np.inf, _LARGEST_LOGARITHM) and not is_within(numbers, 0, 1)


def _has_no_objectness(sample: Sample) -> bool:
    """Return whether the score for there being anything is always one, or the boxes are shares of the input."""
    return bool((sample.table[:, 4] == 1).all()) or is_within(sample.table[:, :4], 0, 1)


def _is_yolov5(sample: Sample) -> bool:
    n_boxes, length = sample.table.shape
    if sample.n_anchors:
        return length >= 6 and sample.n_anchors > 1
    return n_boxes > length > 6 and sample.knows(length - 5)


def _decode_yolox(sample: Sample) -> Detections:
    rows, (_, strides) = sample.table.astype(np.float64), sample.grid
    cells = [np.stack(np.meshgrid(*(np.arange(ceil(n / s)) for n in sample.size[::-1])), axis=-1).reshape(-1, 2)
             for s in strides]
    steps = np.concatenate([np.full((len(c), 1), s) for c, s in zip(cells, strides, strict=True)])
    with np.errstate(over='ignore'):  # what becomes infinite is no box
        boxes = np.concatenate([rows[:, :2] + np.concatenate(cells), np.exp(rows[:, 2:4])], axis=1) * steps
        scores = rows[:, 4:] if is_within(rows[:, 4:], 0, 1) else 1 / (1 + np.exp(-rows[:, 4:]))
    return _decode_rows(np.concatenate([boxes, scores], axis=1), 5, sample)


# Boxes after non-maximum suppression in the network

def _are_labelled(scores: np.ndarray, labels: np.ndarray, sample: Sample) -> bool:
    """Return whether these may be the scores (N,) and the numbers of the classes (N,)."""
    return (bool((labels == np.floor(labels)).all()) and is_within(labels, -1, (sample.n_names or np.inf) - 1)
            and is_within(scores, 0, 1))


def _are_corners(corners: np.ndarray, scores: np.ndarray) -> bool:
    """Return whether (N, 4) may be x_min, y_min, x_max, y_max; in pixels, those that matter."""
    seen = corners if is_within(corners, -LARGEST_SHARE, LARGEST_SHARE) else corners[scores >= LOWEST_SCORE]
    return bool((seen[:, 2:] >= seen[:, :2]).all())


def _is_nms(sample: Sample) -> bool:
    rows = sample.table
    if rows.shape[1] - 6 not in (0, _MASK_NUMBERS, sample.n_keypoint_numbers):
        return False
    return ((sample.has_nms or not sample.n_anchors) and not _is_stated_detr(sample)
            and _are_labelled(rows[:, 4], rows[:, 5], sample) and _are_corners(rows[:, :4], rows[:, 4]))


def _sevens(sample: Sample) -> np.ndarray:
    return next(iter(sample.outputs.values())).astype(np.float32)


def _is_sevens(sample: Sample) -> bool:
    rows = _sevens(sample)
    return (len(sample.outputs) == 1 and rows.ndim == 2 and rows.shape[1] == 7 and not rows[:, 0].any()
            and _are_labelled(rows[:, 6], rows[:, 5], sample) and _are_corners(rows[:, 1:5], rows[:, 6]))


def _decode_sevens(sample: Sample) -> Detections:
    rows = _sevens(sample)
    return from_corners(rows[:, 1:5], rows[:, 5], rows[:, 6], sample.size)


# RT-DETR and similar networks

def _is_stated_detr(sample: Sample) -> bool:
    return 'detr' in sample.description or 'deim' in sample.description


def _is_detr_table(sample: Sample) -> bool:
    rows = sample.table
    return (len(rows) > 0 and sample.knows(rows.shape[1] - 4) and not sample.n_anchors
            and is_within(rows[:, :4], -LARGEST_SHARE, LARGEST_SHARE) and is_within(rows[:, 4:], 0, 1)
            and not (sample.has_nms and _is_nms(sample)) and not _is_detr_labelled(sample))


def _is_detr_labelled(sample: Sample) -> bool:
    rows = sample.table
    if rows.shape[1] != 6 or not rows.any() or not is_within(rows[:, :4], -LARGEST_SHARE, LARGEST_SHARE):
        return False
    return _are_labelled(rows[:, 4], rows[:, 5], sample) and (
        _is_stated_detr(sample) or not (sample.has_nms or _are_corners(rows[:, :4], rows[:, 4])))


def _decode_detr_labelled(sample: Sample) -> Detections:
    rows = sample.table.astype(np.float64)
    return from_corners(to_corners(rows[:, :4]), rows[:, 5], rows[:, 4], sample.size)


def _roles(sample: Sample) -> dict[str, np.ndarray]:
    """Return labels (1, N), boxes (1, N, 4) and scores (1, N), by the kinds of the outputs; nothing if one lacks."""
    roles: dict[str, np.ndarray] = {}
    for output in sample.outputs.values():
        role = 'boxes' if output.ndim == 3 else 'labels' if np.issubdtype(output.dtype, np.integer) else 'scores'
        roles[role] = output
    if len(sample.outputs) != 3 or len(roles) != 3 or roles['boxes'].shape != (*roles['labels'].shape, 4) or (
            roles['scores'].shape != roles['labels'].shape or len(roles['labels']) != 1):
        return {}
    return roles


def _decode_roles(sample: Sample) -> Detections:
    roles = _roles(sample)
    return from_corners(roles['boxes'][0], roles['labels'][0], roles['scores'][0], sample.size)


def _is_transformers(sample: Sample) -> bool:
    if set(sample.outputs) != {'logits', 'pred_boxes'}:
        return False
    logits, boxes = sample.outputs['logits'].shape, sample.outputs['pred_boxes'].shape
    return len(logits) == 3 and boxes == (1, logits[1], 4) and sample.knows(logits[2])


def _decode_transformers(sample: Sample) -> Detections:
    with np.errstate(over='ignore'):
        scores = 1 / (1 + np.exp(-sample.outputs['logits'][0].astype(np.float32)))
    return from_middles(sample.outputs['pred_boxes'][0], scores, 1, sample.size)


#: The layouts that are read.
LAYOUTS = (
    Layout('YOLOv5\'s (1, boxes, 5 + classes)', _is_yolov5, lambda s: _decode_rows(s.table, 5, s)),
    Layout('YOLOv8\'s (1, 4 + classes, boxes)', _is_yolov8,
           lambda s: _decode_rows(s.table if _is_turned(s) else s.table.T, 4, s)),
    Layout('YOLOv10\'s, YOLO26\'s and nms=True\'s (1, boxes, 6)', _is_nms,
           lambda s: from_corners(s.table[:, :4], s.table[:, 5], s.table[:, 4], s.size)),
    Layout('YOLOv7\'s with --include-nms (boxes, 7)', _is_sevens, _decode_sevens),
    Layout('YOLOv6\'s (1, cells, 5 + classes)', lambda s: _cells_of_objectness(s) and _has_no_objectness(s),
           lambda s: _decode_rows(s.table, 5, s)),
    Layout('YOLOX\'s (1, cells, 5 + classes)', lambda s: _cells_of_objectness(s) and _has_logarithms(s),
           _decode_yolox, letterbox_bgr),
    Layout('YOLOX\'s with --decode_in_inference',
           lambda s: _cells_of_objectness(s) and not _has_logarithms(s) and not _has_no_objectness(s),
           lambda s: _decode_rows(s.table, 5, s), letterbox_bgr),
    Layout('RT-DETR\'s (1, queries, 4 + classes)', _is_detr_table,
           lambda s: _decode_rows(s.table, 4, s), stretch),
    Layout('RT-DETR\'s (1, queries, 6)', _is_detr_labelled, _decode_detr_labelled, stretch),
    Layout('RT-DETR\'s labels, boxes and scores', lambda s: s.has_sizes and bool(_roles(s)), _decode_roles, stretch),
    Layout('RT-DETR\'s logits and pred_boxes', _is_transformers, _decode_transformers, stretch),
)


def recognise(sample: Sample) -> Layout | None:
    """Return the layout of a network's outputs; None if none fits, or several do."""
    fitting = [layout for layout in LAYOUTS if layout.fits(sample)]
    return fitting[0] if len(fitting) == 1 else None
