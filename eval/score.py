"""Count correct joints: the common part of PCK, PCKh and their tables.

A joint is correct if its distance from the annotation is at most a given fraction of a reference length (head size for
PCKh, torso for PCK).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hourglass.joints import JointSet

import numpy as np

#: Characters of a line of a table; more columns continue below.
_TABLE_WIDTH = 120


@dataclass(frozen=True)
class Score:
    """Correct joints at one threshold.

    A rate is correct / annotated, in [0, 1], and NaN where nothing is annotated.

    Attributes:
        correct: (K,) int, how often each joint is correct.
        count: (K,) int, how often it is annotated.
    """

    correct: np.ndarray
    count: np.ndarray

    def rates(self) -> np.ndarray:
        """Return (K,) float64, the rate of each joint."""
        return np.divide(self.correct, self.count, out=np.full(len(self.count), np.nan), where=self.count > 0)

    def total(self, joints: Sequence[int]) -> float:
        """Return the rate over all annotations of the joints named."""
        chosen = list(joints)
        count = int(self.count[chosen].sum())
        return int(self.correct[chosen].sum()) / count if count else float('nan')

    def mean(self, joints: Sequence[int]) -> float:
        """Return the mean of the rates of the joints named; a joint without a rate is left out."""
        return known_mean(self.rates()[list(joints)])

    def group_rates(self, joint_set: JointSet) -> dict[str, float]:
        """Return the rate of each group, over all annotations of its joints."""
        return {name: self.total(joints) for name, joints in joint_set.group_indices.items()}

    def table(self, joint_set: JointSet) -> str:
        """Return lines of text: the groups and ``Total`` (over the joints that are in a group), in percent below."""
        rates = {**self.group_rates(joint_set), 'Total': self.total(reported_joints(joint_set))}
        width = max(len(name) for name in rates) + 2
        values = [percent(rate) for rate in rates.values()]
        titles, columns = list(rates), max(_TABLE_WIDTH // width, 1)
        return '\n'.join(''.join(f'{cell:>{width}}' for cell in row[start:start + columns])
                         for start in range(0, len(titles), columns) for row in (titles, values))

    def to_dict(self, joint_set: JointSet) -> dict[str, Any]:
        """Describe the score for JSON; a rate is null where nothing is annotated.

        ``total`` is over all annotations of the joints that are in a group, ``mean`` the mean of their rates.
        """
        reported = reported_joints(joint_set)
        groups = self.group_rates(joint_set)
        total, mean, *rates = or_null(np.array([self.total(reported), self.mean(reported), *groups.values()]))
        joints = zip(joint_set.joints, or_null(self.rates()), self.correct.tolist(), self.count.tolist(), strict=True)
        return {
            'total': total, 'mean': mean, 'groups': dict(zip(groups, rates, strict=True)),
            'joints': {name: {'rate': rate, 'correct': correct, 'count': count}
                       for name, rate, correct, count in joints},
        }


def reported_joints(joint_set: JointSet) -> list[int]:
    """Return the joints that are in a group: the ones that a total is over (for MPII, 14 of the 16)."""
    return sorted({joint for joints in joint_set.group_indices.values() for joint in joints})


def known_mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float('nan')


def percent(rate: float, sign: str = '') -> str:
    """Return a rate or a difference of rates in percent, ``-`` for NaN; ``sign`` is that of a format."""
    return '-' if np.isnan(rate) else f'{100 * rate:{sign}.1f}'


def or_null(values: np.ndarray) -> list[float | None]:
    """Return an array (N,) as a list for JSON, with null for NaN."""
    return [None if np.isnan(value) else value for value in values.tolist()]


def relative_errors(
    points: np.ndarray, true_points: np.ndarray, labelled: np.ndarray, reference_lengths: np.ndarray,
) -> np.ndarray:
    """Return the errors of predictions, in reference lengths.

    Args:
        points: (N, K, 2) predictions.
        true_points: (N, K, 2) annotations, in the same pixels and order.
        labelled: (N, K) bool.
        reference_lengths: (N,).  A person without a positive one is left out.

    Returns:
        (N, K) float64: NaN for a joint that does not count, infinity for a prediction that is NaN.

    Raises:
        ValueError: the shapes do not fit together.
    """
    points, true_points = np.asarray(points, np.float64), np.asarray(true_points, np.float64)
    labelled, lengths = np.asarray(labelled, bool), np.asarray(reference_lengths, np.float64)
    if not points.shape == true_points.shape == (*labelled.shape, 2) or labelled.shape[:1] != lengths.shape:
        raise ValueError(f'predictions {points.shape}, annotations {true_points.shape}, labels {labelled.shape} and '
                         f'reference lengths {lengths.shape} do not fit together')
    can_judge = np.isfinite(lengths) & (lengths > 0)
    errors = np.linalg.norm(points - true_points, axis=2) / np.where(can_judge, lengths, 1)[:, None]
    errors[np.isnan(errors)] = np.inf
    errors[~(labelled & can_judge[:, None])] = np.nan
    return errors


def score_at(errors: np.ndarray, threshold: float) -> Score:
    """Count the joints with an error of at most ``threshold``, from (N, K) :func:`relative_errors`."""
    return Score((errors <= threshold).sum(axis=0), (~np.isnan(errors)).sum(axis=0))


def rate_curves(errors: np.ndarray, rows: Mapping[str, Sequence[int]], thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Score (N, K) :func:`relative_errors` at T thresholds.

    Args:
        errors: (N, K).
        rows: joints to take together, by the name of the curve.
        thresholds: (T,) largest errors of a correct joint, in reference lengths.

    Returns:
        (T,) float64 for each row; NaN where nothing is annotated.
    """
    scores = [score_at(errors, threshold) for threshold in thresholds.tolist()]
    return {name: np.array([score.total(joints) for score in scores]) for name, joints in rows.items()}
