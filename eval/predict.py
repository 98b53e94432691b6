"""Predicting a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from data.person import PersonDataset
from hourglass.codec import decode_in_images
from hourglass.crop import Box, person_box
from hourglass.predictor import PosePredictor

import numpy as np


def _prepare(predictor: PosePredictor, dataset: PersonDataset, i: int) -> tuple[np.ndarray, Box]:
    """Read a person's image and cut the person out."""
    image, person = dataset[i]
    box = person_box(person.center, person.side, image.shape[1:], predictor.spec)
    return predictor.prepare(image, box), box


def _batches(predictor: PosePredictor, dataset: PersonDataset) -> Iterator[tuple[np.ndarray, list[Box]]]:
    """Yield the inputs of one batch after another; the next one is prepared while one is being used."""
    starts = range(0, len(dataset), predictor.batchsize)
    with ThreadPoolExecutor() as pool:
        def submit(start: int) -> list[Future[tuple[np.ndarray, Box]]]:
            stop = min(start + predictor.batchsize, len(dataset))
            return [pool.submit(_prepare, predictor, dataset, i) for i in range(start, stop)]

        upcoming = submit(0) if len(dataset) else []
        for start in starts:
            prepared = [future.result() for future in upcoming]
            upcoming = submit(start + predictor.batchsize)
            yield np.stack([crop for crop, _ in prepared]), [box for _, box in prepared]


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
    start = 0
    for inputs, boxes in _batches(predictor, dataset):
        rows = slice(start, start + len(boxes))
        points[rows], scores[rows] = decode_in_images(predictor.spec, predictor.heatmaps(inputs), boxes)
        start = rows.stop
        if progress is not None:
            progress(len(boxes))
    return points, scores


def ground_truth(dataset: PersonDataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gather a data set's points (N, K, 2), labels (N, K) and reference lengths (N,)."""
    people = list(dataset.people)
    return (np.stack([person.points for person in people]), np.stack([person.labelled for person in people]),
            np.array([person.reference_length for person in people]))
