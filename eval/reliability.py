"""Whether scores say how often a joint is right, and how to make them say so.

Guo, Pleiss, Sun, Weinberger: *On Calibration of Modern Neural Networks*, ICML 2017, section 2 (reliability diagrams and
the expected calibration error) and section 4.1 (isotonic regression).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hourglass.errors import InputError
from hourglass.files import atomic_write

import numpy as np

_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Joints sorted by their scores and cut into bins of equal numbers.

    Attributes:
        scores: (B,) mean score of each bin, rising.
        rates: (B,) share of its joints that are right.
        counts: (B,) number of its joints.
    """

    scores: np.ndarray
    rates: np.ndarray
    counts: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: how far score and share are apart, as a mean over the joints."""
        return float(np.average(abs(self.scores - self.rates), weights=self.counts))

    def to_dict(self) -> dict[str, Any]:
        """Describe the bins for JSON."""
        return {'expected_calibration_error': self.error, 'scores': self.scores.tolist(),
                'rates': self.rates.tolist(), 'counts': self.counts.tolist()}


def reliability(scores: np.ndarray, right: np.ndarray, n_bins: int = _BINS) -> Reliability:
    """Sort joints by their scores.

    Args:
        scores: (M,) in [0, 1], at least one.
        right: (M,) bool, which joints are right.
        n_bins: number of bins, at most M.
    """
    order = np.argsort(scores, kind='stable')
    parts = [part for part in np.array_split(order, n_bins) if len(part)]
    return Reliability(np.array([scores[part].mean() for part in parts]),
                       np.array([right[part].mean() for part in parts]), np.array([len(part) for part in parts]))


def fit_confidence(heights: np.ndarray, right: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return the table (``ModelSpec.confidence``) that makes scores of the heights of heatmaps.

    Args:
        heights: (M,) largest values of heatmaps, in [0, 1], at least one.
        right: (M,) bool, which joints are right.
    """
    from scipy.optimize import isotonic_regression

    bins = reliability(heights, right)
    rates = isotonic_regression(bins.rates, weights=bins.counts.astype(float)).x
    points: list[tuple[float, float]] = []
    for height, rate in zip(bins.scores.tolist(), rates.tolist(), strict=True):
        height, rate = round(height, 4), round(min(max(rate, 0.0), 1.0), 4)
        if not points or height > points[-1][0]:
            points.append((height, rate))
    return tuple(points)


def fitted_error(heights: np.ndarray, right: np.ndarray, people: np.ndarray) -> float:
    """Return the calibration error of fitted scores: those of half of the people by what was fitted to the others.

    Args:
        heights: (M,) largest values of heatmaps.
        right: (M,) bool, which joints are right.
        people: (M,) int, whose joints they are.

    Returns:
        The mean of both halves; NaN if one of them has no joints.
    """
    is_even = people % 2 == 0
    errors = []
    for part in (is_even, ~is_even):
        if not part.any() or part.all():
            return float('nan')
        x, y = np.array(fit_confidence(heights[~part], right[~part])).T
        errors.append(reliability(np.interp(heights[part], x, y), right[part]).error)
    return sum(errors) / 2


def plot_reliability(found: Reliability, title: str, path: str | os.PathLike) -> None:
    """Draw the share of joints that are right over their scores.

    Raises:
        InputError: the picture cannot be written.
    """
    import matplotlib as mpl
    mpl.use('Agg')
    from matplotlib import pyplot as plt

    figure, (curve, joints) = plt.subplots(2, 1, figsize=(4.5, 5.6), sharex=True, height_ratios=(3, 1))
    try:
        curve.plot([0, 1], [0, 1], color='0.7', linestyle='--', label='score = share')
        curve.plot(found.scores, found.rates, 'o-', label=f'measured; {found.error:.3f} off in the mean')
        curve.set(ylabel='share of joints that are right', ylim=(0, 1), xlim=(0, 1))
        curve.set_title(title, fontsize=8)
        curve.legend(fontsize=8)
        edges = np.concatenate([[0], (found.scores[1:] + found.scores[:-1]) / 2, [1]])
        joints.stairs(found.counts / np.maximum(np.diff(edges), 1e-6) / found.counts.sum(), edges, fill=True, alpha=.5)
        joints.set(xlabel='score', ylabel='joints')
        joints.set_yticks([])
        for axis in (curve, joints):
            axis.grid(alpha=.4)
        figure.tight_layout()
        with atomic_write(path) as partial:
            try:
                figure.savefig(partial, dpi=110)
            except ValueError as error:
                raise InputError(f'{path}: {error}') from None
    finally:
        plt.close(figure)
