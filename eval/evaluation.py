"""Run an evaluation."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from eval.config import EvalConfig
from eval.record import read_records
from eval.result import Result
from hourglass.errors import InputError


def _check_earlier(config: EvalConfig) -> None:
    """Raise ``InputError`` now, not after a long prediction, for an earlier result that cannot be read or compared."""
    metric = 'PCK' if config.is_coco else 'PCKh' if config.predictions is not None else config.entry.metric
    for path, record in zip(config.compare, read_records(config.compare), strict=True):
        if record.joints is not None and record.joints.metric != metric:
            raise InputError(f'{path}: holds {record.joints.measure}, which cannot be compared with {metric}')


def evaluate(model: EvalConfig | str | os.PathLike[str] | None = None, **options: Any) -> Result:
    """Score a network on a data set, or a file of predictions.

    ::

        scores = evaluate('result/best.npz', dataset='csv', root='people.csv', flip=True)
        print(scores.total, scores.table(), sep='\\n')

    Args:
        model: weights, by name or as a file (default: the published ones, else the bundled ones); or all settings.
        options: further settings (:class:`eval.config.EvalConfig`).

    Returns:
        The scores: ``total``, ``table()``, ``to_dict()``, ``plot(path)``.  The files that the settings name are
        written.

    Raises:
        InputError: settings do not go together, an input cannot be used, or a file cannot be written.
        TypeError: there is no such setting.
    """
    if isinstance(model, EvalConfig):
        config = replace(model, **options)
    else:
        config = EvalConfig(model=None if model is None else os.fspath(model), **options)
    if config.is_comparison:
        raise InputError('--compare without --model, --dataset or --predictions evaluates nothing; eval.compare() '
                         'compares files')
    config.check_files()
    _check_earlier(config)
    result: Result
    if config.is_coco:
        from eval.coco import score_oks

        result = score_oks(config)
    else:
        from eval.pck import score_pck

        result = score_pck(config)
    if config.json:
        result.save_json(config.json)
    if config.csv:
        result.save_csv(config.csv)
    if config.plot:
        (result.compare(config.compare) if config.compare else result).plot(config.plot)
    if config.reliability:
        result.plot_reliability(config.reliability)
    return result
