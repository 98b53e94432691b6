"""Curves of the rate of correct joints over the threshold."""

from __future__ import annotations

import os

from eval.score import Curve
from hourglass.errors import InputError
from hourglass.files import atomic_write

import matplotlib as mpl
import numpy as np

mpl.use('Agg')

from matplotlib import pyplot as plt


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
        with atomic_write(path) as partial:
            try:
                figure.savefig(partial, dpi=110)
            except ValueError as error:
                raise InputError(f'{path}: {error}') from None
    finally:
        plt.close(figure)
