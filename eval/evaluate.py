"""What eval.py does: predict or read predictions, score them, and write the results."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from data.disk import check_image_files
from data.sets import DATASETS
from eval.pckh import THRESHOLD
from eval.predict import ground_truth, predict_dataset
from eval.predictions import read_pair, save_predictions
from eval.reliability import fit_confidence, fitted_error
from eval.result import Result, legend, read_curve
from eval.score import Curve, relative_errors
from hourglass.errors import InputError
from hourglass.joint_table import read_joint_set
from hourglass.joints import MPII
from hourglass.oks import oks, sigmas_for
from hourglass.predictor import PosePredictor
from hourglass.wording import counted
from pretrained.registry import REGISTRY, load

import numpy as np
from tqdm import tqdm


def _score_files(options: argparse.Namespace) -> Result:
    """Score somebody's predictions by PCKh."""
    points, people = read_pair(options.predictions, options.annotations)
    errors = relative_errors(points, people.points, people.labelled, people.head_size)
    return Result(f'{options.predictions}, {counted(len(points), "person", "people")}', 'PCKh', THRESHOLD, MPII, errors)


def _score_network(options: argparse.Namespace) -> Result:
    """Predict the people of a data set and score that."""
    entry = DATASETS[options.dataset]
    if options.save_predictions and entry.joints != MPII.name:
        raise InputError(f'--save-predictions: its layout is for MPII\'s joints, not for {entry.title}')
    joints = read_joint_set(options.joints) if options.joints else None
    predictor = PosePredictor.load(options.snapshot or options.model, options.gpu, options.flip, options.batchsize,
                                   options.engine, options.precision)
    joint_set = predictor.spec.joint_set
    if options.save_predictions and joint_set is not MPII:
        raise InputError(f'--save-predictions: its layout is for MPII\'s joints, the weights find those of '
                         f'{joint_set.name}')
    if options.calibrate:
        predictor.spec = replace(predictor.spec, confidence=())
    protocol = options.protocol or default_protocol(options.model)
    dataset = entry.load(options.root, options.split or entry.test_split, joint_set, protocol, options.samples,
                         images=options.images, joints=joints, reference=options.normalise)
    check_image_files(dataset, are_opened=True)
    with tqdm(total=len(dataset), unit='person', dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        points, scores = predict_dataset(predictor, dataset, bar.update)
    if options.save_predictions:
        save_predictions(options.save_predictions, points)
    way = ', flip' * options.flip + f', {options.precision}' * (options.precision != 'f32')
    title = f'{dataset.name}, {counted(len(dataset), "person", "people")}{way}'
    if not entry.is_own:
        threshold = getattr(dataset, 'threshold', entry.threshold)
        return Result(title, entry.metric, threshold, joint_set, relative_errors(points, *ground_truth(dataset)),
                      scores=scores)
    threshold = options.pck_threshold or dataset.threshold
    return Result(f'{title}, errors by the {dataset.reference}', entry.metric, threshold, joint_set,
                  relative_errors(points, *ground_truth(dataset)), own_oks(points, dataset), scores)


def own_oks(points: np.ndarray, dataset: Any) -> np.ndarray | None:
    """Return the OKS (N,) of predictions for a user's people; ``None`` if no joint has a constant."""
    sigmas = sigmas_for(dataset.joint_set)
    true_points, labelled, _ = ground_truth(dataset)
    return oks(points, true_points, labelled, dataset.areas, sigmas) if np.isfinite(sigmas).any() else None


def default_protocol(model: str | None) -> str:
    """Return who counts on MPII where the command line does not say: what named weights were published with."""
    return REGISTRY[model].protocol if model in REGISTRY else 'one-per-image'


def _earlier_curves(options: argparse.Namespace) -> dict[str, Curve]:
    """Read the results of --compare, which must be of the same metric, by their names in the legend."""
    wanted = 'PCKh' if options.predictions is not None else DATASETS[options.dataset].metric
    curves = {}
    for label, path in legend(options.compare):
        metric, curves[label] = read_curve(path)
        if metric != wanted:
            raise InputError(f'{path}: holds {metric}, which cannot be compared with {wanted}')
    return curves


def evaluate(options: argparse.Namespace) -> Result:
    """Return the result that the command line of eval.py asks for."""
    _earlier_curves(options)  # a wrong file is told now and not after a long prediction
    return _score_network(options) if options.predictions is None else _score_files(options)


def plot(result: Result, options: argparse.Namespace) -> None:
    """Draw a result's curve, and those of earlier results."""
    # Drawing takes a second to import, and only this option needs it.
    from eval.plot import plot_curves

    plot_curves({result.title: result.curve, **_earlier_curves(options)}, result.metric, options.plot)


def draw_reliability(result: Result, path: str) -> None:
    """Draw how often joints are right by their scores."""
    found = result.reliability
    if found is None:
        raise InputError(f'{path}: no joint is annotated, so nothing is known of the scores')
    from eval.plot import plot_reliability

    plot_reliability(found, f'{result.metric}@{result.threshold:g}, {result.title}', path)


def calibrate(result: Result, source: str, out: str) -> str:
    """Write weights again, with scores that say how often a joint was right in a result.

    Args:
        result: of these weights, whose scores are heights of heatmaps.
        source: the weights, by name or as a file.
        out: the file to write.

    Returns:
        A line that says how good the scores were and are.

    Raises:
        InputError: no joint is annotated, or the file cannot be written.
    """
    from pretrained.weights_file import holds_half_precision, save_model

    before, rated = result.reliability, ~np.isnan(result.errors)
    if before is None or result.scores is None:
        raise InputError(f'{out}: no joint is annotated, so nothing is known of the scores')
    heights, right = result.scores[rated], result.errors[rated] <= result.threshold
    model = load(source)
    spec = replace(model.spec, confidence=fit_confidence(heights, right))
    save_model(out, model.network, spec, np.float16 if holds_half_precision(model.arrays) else np.float32)
    error = fitted_error(heights, right, np.nonzero(rated)[0])
    return (f'{out}: scores are {error:.3f} off in the mean and not {before.error:.3f} (each half of the people by '
            'what fits the other half)')
