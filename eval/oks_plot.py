"""Plots of how well COCO's people are found: precision over recall, and how OKS is distributed."""

from __future__ import annotations

import os

from eval.coco_score import COCOScore
from hourglass.errors import InputError
from hourglass.files import atomic_write

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: OKS thresholds of which precision is drawn.
DRAWN_THRESHOLDS = (0.5, 0.75, 0.9)


def _save(figure: Figure, path: str | os.PathLike) -> None:
    with atomic_write(path) as partial:
        try:
            figure.savefig(partial, dpi=110)
        except ValueError as error:
            raise InputError(f'{path}: {error}') from None


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
        axis.legend(loc='lower left', title='average precision')
        _finish(axis, 'recall', 'precision')
    _save(figure, path)


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
    _save(figure, path)
