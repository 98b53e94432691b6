"""What eval.py does: predict or read predictions, score them, and write the results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from data.sets import DATASETS
from eval.oks import oks, sigmas_for
from eval.pckh import THRESHOLD
from eval.predict import ground_truth, predict_dataset
from eval.predictions import read_pair, save_predictions
from eval.result import Result, read_curve
from eval.score import relative_errors
from hourglass.errors import InputError
from hourglass.joint_table import read_joint_set
from hourglass.joints import MPII
from hourglass.predictor import PosePredictor
from hourglass.wording import counted
from pretrained.registry import REGISTRY

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
    protocol = options.protocol or default_protocol(options.model)
    dataset = entry.load(options.root, options.split or entry.test_split, joint_set, protocol, options.samples,
                         images=options.images, joints=joints, reference=options.normalise)
    with tqdm(total=len(dataset), unit='person', dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        points, _ = predict_dataset(predictor, dataset, bar.update)
    if options.save_predictions:
        save_predictions(options.save_predictions, points)
    way = ', flip' * options.flip + f', {options.precision}' * (options.precision != 'f32')
    title = f'{dataset.name}, {counted(len(dataset), "person", "people")}{way}'
    if not entry.is_own:
        threshold = getattr(dataset, 'threshold', entry.threshold)
        return Result(title, entry.metric, threshold, joint_set, relative_errors(points, *ground_truth(dataset)))
    threshold = options.pck_threshold or dataset.threshold
    return Result(f'{title}, errors by the {dataset.reference}', entry.metric, threshold, joint_set,
                  relative_errors(points, *ground_truth(dataset)), own_oks(points, dataset))


def own_oks(points: np.ndarray, dataset: Any) -> np.ndarray | None:
    """Return the OKS (N,) of predictions for a user's people; ``None`` if no joint has a constant."""
    sigmas = sigmas_for(dataset.joint_set)
    true_points, labelled, _ = ground_truth(dataset)
    return oks(points, true_points, labelled, dataset.areas, sigmas) if np.isfinite(sigmas).any() else None


def default_protocol(model: str | None) -> str:
    """Return who counts on MPII where the command line does not say: what named weights were published with."""
    return REGISTRY[model].protocol if model in REGISTRY else 'one-per-image'


def evaluate(options: argparse.Namespace) -> Result:
    """Return the result that the command line of eval.py asks for."""
    for path in options.compare:
        read_curve(path)  # a wrong file is told now and not after a long prediction
    return _score_network(options) if options.predictions is None else _score_files(options)


def plot(result: Result, options: argparse.Namespace) -> None:
    """Draw a result's curve, and those of earlier results."""
    # Drawing takes a second to import, and only this option needs it.
    from eval.plot import plot_curves

    curves = {result.title: result.curve}
    for path in options.compare:
        metric, curve = read_curve(path)
        if metric != result.metric:
            raise InputError(f'{path}: holds {metric}, which cannot be compared with {result.metric}')
        curves[Path(path).stem] = curve
    plot_curves(curves, result.metric, options.plot)
