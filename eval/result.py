"""The result of an evaluation: printed, written as JSON or CSV, and read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.reliability import Reliability, reliability
from eval.score import Curve, Score, joint_curve, reported_joints, score_at, score_curve
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.joints import JointSet
from hourglass.results import write_json
from hourglass.wording import counted

import numpy as np

#: A curve has this many thresholds, from 0 to the score's own.
CURVE_POINTS = 11


@dataclass(frozen=True)
class Result:
    """The score of some predictions.

    Attributes:
        title: what was evaluated: data set, number of people, whether mirror images were averaged in.
        metric: PCK or PCKh.
        threshold: largest error of a correct joint, in reference lengths.
        joint_set: the joints.
        errors: (N, K) errors in reference lengths (:func:`eval.score.relative_errors`).
        oks: (N,) object keypoint similarity of each person, NaN where it is not defined; ``None`` without any.
        scores: (N, K) the predicted joints' scores; ``None`` for predictions without.
    """

    title: str
    metric: str
    threshold: float
    joint_set: JointSet
    errors: np.ndarray
    oks: np.ndarray | None = None
    scores: np.ndarray | None = None

    @property
    def reliability(self) -> Reliability | None:
        """How often joints are right by their scores; ``None`` where there are no scores or no annotated joints."""
        rated = ~np.isnan(self.errors)
        if self.scores is None or not rated.any():
            return None
        return reliability(self.scores[rated], self.errors[rated] <= self.threshold)

    @property
    def mean_oks(self) -> float:
        """Mean OKS over the people who have one; NaN without any."""
        known = np.zeros(0) if self.oks is None else self.oks[np.isfinite(self.oks)]
        return float(known.mean()) if len(known) else float('nan')

    @property
    def score(self) -> Score:
        return score_at(self.errors, self.threshold)

    @property
    def curve(self) -> Curve:
        return score_curve(self.errors, self.joint_set, np.linspace(0, self.threshold, CURVE_POINTS))

    @property
    def joint_curve(self) -> Curve:
        return joint_curve(self.errors, self.joint_set, np.linspace(0, self.threshold, CURVE_POINTS))

    def text(self) -> str:
        """Return the table for a terminal."""
        reported = reported_joints(self.joint_set)
        n_rated = int(np.isfinite(self.score.rates()[reported]).sum())
        text = (f'{self.metric}@{self.threshold:g}, {self.title}\n{self.score.table(self.joint_set)}\n'
                f'mean over {counted(n_rated, "joint")}: {self.score.mean(reported):.3f}')
        return text if np.isnan(self.mean_oks) else f'{text}\nmean OKS: {self.mean_oks:.3f}'

    def to_dict(self) -> dict[str, Any]:
        """Describe the scores and the curves for JSON."""
        found = self.reliability
        return {
            'title': self.title, 'metric': self.metric, 'threshold': self.threshold, 'people': len(self.errors),
            **self.score.to_dict(self.joint_set),
            **({} if np.isnan(self.mean_oks) else {'oks_mean': self.mean_oks}),
            **({} if found is None else {'reliability': found.to_dict()}),
            'curve': _curve_to_dict(self.curve), 'joint_curve': _curve_to_dict(self.joint_curve)}

    def save_json(self, path: str | os.PathLike) -> None:
        """Write the scores and the curves; :func:`read_curve` reads the latter."""
        write_json(path, self.to_dict())

    def save_csv(self, path: str | os.PathLike) -> None:
        """Write one row for each joint, each group and the total: name, kind, rate, correct, annotated."""
        score = self.score
        rates = score.rates()
        with atomic_write(path) as partial, open(partial, 'w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(['name', 'kind', 'rate', 'correct', 'annotated'])
            for i, joint in enumerate(self.joint_set.joints):
                writer.writerow([joint, 'joint', *_cells(rates[i], score.correct[i], score.count[i])])
            groups = {**self.joint_set.group_indices, 'Total': reported_joints(self.joint_set)}
            for name, joints in groups.items():
                kind = 'total' if name == 'Total' else 'group'
                writer.writerow([name, kind, *_cells(
                    score.total(joints), score.correct[joints].sum(), score.count[joints].sum())])


def _curve_to_dict(curve: Curve) -> dict[str, Any]:
    rates = {name: [None if np.isnan(rate) else rate for rate in values.tolist()]
             for name, values in curve.rates.items()}
    return {'thresholds': curve.thresholds.tolist(), 'rates': rates}


def _cells(rate: float, correct: int, count: int) -> list[str]:
    return ['' if np.isnan(rate) else f'{rate:.6f}', str(correct), str(count)]


def legend(paths: Sequence[str | os.PathLike]) -> list[tuple[str, Path]]:
    """Name files in a legend: by their names, where these repeat by their folders too, and then by their endings.

    Raises:
        InputError: a file is named twice.
    """
    files = [Path(path) for path in paths]
    if not files:
        return []
    whole = [file.absolute() for file in files]
    common = os.path.commonpath([file.parent for file in whole])
    ways = [[file.stem for file in files],
            [os.path.relpath(file.with_suffix(''), common) for file in whole],
            [os.path.relpath(file, common) for file in whole]]
    if repeated := [file for file, name in zip(files, ways[-1], strict=True) if ways[-1].count(name) > 1]:
        raise InputError(f'{repeated[0]}: named twice')
    return [(next(names[i] for names in ways if names.count(names[i]) == 1), file) for i, file in enumerate(files)]


def read_curve(path: str | os.PathLike, key: str = 'curve') -> tuple[str, Curve]:
    """Read a curve of a result that :meth:`Result.save_json` wrote.

    Args:
        path: the file.
        key: ``curve``, by group of joints, or ``joint_curve``.

    Returns:
        The metric's name and the curve.

    Raises:
        InputError: the file is missing or is no such result.
    """
    try:
        value: Any = json.loads(Path(path).read_text(encoding='utf-8'))
        curve = value[key]
        thresholds = np.array(curve['thresholds'], np.float64)
        rates = {str(name): np.array([np.nan if rate is None else rate for rate in values], np.float64)
                 for name, values in curve['rates'].items()}
        metric = str(value['metric'])
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f'{path}: not a result that eval.py --json wrote') from None
    if thresholds.ndim != 1 or not rates or any(values.shape != thresholds.shape for values in rates.values()):
        raise InputError(f'{path}: not a result that eval.py --json wrote (curve of another shape)')
    return metric, Curve(thresholds, rates)
