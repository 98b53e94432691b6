"""The assignment of poses to the annotated people of COCO."""

from __future__ import annotations

from data.coco.dataset import COCODataset
from data.coco.detections import rows_by_image
from eval.coco_results import PoseResults
from eval.predict import ground_truth
from hourglass.errors import InputError
from hourglass.joints import COCO
from hourglass.oks import oks_matrix

import numpy as np
from scipy.optimize import linear_sum_assignment


def match_people(results: PoseResults, dataset: COCODataset) -> np.ndarray:
    """Find each annotated person's pose in results.

    In each image poses and people are paired so that the sum of OKS is the largest possible.

    Args:
        results: poses, also of other images.
        dataset: annotated people with COCO's joints.

    Returns:
        (N, 17, 2) float64, (y, x); NaN for a person without a pose.

    Raises:
        InputError: the data set has other joints.
    """
    if dataset.joint_set != COCO:
        raise InputError(f'results have the joints of COCO, the data set has those of {dataset.joint_set.name}')
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

