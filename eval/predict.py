"""Predict the joints of all people of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from data.person import PersonDataset
from data.pictures import check_image_files
from hourglass.codec import decode_in_images
from hourglass.crop import Box, person_box, prepare
from hourglass.oks import oks, sigmas_for
from hourglass.predictor import PosePredictor
from pretrained.registry import use_weights

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from eval.config import EvalConfig


def _prepare(predictor: PosePredictor, dataset: PersonDataset, i: int) -> tuple[np.ndarray, Box]:
    """Read a person's image and cut the person out."""
    image, person = dataset[i]
    box = person_box(person.location, image.shape[1:], predictor.spec)
    return prepare(image, box, predictor.spec), box


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
    """Predict the joints of all people of a data set, from where they are annotated.

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


def person_oks(points: np.ndarray, dataset: PersonDataset, areas: np.ndarray) -> np.ndarray:
    """Return the OKS (N,) of one prediction for each person; NaN where no joint is labelled that has a constant.

    Args:
        points: (N, K, 2), (y, x) in pixels of the images; NaN counts as wrong.
        dataset: the annotated people, with the joints of the predictions.
        areas: (N,) of the people, in square pixels.
    """
    true_points, labelled, _ = ground_truth(dataset)
    return oks(points, true_points, labelled, areas, sigmas_for(dataset.joint_set))


def load_predictor(config: EvalConfig) -> tuple[PosePredictor, str]:
    """Load the weights of an evaluation.

    Returns:
        The predictor, and its name for tables and plots: the weights and how they are run, such as ``bundled, flip``.

    Raises:
        InputError: the weights cannot be used.
    """
    predictor, name = use_weights(config.weights, lambda name: (config.load_predictor(config.batchsize, name), name))
    # For a file with its folder: a training calls all weights best.npz or model.npz.
    name = str(Path(*Path(name).parts[-2:])).removesuffix('.npz')
    return predictor, name + ', flip' * config.flip + f', {config.precision}' * (config.precision != 'f32')


def predict_people(predictor: PosePredictor, dataset: PersonDataset) -> tuple[np.ndarray, np.ndarray]:
    """Predict a data set as :func:`predict_dataset` does, with a progress bar, after a check of its images.

    Raises:
        InputError: an image cannot be used.
    """
    check_image_files(dataset, decode=False)
    with tqdm(total=len(dataset), unit='person', dynamic_ncols=True, disable=None) as bar:
        return predict_dataset(predictor, dataset, bar.update)
