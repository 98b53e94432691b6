"""Overlap of boxes, and leaving out boxes that overlap a better one.

Boxes are (y_min, x_min, y_max, x_max) in pixels, as ChainerCV has them.
"""

from __future__ import annotations

import numpy as np


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of all pairs of boxes.

    Args:
        a: (N, 4).
        b: (M, 4).

    Returns:
        (N, M) float64 in [0, 1]; 0 for boxes without an area.
    """
    a, b = np.asarray(a, np.float64)[:, None], np.asarray(b, np.float64)[None]
    lengths = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(lengths, 0).prod(axis=2)
    total = (a[..., 2:] - a[..., :2]).prod(axis=2) + (b[..., 2:] - b[..., :2]).prod(axis=2) - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def suppress_boxes(boxes: np.ndarray, threshold: float, scores: np.ndarray) -> np.ndarray:
    """Leave out each box that overlaps a better one (non-maximum suppression).

    Args:
        boxes: (N, 4).
        threshold: a box goes if its intersection over union with a better box that stays is this or more.
        scores: (N,); of equal ones the first is better.

    Returns:
        Indices of the boxes that stay, the best first; int64.
    """
    order = np.argsort(-np.asarray(scores), kind='stable')
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[box_iou(boxes[best:best + 1], boxes[order])[0] < threshold]
    return np.array(kept, np.int64)
