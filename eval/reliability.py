"""Reliability of scores: whether a score is the probability that a joint is correct, and calibration.

Guo, Pleiss, Sun, Weinberger: *On Calibration of Modern Neural Networks*, ICML 2017, section 2 (reliability diagrams and
the expected calibration error) and section 4.1 (isotonic regression).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from hourglass.errors import InputError

import numpy as np

_BINS = 15
#: No joint is certain, however many were correct.
_HIGHEST = 0.999


@dataclass(frozen=True)
class Reliability:
    """Joints sorted by their scores and cut into bins of equal numbers.

    Attributes:
        scores: (B,) mean score of each bin, rising.
        rates: (B,) share of its joints that are correct.
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


def reliability(scores: np.ndarray, correct: np.ndarray) -> Reliability:
    """Sort joints by their scores.

    Args:
        scores: (M,) in [0, 1], at least one.
        correct: (M,) bool, which joints are correct.
    """
    order = np.argsort(scores, kind='stable')
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    return Reliability(np.array([scores[part].mean() for part in parts]),
                       np.array([correct[part].mean() for part in parts]), np.array([len(part) for part in parts]))


def fit_confidence(heights: np.ndarray, correct: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return the table (``ModelSpec.confidence``) that turns peaks of heatmaps into scores.

    It begins with the score 0 for the peak 0: without a person, heatmaps are lower than for any joint of a person.

    Args:
        heights: (M,) largest values of heatmaps, in [0, 1], at least one.
        correct: (M,) bool, which joints are correct.
    """
    from scipy.optimize import isotonic_regression

    bins = reliability(heights, correct)
    rates = np.minimum(isotonic_regression(bins.rates, weights=bins.counts.astype(float)).x, _HIGHEST)
    points = [(0.0, 0.0)]
    for height, rate in zip(bins.scores.tolist(), rates.tolist(), strict=True):
        if round(height, 4) > points[-1][0]:
            points.append((round(height, 4), round(rate, 4)))
    return tuple(points)


def fitted_error(heights: np.ndarray, correct: np.ndarray, people: np.ndarray) -> float:
    """Return the calibration error of fitted scores by cross-validation: each half of the people by a fit to the other.

    Args:
        heights: (M,) largest values of heatmaps.
        correct: (M,) bool, which joints are correct.
        people: (M,) int, whose joints they are.

    Returns:
        The mean of both halves; NaN if one of them has no joints.
    """
    is_even = people % 2 == 0
    errors = []
    for part in (is_even, ~is_even):
        if not part.any() or part.all():
            return float('nan')
        x, y = np.array(fit_confidence(heights[~part], correct[~part])).T
        errors.append(reliability(np.interp(heights[part], x, y), correct[part]).error)
    return sum(errors) / 2


def calibrate(
    scores: np.ndarray, errors: np.ndarray, threshold: float, source: str, out: str | os.PathLike,
) -> str:
    """Write weights again, with scores that are the rate of correct joints.

    Args:
        scores: (N, K) of these weights without calibration, the largest values of heatmaps.
        errors: (N, K) in reference lengths (:func:`eval.score.relative_errors`), NaN where nothing is annotated.
        threshold: largest error of a correct joint.
        source: the weights, by name or as a file.
        out: the file to write.

    Returns:
        A line that gives the calibration error before and after.

    Raises:
        InputError: no joint is annotated, or the file cannot be written.
    """
    from pretrained.registry import load
    from pretrained.weights_file import holds_half_precision, save_model

    people, joints = np.nonzero(~np.isnan(errors))
    if not len(people):
        raise InputError(f'{out}: no joint is annotated, so scores cannot be calibrated')
    heights, correct = scores[people, joints], errors[people, joints] <= threshold
    model = load(source)
    spec = replace(model.spec, confidence=fit_confidence(heights, correct))
    save_model(out, model.network, spec, np.float16 if holds_half_precision(model.arrays) else np.float32)
    before, after = reliability(heights, correct).error, fitted_error(heights, correct, people)
    if np.isnan(after):
        return f'{out}: scores were {before:.3f} off in the mean; too few people to measure what they are now'
    return (f'{out}: scores are {after:.3f} off in the mean, {before:.3f} before (each half of the people with a '
            'calibration fitted to the other half)')
