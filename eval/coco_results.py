"""Poses in COCO's results format: made from predictions, written, read, matched with annotated people.

The file is a JSON list with one object a pose: ``image_id``, ``category_id`` (1), ``keypoints`` (x, y and the joint's
score for each of 17 joints) and ``score``; https://cocodataset.org/#format-results.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.coco.dataset import COCODataset
from data.coco.detections import rows_by_image
from eval.image_ids import as_whole, find_images
from eval.predict import ground_truth
from hourglass.coco_format import PERSON
from hourglass.joints import COCO, convert_points
from hourglass.json_table import Table, read_json
from hourglass.oks import oks_matrix, oks_nms, pose_scores
from hourglass.results import write_json_rows

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Poses of detected people in one image that are more similar than this are taken for the same person.
NMS_OKS = 0.9


@dataclass(frozen=True)
class PoseResults:
    """N poses with COCO's joints, in pixels of the images.

    Attributes:
        image_ids: (N,) int64.
        points: (N, 17, 2) float64, (y, x).
        joint_scores: (N, 17) float64; zero for a joint that was not looked for.
        scores: (N,) float64.
    """

    image_ids: np.ndarray
    points: np.ndarray
    joint_scores: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: np.ndarray) -> PoseResults:
        """Return some of the poses, by index or by a mask (N,)."""
        return PoseResults(self.image_ids[rows], self.points[rows], self.joint_scores[rows], self.scores[rows])

    def suppress(self, areas: np.ndarray, threshold: float = NMS_OKS) -> PoseResults:
        """Leave out poses that are too similar to a better one of the same image; the order remains.

        Args:
            areas: (N,) of the people, in square pixels, such as those of their boxes.
            threshold: largest OKS of two poses that are both kept.
        """
        found = self.joint_scores > 0
        kept = [rows[oks_nms(self.points[rows], self.scores[rows], areas[rows], threshold, found[rows])]
                for rows in rows_by_image(self.image_ids)]
        return self.take(np.sort(np.concatenate([np.zeros(0, np.int64), *kept])))


def to_results(dataset: COCODataset, points: np.ndarray, joint_scores: np.ndarray) -> PoseResults:
    """Turn predictions for a data set's people into results.

    Args:
        dataset: the people, with the joints of the predictions.
        points: (N, K, 2), (y, x) in pixels of the images.
        joint_scores: (N, K).

    A joint of COCO's that the data set's joint set lacks is at (0, 0) with the score zero; COCO's evaluation counts it
    as wrong where it is labelled.
    """
    points, joint_scores = np.asarray(points, np.float64), np.asarray(joint_scores, np.float64)
    found, joint_set = np.ones(joint_scores.shape, bool), dataset.joint_set
    in_coco, _ = convert_points(points, found, joint_set, COCO)
    # Scores are converted as points, with the score as both coordinates.
    paired, _ = convert_points(np.stack([joint_scores, joint_scores], axis=-1), found, joint_set, COCO)
    return PoseResults(dataset.records.image_ids, in_coco, paired[..., 0],
                       pose_scores(dataset.records.scores, joint_scores))


def write_results(path: str | os.PathLike, results: PoseResults) -> None:
    """Write a file of results, coordinates to a hundredth of a pixel; it appears whole or not at all.

    Raises:
        InputError: a value is not finite, or the file cannot be written.
    """
    columns = np.concatenate([results.points[..., ::-1].round(2), results.joint_scores[..., None].round(5)], axis=2)
    write_json_rows(path, [
        {'image_id': image_id, 'category_id': PERSON, 'keypoints': keypoints.ravel().tolist(), 'score': score}
        for image_id, keypoints, score in zip(results.image_ids.tolist(), columns, results.scores.tolist(),
                                              strict=True)])


def _people_of(table: Table) -> Table:
    """Return the entries of people: category 1 as in COCO, or 0 in a file that counts from there.

    Raises:
        InputError: there are only other categories.
    """
    categories = [as_whole(row.get('category_id', PERSON)) for row in table.rows]
    person = PERSON if PERSON in categories else 0
    rows = [i for i, category in enumerate(categories) if category == person]
    if table.rows and not rows:
        table.fail(0, f'has the category_id {str(table.rows[0]["category_id"])[:40]!r}, and no entry has that of '
                      f'people ({PERSON}, or 0)')
    return table.take(rows)


def read_results(path: str | os.PathLike, images: Mapping[int, str]) -> PoseResults:
    """Read a file of results.

    Besides COCO's format, those of this project's demo_multi_person.py, Ultralytics and AlphaPose are read: a list of
    entries with ``image_id`` or ``file_name`` (:func:`eval.image_ids.find_images`), ``keypoints`` and ``score``.
    Other categories than people are left out.

    Args:
        path: the file.
        images: names of the annotated images by their ids.

    Raises:
        InputError: the file is missing, damaged, not in this format, or of other images.
    """
    path = Path(path)
    table = _people_of(Table(path, 'results', read_json(path)))
    keypoints = table.numbers('keypoints', 3 * len(COCO)).reshape(-1, len(COCO), 3)
    return PoseResults(find_images(table, images), keypoints[..., 1::-1].copy(), keypoints[..., 2],
                       table.numbers('score'))


def match_people(results: PoseResults, dataset: COCODataset) -> np.ndarray:
    """Find each annotated person's pose in results.

    In each image poses and people are paired so that the sum of OKS is the largest possible.

    Args:
        results: poses, also of other images.
        dataset: annotated people with COCO's joints.

    Returns:
        (N, 17, 2) float64, (y, x); NaN for a person without a pose.
    """
    records = dataset.records
    true_points, labelled, _ = ground_truth(dataset)
    points = np.full(true_points.shape, np.nan)
    poses = {int(results.image_ids[rows[0]]): rows for rows in rows_by_image(results.image_ids)}
    for people in rows_by_image(records.image_ids):
        rows = poses.get(int(records.image_ids[people[0]]))
        if rows is None:
            continue
        similarity = oks_matrix(results.points[rows], true_points[people], labelled[people], records.areas[people],
                                records.boxes[people])
        pose, person = linear_sum_assignment(similarity, maximize=True)
        alike = similarity[pose, person] > 0
        points[people[person[alike]]] = results.points[rows[pose[alike]]]
    return points
