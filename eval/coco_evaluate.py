"""What eval.py does for COCO: OKS through pycocotools beside PCK, from boxes, detections or somebody's results."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.coco import COCODataset
from data.disk import check_image_files
from data.sets import DATASETS
from eval.coco_people import match_people, person_oks
from eval.coco_results import PoseResults, predict_results, read_results, to_results, write_results
from eval.coco_score import COCOScore, score_results
from eval.predict import ground_truth, predict_dataset
from eval.result import Result, legend, read_curve
from eval.score import relative_errors
from eval.sheet import write_sheet
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from hourglass.results import write_json
from hourglass.wording import counted

import numpy as np
from tqdm import tqdm

ROOT = DATASETS['coco'].root or ''


@dataclass(frozen=True)
class COCOResult:
    """The scores of some poses on COCO.

    Attributes:
        oks: COCO's own score; ``None`` where nobody is annotated, as in COCO's test images.
        pck: the rate of correct joints; ``None`` for poses of detected people, which belong to nobody's annotation.
        person_oks: (N,) OKS of each annotated person; ``None`` like ``pck``.
    """

    title: str
    oks: COCOScore | None
    pck: Result | None
    person_oks: np.ndarray | None

    def text(self) -> str:
        """Return the tables for a terminal."""
        if self.oks is None:
            return f'{self.title}: no scores, for nobody is annotated'
        numbers = f'{counted(self.oks.n_poses, "pose")} for {counted(self.oks.n_people, "person", "people")}'
        table = f'OKS, {self.title}, {numbers}\n{self.oks.table()}'
        return table if self.pck is None else f'{table}\n{self.pck.text()}'

    def save_json(self, path: str | os.PathLike) -> None:
        """Write all scores; :func:`evaluate` sees to it that there are some."""
        assert self.oks is not None
        value: dict[str, Any] = {'title': self.title, 'oks': self.oks.to_dict()}
        if self.pck is not None:
            value.update(self.pck.to_dict())
        write_json(path, value)

    def save_csv(self, path: str | os.PathLike) -> None:
        """Write the table of correct joints (:meth:`eval.result.Result.save_csv`)."""
        if self.pck is None:
            raise InputError('--csv is a table of correct joints, which there is none of for detected people')
        self.pck.save_csv(path)


def _with_annotations(
    title: str, dataset: COCODataset, points: np.ndarray, results: PoseResults, options: argparse.Namespace,
) -> COCOResult:
    """Score one pose for each annotated person."""
    errors = relative_errors(points, *ground_truth(dataset))
    spread = person_oks(points, dataset)
    if options.sheet:
        write_sheet(options.sheet, dataset, points, 1 - spread)
    pck = Result(title, 'PCK', options.pck_threshold, dataset.joint_set, errors)
    return COCOResult(title, score_results(results, dataset.annotation_file), pck, spread)


def _score_files(options: argparse.Namespace) -> COCOResult:
    """Score somebody's results file against an annotations file."""
    results = read_results(options.predictions)
    dataset = COCODataset(options.root or ROOT, annotations=options.annotations, images=options.images,
                          reference=options.normalise)
    points = match_people(results, dataset)
    # Results have zeros for a joint that was not looked for.
    points[(points == 0).all(axis=-1)] = np.nan
    return _with_annotations(str(options.predictions), dataset, points, results, options)


def _score_network(options: argparse.Namespace) -> COCOResult:
    """Predict the people of COCO, from their annotated boxes or from detections, and score that."""
    predictor = PosePredictor.load(options.snapshot or options.model, options.gpu, options.flip, options.batchsize,
                                   options.engine, options.precision)
    dataset = COCODataset(
        options.root or ROOT, options.split or DATASETS['coco'].test_split, predictor.spec.joint_set,
        annotations=options.annotations, images=options.images, detections=options.detections,
        reference=options.normalise)
    if options.detections and options.sheet:
        raise InputError('--sheet shows annotated people, which detections are not')
    if not dataset.has_annotated and (options.json or options.plot or not options.save_predictions):
        raise InputError(f'{dataset.annotation_file}: annotates nobody, so there are no scores; --save-predictions '
                         'alone writes the poses')
    check_image_files(dataset, are_opened=True)
    way = ', flip' * options.flip + f', {options.precision}' * (options.precision != 'f32')
    title = f'{dataset.name}, {counted(len(dataset), "person", "people")}{way}'
    with tqdm(total=len(dataset), unit='person', dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        if options.detections:
            results = predict_results(predictor, dataset, options.nms, progress=bar.update)
        else:
            points, scores = predict_dataset(predictor, dataset, bar.update)
            results = to_results(dataset, points, scores)
    if options.save_predictions:  # before anything can go wrong with the scores
        write_results(options.save_predictions, results)
    if not options.detections:
        return _with_annotations(title, dataset, points, results, options)
    oks = score_results(results, dataset.annotation_file) if dataset.has_annotated else None
    return COCOResult(title, oks, None, None)


def _earlier_scores(options: argparse.Namespace) -> dict[str, COCOScore]:
    """Read the results of --compare by their names in the legend."""
    if not options.compare:
        return {}
    from eval.oks_plot import read_score

    return {label: read_score(path) for label, path in legend(options.compare)}


def evaluate(options: argparse.Namespace) -> COCOResult:
    """Return the result that the command line of eval.py asks for."""
    _earlier_scores(options)  # a wrong file is told now and not after a long prediction
    return _score_network(options) if options.predictions is None else _score_files(options)


def plot(result: COCOResult, options: argparse.Namespace) -> None:
    """Draw the precision-recall curves, those of earlier results too.

    For annotated people, beside them: as ``NAME-oks`` how the people's OKS are spread, and as ``NAME-pck`` the rate of
    correct joints over the threshold, joint by joint, with those of earlier results that have it.
    """
    # Drawing takes a second to import, and only this option needs it.
    from eval.oks_plot import plot_oks, plot_precision_recall
    from eval.plot import plot_curves

    path = Path(options.plot)
    earlier = _earlier_scores(options)
    assert result.oks is not None
    plot_precision_recall({result.title: result.oks, **earlier}, path)
    if result.person_oks is not None:
        plot_oks({result.title: result.person_oks}, path.with_name(f'{path.stem}-oks{path.suffix}'))
    if result.pck is not None:
        curves = {result.title: result.pck.joint_curve}
        for label, file in legend(options.compare):
            if 'joint_curve' in json.loads(file.read_text(encoding='utf-8')):
                curves[label] = read_curve(file, 'joint_curve')[1]
        plot_curves(curves, result.pck.metric, path.with_name(f'{path.stem}-pck{path.suffix}'))
