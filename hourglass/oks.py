"""Object keypoint similarity (OKS), COCO's measure of how well two poses agree, and suppression by it.

OKS is the mean over the labelled joints of ``exp(-d^2 / (2 * area * (2 * sigma)^2))``.  Here d is a joint's error in
pixels, and sigma is the spread of human annotations of that joint; see https://cocodataset.org/#keypoints-eval.
"""

from __future__ import annotations

from hourglass.joints import COCO, JointSet

import numpy as np

#: COCO's constants: standard deviation of repeated annotations, in square roots of the person's area.
_SIGMAS = {
    'nose': .026, 'eye': .025, 'ear': .035, 'shoulder': .079, 'elbow': .072, 'wrist': .062,
    'hip': .107, 'knee': .087, 'ankle': .089,
}


def sigmas_for(joint_set: JointSet) -> np.ndarray:
    """Return (K,) float64, the set's own constants or else COCO's; NaN for a joint that has neither."""
    def sigma(joint: str) -> float:
        standard = joint_set.same_as.get(joint, joint)
        return joint_set.sigmas.get(joint, _SIGMAS[standard.split()[-1]] if standard in COCO.joints else np.nan)

    return np.array([sigma(joint) for joint in joint_set.joints])


SIGMAS = sigmas_for(COCO)


def _similarity(
    difference: np.ndarray, counted: np.ndarray, areas: np.ndarray, sigmas: np.ndarray,
) -> np.ndarray:
    """Return OKS (...) from differences (..., K, 2), joints that count (..., K), and areas (...)."""
    counted = counted & np.isfinite(sigmas)
    # As in COCO's own code, so that a person without an area gives zero and not a division by it.
    scale = 2 * (2 * sigmas) ** 2 * (np.asarray(areas, np.float64)[..., None] + np.spacing(1))
    similarity = np.exp(-np.square(difference).sum(axis=-1) / scale)
    # A joint that was not found is NaN and counts as fully wrong.
    total = np.where(counted & np.isfinite(similarity), similarity, 0).sum(axis=-1)
    count = np.broadcast_to(counted, similarity.shape).sum(axis=-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def oks(
    points: np.ndarray, true_points: np.ndarray, labelled: np.ndarray, areas: np.ndarray,
    sigmas: np.ndarray = SIGMAS,
) -> np.ndarray:
    """Compare poses one by one; the leading axes of the arguments are broadcast.

    Args:
        points: (..., K, 2) predictions; NaN counts as wrong.
        true_points: (..., K, 2) annotations, in the same pixels and order.
        labelled: (..., K) bool, which joints are annotated.
        areas: (...) of the annotated people, in square pixels.
        sigmas: (K,), by default those of COCO's joints; a joint without one (NaN) does not count.

    Returns:
        (...) float64 in [0, 1]; NaN where no joint counts.
    """
    difference = np.asarray(points, np.float64) - np.asarray(true_points, np.float64)
    return np.asarray(_similarity(difference, np.asarray(labelled, bool), areas, sigmas))


def oks_matrix(
    points: np.ndarray, true_points: np.ndarray, labelled: np.ndarray, areas: np.ndarray, boxes: np.ndarray,
) -> np.ndarray:
    """Compare every prediction with every annotated person of an image, as COCO's evaluation does.

    For a person without labelled joints, the distance of the prediction from the box (extended by its size on each
    side) counts: predictions on such people are not false positives.

    Args:
        points: (D, K, 2) predictions, of COCO's joints.
        true_points: (G, K, 2) annotations.
        labelled: (G, K) bool.
        areas: (G,) in square pixels.
        boxes: (G, 4), (y0, x0, y1, x1) in pixels.

    Returns:
        (D, G) float64 in [0, 1].
    """
    points, labelled = np.asarray(points, np.float64)[:, None], np.asarray(labelled, bool)
    boxes = np.asarray(boxes, np.float64)
    size = boxes[:, 2:] - boxes[:, :2]
    low, high = (boxes[:, :2] - size)[:, None], (boxes[:, :2] + 2 * size)[:, None]
    outside = np.maximum(low - points, 0) + np.maximum(points - high, 0)
    has_joints = np.any(labelled, axis=1, keepdims=True)
    difference = np.where(has_joints[..., None], points - np.asarray(true_points, np.float64), outside)
    return np.asarray(_similarity(difference, labelled | ~has_joints, areas, SIGMAS))


def oks_nms(
    points: np.ndarray, scores: np.ndarray, areas: np.ndarray, threshold: float = 0.9,
    found: np.ndarray | None = None, sigmas: np.ndarray = SIGMAS,
) -> np.ndarray:
    """Return the poses of one image to keep: those not too similar to a better one that is kept.

    Args:
        points: (N, K, 2).
        scores: (N,), the higher the better.
        areas: (N,) in square pixels; two poses are compared by the mean of theirs.
        threshold: a pose that is more similar than this is left out.
        found: (N, K) bool; two poses are compared by the joints that both of them have, by default all.
        sigmas: (K,).

    Returns:
        Indices of the kept poses, the best first.
    """
    points, areas = np.asarray(points, np.float64), np.asarray(areas, np.float64)
    found = np.ones(points.shape[:2], bool) if found is None else np.asarray(found, bool)
    remaining = np.argsort(-np.asarray(scores), kind='stable')
    kept = []
    while len(remaining):
        best, others = remaining[0], remaining[1:]
        kept.append(best)
        similarity = oks(points[others], points[best], found[others] & found[best],
                         (areas[others] + areas[best]) / 2, sigmas)
        # Poses without a joint in common are not alike; NaN compares as such.
        remaining = others[~(similarity > threshold)]
    return np.array(kept, np.int64)


def pose_scores(box_scores: np.ndarray, joint_scores: np.ndarray) -> np.ndarray:
    """Return (N,) scores of poses: that of the box (N,) times the mean of the joints' (N, K) above zero."""
    joint_scores = np.asarray(joint_scores, np.float64)
    counts = joint_scores > 0
    total, n = np.where(counts, joint_scores, 0).sum(axis=1), counts.sum(axis=1)
    return np.asarray(box_scores) * np.divide(total, n, out=np.zeros(len(total)), where=n > 0)
