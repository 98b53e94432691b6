"""Overlap of boxes, leaving out boxes that overlap a better one, and merging boxes of several detections.

Boxes are (y_min, x_min, y_max, x_max) in pixels, as ChainerCV has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def fuse_boxes(
    views: Sequence[tuple[np.ndarray, np.ndarray]], threshold: float,
    reliability: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the boxes that several detections in one image found (weighted boxes fusion).

    Solovyev, Wang, Gabruseva: *Weighted boxes fusion: Ensembling boxes from different object detection models*,
    arXiv:1910.13302.

    Args:
        views: boxes (N, 4) and scores (N,) of each detection, without duplicates.
        threshold: boxes with this intersection over union are of the same object.
        reliability: returns for boxes (N, 4) how much each detection counts, (N, number of detections) above 0.

    Returns:
        Boxes (M, 4) float64, each the mean of one box of each detection that has it, weighted by score and reliability;
        and scores (M,) float64, the mean over all detections, weighted by reliability, 0 for one that does not have
        it.  The best first.
    """
    boxes = np.concatenate([np.asarray(boxes, np.float64).reshape(-1, 4) for boxes, _ in views])
    scores = np.concatenate([np.asarray(scores, np.float64) for _, scores in views])
    sources = np.repeat(np.arange(len(views)), [len(scores) for _, scores in views])
    weighted = np.maximum(scores, 1e-6) * reliability(boxes)[np.arange(len(boxes)), sources]
    overlap = box_iou(boxes, boxes)
    np.fill_diagonal(overlap, 1)
    is_free = np.ones(len(boxes), bool)
    fused, fused_scores = [np.zeros((0, 4))], []
    for best in np.argsort(-weighted, kind='stable'):
        if not is_free[best]:
            continue
        same = np.flatnonzero(is_free & (overlap[best] >= threshold))
        is_free[same] = False
        # The most similar box of each detection: the first of each source after sorting.
        same = same[np.argsort(-overlap[best, same], kind='stable')]
        same = same[np.unique(sources[same], return_index=True)[1]]
        box = (weighted[same] @ boxes[same] / weighted[same].sum())[None]
        counts = reliability(box)[0]
        fused.append(box)
        fused_scores.append(scores[same] @ counts[sources[same]] / counts.sum())
    order = np.argsort(-np.array(fused_scores), kind='stable')
    return np.concatenate(fused)[order], np.array(fused_scores, np.float64)[order]
