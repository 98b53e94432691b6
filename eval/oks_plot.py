"""Plots of how well COCO's people are found: precision over recall, and how OKS is distributed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from eval.coco_score import STATS, COCOScore
from eval.plot import save_figure
from hourglass.errors import InputError

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: OKS thresholds of which precision is drawn.
DRAWN_THRESHOLDS = (0.5, 0.75, 0.9)
#: Larger files are no results: one has about 30 kB.
_MAX_BYTES = 10_000_000


def read_score(path: str | os.PathLike) -> COCOScore:
    """Read the score of a result that :meth:`eval.coco_evaluate.COCOResult.save_json` wrote.

    Raises:
        InputError: the file is missing or is no such result.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f'{path}: more than {_MAX_BYTES:,} bytes are no result of eval.py --json')
        value: Any = json.loads(path.read_text(encoding='utf-8'))
        if isinstance(value, dict) and 'metric' in value and 'oks' not in value:
            raise InputError(f'{path}: holds {value["metric"]}, which cannot be compared with OKS')
        score = _to_score(value['oks'])
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise InputError(f'{path}: not a result for COCO that eval.py --json wrote') from None
    return score


def _to_score(value: Any) -> COCOScore:
    """Undo :meth:`eval.coco_score.COCOScore.to_dict`; raise ``ValueError`` if the numbers are no curves."""
    curve = value['curve']
    thresholds = np.array([float(key) for key in curve['precision']])
    recall = np.array(curve['recall'], np.float64)
    precision = np.array([_rates(row) for row in curve['precision'].values()])
    stats = dict(zip(STATS, _rates([value['stats'][name] for name in STATS]).tolist(), strict=True))
    if recall.ndim != 1 or precision.shape != (len(thresholds), len(recall)) or not len(recall):
        raise ValueError
    if not (np.diff(recall) > 0).all() or recall[0] < 0 or recall[-1] > 1:
        raise ValueError
    if any(np.abs(thresholds - drawn).min() > 1e-6 for drawn in DRAWN_THRESHOLDS):
        raise ValueError
    return COCOScore(stats, thresholds, recall, precision, int(value['poses']), int(value['people']))


def _rates(values: Any) -> np.ndarray:
    """Return a list of numbers from 0 to 1 as float64, null as NaN."""
    if any(isinstance(value, (bool, str)) for value in values):
        raise ValueError
    rates = np.array([np.nan if value is None else value for value in values], np.float64)
    if rates.ndim != 1 or not ((rates >= 0) & (rates <= 1) | np.isnan(rates)).all():
        raise ValueError
    return rates


def _finish(axis: Axes, x_label: str, y_label: str) -> None:
    axis.set(xlabel=x_label, ylabel=y_label, xlim=(0, 1))
    axis.grid(alpha=0.4)


def plot_precision_recall(scores: dict[str, COCOScore], path: str | os.PathLike) -> None:
    """Draw one panel for each of three OKS thresholds, with one line for each result.

    Args:
        scores: results by the name in the legend.
        path: picture to write; the ending chooses the format (.png, .pdf, .svg).

    Raises:
        InputError: the picture cannot be written.
    """
    figure = Figure(figsize=(4 * len(DRAWN_THRESHOLDS), 3.6), layout='constrained')
    axes = np.atleast_1d(figure.subplots(1, len(DRAWN_THRESHOLDS), sharey=True))
    for axis, threshold in zip(axes, DRAWN_THRESHOLDS, strict=True):
        for label, score in scores.items():
            row = int(np.argmin(np.abs(score.thresholds - threshold)))
            average = score.precision[row].mean()
            axis.plot(score.recall, score.precision[row], label=f'{label}: {100 * average:.1f}')
        axis.set_title(f'OKS {threshold}')
        axis.set_ylim(0, 1.02)
        # A long name must not squeeze the curves.
        axis.legend(loc='lower left', title='average precision').set_in_layout(False)
        _finish(axis, 'recall', 'precision')
    save_figure(figure, path)


def plot_oks(similarities: dict[str, np.ndarray], path: str | os.PathLike, bins: int = 20) -> None:
    """Draw the distribution of people's OKS: how many have how much, and how many have at least as much.

    Args:
        similarities: (N,) OKS of one result's people (:func:`eval.coco_people.person_oks`) by the name in the
            legend; NaN is left out.
        path: picture to write; the ending chooses the format.
        bins: bars from 0 to 1.

    Raises:
        InputError: the picture cannot be written.
    """
    figure = Figure(figsize=(10, 3.6), layout='constrained')
    shares, at_least = figure.subplots(1, 2)
    for label, values in similarities.items():
        known = np.sort(np.asarray(values)[~np.isnan(values)])
        counts, edges = np.histogram(known, bins, (0, 1))
        shares.stairs(counts / max(len(known), 1), edges, label=f'{label}: mean {known.mean():.3f}'
                      if len(known) else label)
        levels = np.linspace(0, 1, 201)
        at_least.plot(levels, (len(known) - np.searchsorted(known, levels)) / max(len(known), 1), label=label)
    _finish(shares, 'OKS', 'share of people')
    _finish(at_least, 'OKS', 'share of people with at least this OKS')
    shares.legend()
    save_figure(figure, path)
