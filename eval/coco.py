"""Evaluation on COCO: OKS through pycocotools, and PCK where poses belong to annotated people."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.coco import COCODataset, read_annotations
from data.coco.dataset import find_annotations, image_folder
from data.coco.detections import Detections
from data.sets import DATASETS
from eval.coco_boxes import BoxScore, detect_people, score_boxes
from eval.coco_results import NMS_OKS, PoseResults, match_people, read_results, to_results, write_results
from eval.coco_score import COCOScore, score_results, stats_table
from eval.config import EvalConfig
from eval.pck import PCKResult
from eval.predict import ground_truth, load_predictor, person_oks, predict_people
from eval.record import people_key
from eval.result import Result
from eval.score import relative_errors
from eval.sheet import write_sheet
from hourglass.detection import load_detector
from hourglass.errors import InputError
from hourglass.wording import counted

import numpy as np

_ENTRY = DATASETS['coco']
_ROOT = _ENTRY.root or ''


@dataclass(frozen=True, repr=False, eq=False)
class OKSResult(Result):
    """The scores of poses on COCO.

    Attributes:
        data: the data set.
        weights: name of the weights and how they were run, or of the file of results.
        boxes: the score of the detector's boxes, if a detector was run and people are annotated.
        oks: COCO's own score; ``None`` where no person is annotated, as in COCO's test images.
        pck: the rate of correct joints; ``None`` for poses of detected people, to whom no annotation belongs.
    """

    data: str
    weights: str
    oks: COCOScore | None
    pck: PCKResult | None
    boxes: BoxScore | None = None

    @property
    def total(self) -> float:
        """COCO's AP; NaN where no person is annotated."""
        return float('nan') if self.oks is None else self.oks.stats['AP']

    def table(self) -> str:
        return '' if self.oks is None else stats_table(self.oks.stats)

    def text(self) -> str:
        if self.oks is None:
            return f'{self.data}: no scores, because no person is annotated'
        numbers = f'{counted(self.oks.n_poses, "pose")} for {counted(self.oks.n_people, "person", "people")}'
        text = f'OKS, {self.data}, {numbers}: {self.weights}\n{self.table()}'
        parts = [part.text() for part in (self.boxes, self.pck) if part is not None]
        return '\n'.join([text, *parts])

    def to_dict(self) -> dict[str, Any]:
        value = {'title': f'{self.data}: {self.weights}', 'weights': self.weights, 'data': self.data,
                 'oks': None if self.oks is None else self.oks.to_dict()}
        if self.boxes is not None:
            value['boxes'] = self.boxes.to_dict()
        return value if self.pck is None else {**value, **self.pck.to_dict()}

    def save_csv(self, path: str | os.PathLike) -> None:
        if self.pck is None:
            raise InputError(f'{path}: a table of correct joints needs annotated people, not detected ones')
        self.pck.save_csv(path)


def score_oks(config: EvalConfig) -> OKSResult:
    """Score a network on COCO, or a file in COCO's results format; write predictions and sheet.

    Raises:
        InputError: an input cannot be used, or a file cannot be written.
    """
    return _score_network(config) if config.predictions is None else _score_files(config)


def _score_files(config: EvalConfig) -> OKSResult:
    path = Path(config.predictions or '')
    results = read_results(path, read_annotations(config.annotations or '').images)
    dataset = COCODataset(config.root or _ROOT, annotations=config.annotations, images=config.images,
                          reference=config.normalise or 'torso')
    points = match_people(results, dataset)
    # Results have zeros for a joint that was not looked for.
    points[(points == 0).all(axis=-1)] = np.nan
    return _score(config, dataset, results, points, path.name)


def _score_network(config: EvalConfig) -> OKSResult:
    predictor, name = load_predictor(config)
    split = config.split or _ENTRY.test_split
    found, boxes = (None, None) if config.detector is None else _detect(config, config.detector, split)
    dataset = COCODataset(
        config.root or _ROOT, split, predictor.spec.joint_set,
        annotations=config.annotations, images=config.images,
        detections=config.detections if found is None else found,
        reference=config.normalise or 'torso')
    _check_annotated(config, dataset.annotation_file, dataset.has_annotated)
    points, joint_scores = predict_people(predictor, dataset)
    results = to_results(dataset, points, joint_scores)
    if config.has_detected:
        results = results.suppress(dataset.records.areas, config.nms or NMS_OKS)
    if config.save_predictions:  # before anything can go wrong with the scores
        write_results(config.save_predictions, results)
    return replace(_score(config, dataset, results, None if config.has_detected else points, name), boxes=boxes)


def _check_annotated(config: EvalConfig, path: Path, has_annotated: bool) -> None:
    if not has_annotated and (config.json or config.plot or config.compare or not config.save_predictions):
        raise InputError(f'{path}: annotates no person, so there are no scores; --save-predictions alone writes '
                         'the poses')


def _detect(config: EvalConfig, name: str, split: str) -> tuple[Detections, BoxScore | None]:
    """Find the people of all images; without annotated people their boxes have no score."""
    root = Path(config.root or _ROOT)
    people = read_annotations(find_annotations(root, split, config.annotations), need_people=False)
    _check_annotated(config, people.path, len(people) > 0)  # finding people may take hours
    detector = load_detector(name, config.gpu, config.detector_class)
    folder = image_folder(root, split) if config.images is None else Path(config.images)
    found = detect_people(detector, name, people, folder)
    return found, score_boxes(found, people, detector.score_threshold) if len(people) else None


def _score(
    config: EvalConfig, dataset: COCODataset, results: PoseResults, points: np.ndarray | None, name: str,
) -> OKSResult:
    """Score poses; ``points`` has one for each person of the data set, if they belong to annotated people."""
    oks = score_results(results, read_annotations(dataset.annotation_file)) if dataset.has_annotated else None
    if points is None:
        return OKSResult(dataset.name, name, oks, None)
    similarity = person_oks(points, dataset, dataset.records.areas)
    if config.sheet:
        write_sheet(config.sheet, dataset, points, 1 - similarity)
    pck = PCKResult(dataset.name, 'PCK', config.pck_threshold or _ENTRY.threshold, dataset.joint_set,
                    relative_errors(points, *ground_truth(dataset)), name, config.normalise or 'torso',
                    people_key(person.image for person in dataset.people), similarity)
    return OKSResult(dataset.name, name, oks, pck)
