"""Score poses as COCO does: average precision over OKS, through pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.coco.annotations import PERSON, Annotations
from eval.coco_results import PoseResults
from eval.score import or_null, percent

import numpy as np
from pycocotools.coco import COCO as COCOIndex
from pycocotools.cocoeval import COCOeval

#: What pycocotools counts, in its order: average precision and recall over the OKS thresholds 0.50 to 0.95, at one
#: threshold, and of people of medium (32^2 to 96^2 square pixels) and large area.
STATS = ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR', 'AR50', 'AR75', 'ARm', 'ARl')


def stats_table(stats: Mapping[str, float]) -> str:
    """Return two lines of text: names and percent."""
    return '\n'.join(''.join(f'{cell:>7}' for cell in row) for row in (stats, map(percent, stats.values())))


def stats_to_dict(stats: Mapping[str, float]) -> dict[str, float | None]:
    """Return numbers for JSON, with null for NaN."""
    return dict(zip(stats, or_null(np.array(list(stats.values()))), strict=True))


@dataclass(frozen=True)
class COCOScore:
    """The score of some poses.

    Attributes:
        stats: the numbers of :data:`STATS`, in [0, 1]; NaN where no person is annotated that counts.
        thresholds: (10,) OKS from which a pose is correct.
        recall: (101,) recall of the precision-recall curves.
        precision: (10, 101) precision there, for each threshold; NaN where no person is annotated.
        n_poses: how many poses were scored.
        n_people: how many annotated people count: no crowds, and none without a labelled joint.
    """

    stats: dict[str, float]
    thresholds: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    n_poses: int
    n_people: int

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> COCOScore:
        """Undo :meth:`to_dict`; ``KeyError``, ``TypeError`` or ``ValueError`` if it does not describe a score."""
        curve, levels = value['curve'], np.linspace(.5, .95, 10)
        # In a list, null becomes NaN.
        precision = np.array([curve['precision'][f'{level:.2f}'] for level in levels], np.float64)
        recall = np.array(curve['recall'], np.float64)
        if precision.shape != (len(levels), len(recall)):
            raise ValueError('precision and recall of another shape')
        stats = {name: float('nan') if value['stats'][name] is None else float(value['stats'][name]) for name in STATS}
        return cls(stats, levels, recall, precision, int(value['poses']), int(value['people']))

    def to_dict(self) -> dict[str, Any]:
        """Describe the score for JSON; null where no person is annotated."""
        return {
            'stats': stats_to_dict(self.stats),
            'poses': self.n_poses, 'people': self.n_people,
            'curve': {'recall': self.recall.tolist(),
                      'precision': {f'{threshold:.2f}': or_null(row)
                                    for threshold, row in zip(self.thresholds, self.precision, strict=True)}},
        }


def _index(images: Sequence[int], entries: list[dict[str, Any]]) -> COCOIndex:
    index = COCOIndex()
    index.dataset = {'images': [{'id': image} for image in images], 'categories': [{'id': PERSON, 'name': 'person'}],
                     'annotations': entries}
    index.createIndex()
    return index


def _flat(points: np.ndarray, third: np.ndarray) -> list[list[float]]:
    """Return x, y and a third number for each joint of (N, K, 2) points, a list a person."""
    triples = np.concatenate([points[..., ::-1], third[..., None]], axis=2)
    return triples.reshape(len(points), 3 * points.shape[1]).tolist()


def _truth_entries(people: Annotations) -> list[dict[str, Any]]:
    columns = zip(people.image_ids.tolist(), _flat(people.points, people.visibility),
                  boxes_to_coco(people.boxes).tolist(), people.areas.tolist(),
                  people.is_crowd.tolist(), people.labelled.sum(axis=1).tolist(), strict=True)
    # pycocotools marks unmatched entries by the id 0, so ids count from 1 here, whatever the ids in the file.
    return [{'id': i, 'image_id': image_id, 'category_id': PERSON, 'keypoints': keypoints, 'bbox': bbox,
             'area': area, 'iscrowd': int(is_crowd), 'num_keypoints': n}
            for i, (image_id, keypoints, bbox, area, is_crowd, n) in enumerate(columns, 1)]


def _result_entries(results: PoseResults) -> list[dict[str, Any]]:
    low, high = results.points.min(axis=1), results.points.max(axis=1)
    # As pycocotools itself has it: the area of a pose is that of the box around its joints.
    columns = zip(results.image_ids.tolist(), _flat(results.points, results.joint_scores), results.scores.tolist(),
                  (high - low).prod(axis=1).tolist(), strict=True)
    return [{'id': i, 'image_id': image_id, 'category_id': PERSON, 'keypoints': keypoints, 'score': score,
             'area': area}
            for i, (image_id, keypoints, score, area) in enumerate(columns, 1)]


def boxes_to_coco(boxes: np.ndarray) -> np.ndarray:
    """Return boxes (N, 4) as x, y, width and height from y_min, x_min, y_max, x_max."""
    return np.concatenate([boxes[:, 1::-1], (boxes[:, 2:] - boxes[:, :2])[:, ::-1]], axis=1)


def run_coco(people: Annotations, entries: list[dict[str, Any]], kind: str) -> COCOeval:
    """Score entries of COCO's results format with pycocotools.

    Args:
        people: the annotated people.
        entries: poses or boxes, with ``id`` and ``area``.
        kind: ``keypoints`` or ``bbox``.
    """
    images = list(people.images)
    # pycocotools reports every step by printing.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_index(images, _truth_entries(people)), _index(images, entries), kind)
        evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def read_stats(names: Sequence[str], evaluation: COCOeval) -> dict[str, float]:
    """Return what pycocotools counted, by names; NaN where it counted nothing."""
    return {name: float('nan') if value < 0 else float(value)
            for name, value in zip(names, evaluation.stats, strict=True)}


def score_results(results: PoseResults, people: Annotations) -> COCOScore:
    """Score poses against annotated people with pycocotools.

    Args:
        results: the poses.
        people: the people; all of their images count, as in COCO's own evaluation.
    """
    evaluation = run_coco(people, _result_entries(results), 'keypoints')
    precision = evaluation.eval['precision'][:, :, 0, 0, 0]
    return COCOScore(
        stats=read_stats(STATS, evaluation),
        thresholds=evaluation.params.iouThrs, recall=evaluation.params.recThrs,
        precision=np.where(precision < 0, np.nan, precision),
        n_poses=len(results), n_people=int((~people.is_crowd & people.labelled.any(axis=1)).sum()))
