"""Run an evaluation."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from eval.config import EvalConfig
from eval.record import read_records
from eval.result import Evaluator, Result


def _evaluator(config: EvalConfig) -> Evaluator:
    if config.is_coco:
        from eval.coco import OKSEvaluator

        return OKSEvaluator(config)
    from eval.pck import PCKEvaluator

    return PCKEvaluator(config)


def evaluate(model: EvalConfig | str | os.PathLike | None = None, **options: Any) -> Result:
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
    config = replace(model, **options) if isinstance(model, EvalConfig) else EvalConfig(model=model, **options)  # type: ignore[arg-type]
    config.check_files()
    read_records(config.compare)  # a wrong file is reported now and not after a long prediction
    result = _evaluator(config).evaluate()
    if config.json:
        result.save_json(config.json)
    if config.csv:
        result.save_csv(config.csv)
    if config.plot:
        result.plot(config.plot, config.compare)
    if config.reliability:
        result.plot_reliability(config.reliability)
    return result
