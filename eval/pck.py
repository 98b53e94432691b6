"""Evaluation by the rate of correct joints: PCK and PCKh."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, replace
from typing import Any

from data.mpii.hdf5 import read_hdf5, read_predictions, save_predictions
from eval.config import EvalConfig
from eval.pckh import THRESHOLD
from eval.predict import ground_truth, load_predictor, person_oks, predict_people
from eval.record import people_key, person_marks
from eval.reliability import Reliability, calibrate, reliability
from eval.result import Result
from eval.score import Score, known_mean, or_null, rate_curves, relative_errors, reported_joints, score_at
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.joint_table import read_joint_set
from hourglass.joints import MPII, JointSet
from hourglass.wording import counted
from pretrained.entries import REGISTRY

import numpy as np

#: A curve has this many thresholds, from 0 to the score's own.
_CURVE_POINTS = 11


@dataclass(frozen=True, repr=False, eq=False)
class PCKResult(Result):
    """Rates of correct joints.

    Attributes:
        data: the data set.
        metric: PCK or PCKh.
        threshold: largest error of a correct joint, in reference lengths.
        joint_set: the joints.
        errors: (N, K) errors in reference lengths (:func:`eval.score.relative_errors`).
        weights: name of the weights and how they were run, or of the file of predictions.
        reference: what errors are divided by; empty if it is not known.
        people_key: the same for results of the same people (:func:`eval.record.people_key`).
        oks: (N,) object keypoint similarity of each person, NaN where it is not defined; ``None`` without any.
        scores: (N, K) the predicted joints' scores; ``None`` for predictions without.
        notes: lines for the user, printed after the table.
    """

    data: str
    metric: str
    threshold: float
    joint_set: JointSet
    errors: np.ndarray
    weights: str = ''
    reference: str = ''
    people_key: str = ''
    oks: np.ndarray | None = None
    scores: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What was evaluated, in words."""
        people = counted(len(self.errors), 'person', 'people')
        by = f', errors by the {self.reference}' if self.reference else ''
        return f'{self.data}, {people}{by}' + (f': {self.weights}' if self.weights else '')

    @property
    def score(self) -> Score:
        """Correct joints at the threshold."""
        return score_at(self.errors, self.threshold)

    @property
    def total(self) -> float:
        """Rate of correct joints over all annotations of the joints that are in a group; NaN without any."""
        return self.score.total(reported_joints(self.joint_set))

    @property
    def mean(self) -> float:
        """Mean of the rates of the joints that are in a group; NaN without any."""
        return self.score.mean(reported_joints(self.joint_set))

    @property
    def mean_oks(self) -> float:
        """Mean OKS over the people who have one; NaN without any."""
        return float('nan') if self.oks is None else known_mean(self.oks)

    @property
    def reliability(self) -> Reliability | None:
        """How often joints are correct by their scores; ``None`` without scores or annotated joints."""
        rated = ~np.isnan(self.errors)
        if self.scores is None or not rated.any():
            return None
        return reliability(self.scores[rated], self.errors[rated] <= self.threshold)

    def table(self) -> str:
        return self.score.table(self.joint_set)

    def text(self) -> str:
        n_rated = int(np.isfinite(self.score.rates()[reported_joints(self.joint_set)]).sum())
        lines = [f'{self.metric}@{self.threshold:g}, {self.title}', self.table(),
                 f'mean over {counted(n_rated, "joint")}: {self.mean:.3f}']
        if not np.isnan(self.mean_oks):
            lines.append(f'mean OKS: {self.mean_oks:.3f}')
        return '\n'.join((*lines, *self.notes))

    def to_dict(self) -> dict[str, Any]:
        found, joint_set = self.reliability, self.joint_set
        thresholds = np.linspace(0, self.threshold, _CURVE_POINTS)
        rows = {'curve': {**joint_set.group_indices, 'Total': reported_joints(joint_set)},
                'joint_curve': {joint: [i] for i, joint in enumerate(joint_set.joints)}}
        curves = {key: {name: or_null(rates) for name, rates in rate_curves(self.errors, joints, thresholds).items()}
                  for key, joints in rows.items()}
        per_person: dict[str, Any] = {'key': self.people_key, 'correct': person_marks(self.errors, self.threshold)}
        if self.oks is not None and not np.isnan(self.mean_oks):
            per_person['oks'] = or_null(self.oks.round(4))
        return {
            'title': self.title, 'weights': self.weights, 'data': self.data, 'metric': self.metric,
            'threshold': self.threshold, 'reference': self.reference, 'people': len(self.errors),
            **self.score.to_dict(joint_set),
            **({} if np.isnan(self.mean_oks) else {'oks_mean': self.mean_oks}),
            **({} if found is None else {'reliability': found.to_dict()}),
            'same_as': joint_set.same_as,
            'group_joints': {name: list(joints) for name, joints in joint_set.groups.items()},
            **{key: {'thresholds': thresholds.tolist(), 'rates': rates} for key, rates in curves.items()},
            'per_person': per_person}

    def save_csv(self, path: str | os.PathLike) -> None:
        score, joint_set = self.score, self.joint_set
        rows = [*((joint, 'joint', [i]) for i, joint in enumerate(joint_set.joints)),
                *((name, 'group', joints) for name, joints in joint_set.group_indices.items()),
                ('Total', 'total', reported_joints(joint_set))]
        with atomic_write(path) as partial, open(partial, 'w', newline='', encoding='utf-8') as file:
            writer = csv.writer(file)
            writer.writerow(['name', 'kind', 'rate', 'correct', 'annotated'])
            for name, kind, joints in rows:
                rate = score.total(joints)
                writer.writerow([name, kind, '' if np.isnan(rate) else f'{rate:.6f}', score.correct[joints].sum(),
                                 score.count[joints].sum()])

    def plot_reliability(self, path: str | os.PathLike) -> None:
        if self.reliability is None:
            raise InputError(f'{path}: no joint is annotated, so scores cannot be compared with anything')
        from eval.plot import plot_reliability

        plot_reliability(self.reliability, f'{self.metric}@{self.threshold:g}, {self.title}', path)


def score_pck(config: EvalConfig) -> PCKResult:
    """Score a network on a data set, or a file of predictions for MPII's joints; write predictions, sheet and weights.

    Raises:
        InputError: an input cannot be used, or a file cannot be written.
    """
    return _score_network(config) if config.predictions is None else _score_files(config)


def _score_files(config: EvalConfig) -> PCKResult:
    predictions, annotations = config.predictions or '', config.annotations or ''
    points, people = read_predictions(predictions), read_hdf5(annotations)
    if len(points) != len(people):
        raise InputError(f'{predictions}: {len(points)} people, but {annotations} has {len(people)}')
    errors = relative_errors(points, people.points, people.labelled, people.head_size)
    return PCKResult(os.path.basename(annotations), 'PCKh', THRESHOLD, MPII, errors,
                     os.path.basename(predictions), 'head size', people_key(people.image.tolist()))


def _score_network(config: EvalConfig) -> PCKResult:
    entry = config.entry
    if config.save_predictions and entry.joints != MPII.name:
        raise InputError(f'--save-predictions: its layout is for MPII\'s joints, not for {entry.title}')
    joints = read_joint_set(config.joints) if config.joints else None
    predictor, name = load_predictor(config)
    joint_set = predictor.spec.joint_set
    in_mpii = [place for place in joint_set.places_of(MPII) if place is not None]
    if config.save_predictions and len(in_mpii) < len(MPII):
        raise InputError(f'--save-predictions: its layout is for MPII\'s joints, the weights find those of '
                         f'{joint_set.name}')
    if config.calibrate:
        predictor.spec = replace(predictor.spec, confidence=())
    dataset: Any = entry.load(config.root, config.split or entry.test_split, joint_set,
                              config.protocol or default_protocol(config.model), config.samples, images=config.images,
                              joints=joints, reference=config.normalise)
    points, scores = predict_people(predictor, dataset)
    if config.save_predictions:
        save_predictions(config.save_predictions, points[:, in_mpii])
    threshold = config.pck_threshold or float(getattr(dataset, 'threshold', entry.threshold))
    errors = relative_errors(points, *ground_truth(dataset))
    result = PCKResult(dataset.name, entry.metric, threshold, joint_set, errors, name,
                       getattr(dataset, 'reference', entry.reference), people_key(p.image for p in dataset.people),
                       person_oks(points, dataset, dataset.areas) if entry.is_own else None, scores)
    if config.sheet:
        from eval.sheet import write_sheet

        write_sheet(config.sheet, dataset, points, np.array([known_mean(row) for row in errors]))
    if config.calibrate:
        note = calibrate(scores, errors, threshold, config.weights or '', config.calibrate)
        result = replace(result, notes=(note,))
    return result


def default_protocol(model: str | None) -> str:
    """Return the default protocol of MPII: the one that the named weights were published with."""
    return REGISTRY[model].protocol if model in REGISTRY else 'one-per-image'
