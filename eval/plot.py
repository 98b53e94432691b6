"""Plots of results: rates of correct joints, precision over recall, OKS, and how reliable scores are."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.coco_score import COCOScore
from eval.record import JointRates, Record
from eval.reliability import Reliability
from hourglass.errors import InputError
from hourglass.files import write_bytes

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: OKS thresholds of which precision is drawn.
_OKS_THRESHOLDS = (0.5, 0.75, 0.9)
#: Bars of a histogram of OKS.
_BINS = 20
#: Panels in a row.
_COLUMNS = 4


def save_figure(figure: Figure, path: str | os.PathLike, dpi: int = 110) -> None:
    """Write a figure; its name's ending chooses the format.  ``InputError`` if it cannot be written."""
    content = io.BytesIO()
    try:
        figure.savefig(content, format=Path(path).suffix[1:] or 'png', dpi=dpi)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None
    write_bytes(path, content.getbuffer())


def _save_with_legend(figure: Figure, colours: Mapping[str, str], title: str, path: str | os.PathLike) -> None:
    """Write a figure with its title above, and below it the legend: colours by the labels of the results."""
    columns = max(1, min(len(colours), int(figure.get_figwidth() * 12) // (max(map(len, colours)) + 8)))
    figure.suptitle(title, fontsize=10)
    figure.legend([Line2D([], [], color=colour) for colour in colours.values()], list(colours),
                  loc='outside lower center', ncols=columns, frameon=False)
    save_figure(figure, path)


def _finish(axis: Axes, x_label: str, y_label: str) -> None:
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.grid(alpha=0.4)


def _plot_joints(drawn: Sequence[tuple[str, str, JointRates]], path: str | os.PathLike, by_joint: bool,
                 title: str) -> None:
    """Draw the rate of correct joints over the threshold: one panel for each group or joint, one line a result."""
    curves = [joints.joint_curves() if by_joint else joints.curves() for _, _, joints in drawn]
    # Without those of joints that are not annotated, if any joint is.
    panels = [panel for panel in curves[0] if any(np.isfinite(own[panel]).any() for own in curves)] or list(curves[0])
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(3.2 * _COLUMNS, 2.8 * rows + 0.8), layout='constrained')
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    first = drawn[0][2]
    for i, (axis, panel) in enumerate(zip(axes, panels, strict=False)):
        for (_, colour, joints), own in zip(drawn, curves, strict=True):
            axis.plot(joints.thresholds, 100 * own[panel], colour)
        axis.set(title=panel, ylim=(0, 100), xlim=(0, first.threshold))
        _finish(axis, f'error / {first.reference or "reference length"}',
                '' if i % _COLUMNS else f'{first.metric} (%)')
    for axis in axes[len(panels):]:
        axis.set_visible(False)
    _save_with_legend(figure, {label: colour for label, colour, _ in drawn}, title, path)


def _plot_precision_recall(drawn: Sequence[tuple[str, str, COCOScore]], path: str | os.PathLike, title: str) -> None:
    """Draw precision over recall: one panel for each of three OKS thresholds, one line a result."""
    figure = Figure(figsize=(4 * len(_OKS_THRESHOLDS), 4.2), layout='constrained')
    axes = figure.subplots(1, len(_OKS_THRESHOLDS), sharey=True)
    for axis, threshold in zip(axes, _OKS_THRESHOLDS, strict=True):
        for _, colour, oks in drawn:
            precision = oks.precision[int(np.argmin(np.abs(oks.thresholds - threshold)))]
            axis.plot(oks.recall, precision, colour, label=f'{100 * precision.mean():.1f}')
        axis.set(title=f'OKS {threshold}', xlim=(0, 1), ylim=(0, 1.02))
        axis.legend(loc='lower left', title='average precision')
        _finish(axis, 'recall', 'precision' if axis is axes[0] else '')
    _save_with_legend(figure, {label: colour for label, colour, _ in drawn}, title, path)


def _plot_oks(drawn: Sequence[tuple[str, str, np.ndarray]], path: str | os.PathLike, title: str) -> None:
    """Draw the distribution of people's OKS: the share of people with each value, and with at least that value."""
    figure = Figure(figsize=(10, 4.2), layout='constrained')
    shares, at_least = figure.subplots(1, 2)
    for _, colour, oks in drawn:
        known = np.sort(oks[~np.isnan(oks)])
        counts, edges = np.histogram(known, _BINS, (0, 1))
        shares.stairs(100 * counts / max(len(known), 1), edges, linewidth=1.5, color=colour,
                      label=f'{known.mean():.3f}' if len(known) else '-')
        levels = np.linspace(0, 1, 201)
        at_least.plot(levels, 100 * (len(known) - np.searchsorted(known, levels)) / max(len(known), 1), colour)
    shares.legend(title='mean OKS', loc='upper left')
    for axis, label in ((shares, 'people (%)'), (at_least, 'people with at least this OKS (%)')):
        axis.set_xlim(0, 1)
        _finish(axis, 'OKS', label)
    _save_with_legend(figure, {label: colour for label, colour, _ in drawn}, title, path)


def plot_records(records: Sequence[Record], path: str | os.PathLike) -> None:
    """Draw the curves of results.

    For COCO, ``path`` has precision over recall, ``NAME-oks`` the distribution of people's OKS, and ``NAME-pck`` the
    rate of correct joints for each joint.  For other results, ``path`` has the rates by group of joints.

    Args:
        records: results that can be compared (:func:`eval.record.read_records`), with the same joints.
        path: picture to write; the ending chooses the format.

    Raises:
        InputError: a picture cannot be written.
    """
    path = Path(path)
    data = ', '.join(dict.fromkeys(record.data for record in records))
    # A result has the same colour in every picture.
    coloured = [(record, record.label, f'C{i}') for i, record in enumerate(records)]
    joints = [(label, colour, record.joints) for record, label, colour in coloured if record.joints is not None]
    scores = [(label, colour, record.oks) for record, label, colour in coloured if record.oks is not None]
    people = [(label, colour, record.person_oks) for record, label, colour in coloured if record.person_oks is not None]
    if not scores:
        _plot_joints(joints, path, False, data)
        return
    _plot_precision_recall(scores, path, data)
    if people:
        _plot_oks(people, path.with_name(f'{path.stem}-oks{path.suffix}'), data)
    if joints:
        _plot_joints(joints, path.with_name(f'{path.stem}-pck{path.suffix}'), True, data)


def plot_reliability(found: Reliability, title: str, path: str | os.PathLike) -> None:
    """Draw the share of joints that are correct over their scores.

    Raises:
        InputError: the picture cannot be written.
    """
    figure = Figure(figsize=(4.5, 5.6), layout='constrained')
    curve, joints = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve.plot([0, 1], [0, 1], color='0.7', linestyle='--', label='ideal')
    curve.plot(found.scores, found.rates, 'o-', label=f'measured (mean difference {found.error:.3f})')
    curve.set(ylim=(0, 1), xlim=(0, 1))
    curve.set_title(title, fontsize=8, wrap=True)
    curve.legend(fontsize=8)
    edges = np.concatenate([[0], (found.scores[1:] + found.scores[:-1]) / 2, [1]])
    joints.stairs(found.counts / np.maximum(np.diff(edges), 1e-6) / found.counts.sum(), edges, fill=True, alpha=.5)
    _finish(curve, '', 'share of joints that are correct')
    _finish(joints, 'score', 'joints')
    joints.set_yticks([])
    save_figure(figure, path)
