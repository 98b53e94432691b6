"""PCKh, the score of MPII: a joint is correct within half a head size of its annotation.

Andriluka, Pishchulin, Gehler, Schiele: *2D Human Pose Estimation: New Benchmark and State of the Art Analysis*,
CVPR 2014.  The head size is 0.6 times the diagonal of the annotated head box.  ``score.table(MPII)`` gives the
usual rows, Head to Ankle, and the Total over their 14 joints; pelvis and thorax are not scored.
"""

from __future__ import annotations

from eval.score import Score, relative_errors, score_at
from hourglass.joints import MPII

import numpy as np

THRESHOLD = 0.5


def pckh(
    points: np.ndarray, true_points: np.ndarray, labelled: np.ndarray, head_sizes: np.ndarray,
    threshold: float = THRESHOLD,
) -> Score:
    """Score predictions of MPII's joints.

    Args:
        points: (N, 16, 2) predictions; NaN counts as wrong.
        true_points: (N, 16, 2) annotations, in the same pixels and order.
        labelled: (N, 16) bool, which joints are annotated.
        head_sizes: (N,) in pixels.  A person without a head size is left out.
        threshold: largest error of a correct joint, in head sizes.

    Raises:
        ValueError: these are points of another joint set, or the shapes do not fit together.
    """
    if np.shape(points)[1:] != (len(MPII), 2):
        raise ValueError(f'PCKh is for points (N, {len(MPII)}, 2), not {np.shape(points)}')
    return score_at(relative_errors(points, true_points, labelled, head_sizes), threshold)
