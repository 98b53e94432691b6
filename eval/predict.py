"""Predicting a whole data set."""

from __future__ import annotations

from collections.abc import Callable

from data.crop import crop_box
from data.person import PersonDataset
from hourglass.codec import decode_for
from hourglass.predictor import PosePredictor

import numpy as np


def predict_dataset(
    predictor: PosePredictor, dataset: PersonDataset, progress: Callable[[int], object] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predict the joints of everybody in a data set, from the annotated centre and side.

    Args:
        predictor: the network and its preprocessing.
        dataset: people with the joint set of the predictor.
        progress: called with the number of people done, after each batch.

    Returns:
        Points (N, K, 2) float64, (y, x) in pixels of the images; scores (N, K) float32.
    """
    n_joints = len(predictor.spec.joint_set)
    points, scores = np.zeros((len(dataset), n_joints, 2)), np.zeros((len(dataset), n_joints), np.float32)
    for start in range(0, len(dataset), predictor.batchsize):
        stop = min(start + predictor.batchsize, len(dataset))
        inputs, boxes = [], []
        for i in range(start, stop):
            image, person = dataset[i]
            box = crop_box(person.center, person.side, image.shape[1:], predictor.spec.crop)
            inputs.append(predictor.prepare(image, box))
            boxes.append(box)
        sizes = np.array([box.shape for box in boxes])
        batch, batch_scores = decode_for(predictor.spec, predictor.heatmaps(np.stack(inputs)), sizes)
        points[start:stop] = batch + np.array([box.corner for box in boxes])[:, None]
        scores[start:stop] = batch_scores
        if progress is not None:
            progress(stop - start)
    return points, scores


def ground_truth(dataset: PersonDataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gather a data set's points (N, K, 2), labels (N, K) and reference lengths (N,)."""
    people = list(dataset.people)
    return (np.stack([person.points for person in people]), np.stack([person.labelled for person in people]),
            np.array([person.reference_length for person in people]))
