"""Curves of the rate of correct joints over the threshold, and over the score."""

from __future__ import annotations

import os

from eval.reliability import Reliability
from eval.score import Curve
from hourglass.errors import InputError
from hourglass.files import atomic_write

import matplotlib as mpl
import numpy as np

mpl.use('Agg')

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure; its name's ending chooses the format.

    Raises:
        InputError: the picture cannot be written.
    """
    with atomic_write(path) as partial:
        try:
            figure.savefig(partial, dpi=110)
        except ValueError as error:
            raise InputError(f'{path}: {error}') from None


def plot_curves(curves: dict[str, Curve], metric: str, path: str | os.PathLike) -> None:
    """Draw one panel for each group of joints, with one line for each result.

    Args:
        curves: results by the name in the legend; a group that only some of them have is drawn for those.
        metric: name of the score.
        path: picture to write; the ending chooses the format (.png, .pdf, .svg).

    Raises:
        InputError: the picture cannot be written.
    """
    groups = list(dict.fromkeys(name for curve in curves.values() for name in curve.rates))
    columns = 4
    rows = -(-len(groups) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.8 * rows + 0.5), squeeze=False,
                                sharex=True, sharey=True)
    try:
        for axis, group in zip(axes.flat, groups, strict=False):
            for label, curve in curves.items():
                if group in curve.rates:
                    axis.plot(curve.thresholds, 100 * curve.rates[group], label=label)
            axis.set_title(group)
            axis.set_ylim(0, 100)
            axis.grid(alpha=0.4)
        for axis in axes.flat[len(groups):]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel('error in reference lengths')
        for axis in axes[:, 0]:
            axis.set_ylabel(f'{metric} (%)')
        first = np.ravel(axes)[0]
        figure.legend(*first.get_legend_handles_labels(), loc='lower center', ncols=min(len(curves), 4))
        figure.tight_layout(rect=(0, 0.06, 1, 1))
        save_figure(figure, path)
    finally:
        plt.close(figure)


def plot_reliability(found: Reliability, title: str, path: str | os.PathLike) -> None:
    """Draw the share of joints that are right over their scores.

    Raises:
        InputError: the picture cannot be written.
    """
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
        save_figure(figure, path)
    finally:
        plt.close(figure)
