"""The poses of all people in images: a detector finds the people, a network their joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hourglass.boxes import suppress_boxes
from hourglass.crop import Extent, person_box
from hourglass.detection import Detector, filter_boxes
from hourglass.oks import oks_nms, pose_scores, sigmas_for
from hourglass.predictor import Pose, PosePredictor

import numpy as np


@dataclass(frozen=True)
class PersonPose:
    """One person of an image.

    Attributes:
        pose: the joints, in pixels of the image.
        box: (y_min, x_min, y_max, x_max) as detected, in pixels of the image; it may reach beyond it.
        box_score: the detector's score.
        score: of the person as a whole: ``box_score`` times the mean of the joints' scores.
    """

    pose: Pose
    box: tuple[float, float, float, float]
    box_score: float
    score: float


class PeoplePredictor:
    """Finds the joints of all people in images.

    Each person is cut out of the image by the rule of the weights (:func:`hourglass.crop.person_box`).

    Args:
        predictor: the network and its preprocessing; its ``batchsize`` is how many people go through it at once.
        detector: finds the people.
        score_threshold: boxes that score less are no people; by default the detector's own.
        max_people: largest number of people in an image, those with the best boxes; by default no limit.
        nms: of two boxes that overlap by this much (intersection over union) or more, the worse one is dropped.
        nms_oks: of two poses more alike than this (object keypoint similarity, :mod:`hourglass.oks`), the worse one is
            dropped: they are of the same person.
        keep_heatmaps: whether poses keep their heatmaps, 0.25 MB a person; without, they are (K, 0, 0).
    """

    def __init__(
        self, predictor: PosePredictor, detector: Detector, score_threshold: float | None = None,
        max_people: int | None = None, nms: float = 0.6, nms_oks: float = 0.7, keep_heatmaps: bool = False,
    ) -> None:
        self.predictor = predictor
        self.detector = detector
        self.score_threshold = detector.score_threshold if score_threshold is None else score_threshold
        self.max_people = max_people
        self.nms = nms
        self.nms_oks = nms_oks
        self.keep_heatmaps = keep_heatmaps

    def predict(self, images: Sequence[np.ndarray], names: Sequence[str] | None = None) -> list[list[PersonPose]]:
        """Find all people in each image.

        Args:
            images: arrays (3, H, W) float32, RGB in [0, 255].
            names: of the images, for boxes from a file.

        Returns:
            The people of each image, the best first; an empty list where none was found.

        Raises:
            InputError: the detector cannot be used for these images.
        """
        return self.predict_boxes(images, self.detector.detect(images, names))

    def predict_one(self, image: np.ndarray, name: str | None = None) -> list[PersonPose]:
        """Find all people in one image; see :meth:`predict`."""
        return self.predict([image], None if name is None else [name])[0]

    def predict_boxes(
        self, images: Sequence[np.ndarray], found: Sequence[tuple[np.ndarray, np.ndarray]],
    ) -> list[list[PersonPose]]:
        """Find the joints of people whose boxes are known.

        Args:
            images: as for :meth:`predict`.
            found: for each image boxes (N, 4) and scores (N,), as a detector gives them.
        """
        chosen = [self._choose(*boxes, image.shape[1:]) for image, boxes in zip(images, found, strict=True)]
        places = [(i, k) for i, (boxes, _) in enumerate(chosen) for k in range(len(boxes))]
        poses: list[list[Pose]] = [[] for _ in images]
        # Batch by batch, so that a crowd's crops and heatmaps are never in memory together.
        for start in range(0, len(places), self.predictor.batchsize):
            batch = places[start:start + self.predictor.batchsize]
            crops = [person_box(Extent.of_box(chosen[i][0][k]), images[i].shape[1:], self.predictor.spec)
                     for i, k in batch]
            for (i, _), pose in zip(batch, self.predictor.poses([images[i] for i, _ in batch], crops), strict=True):
                poses[i].append(self._slim(pose))
        return [self._people(*boxes, those) for boxes, those in zip(chosen, poses, strict=True)]

    def _choose(
        self, boxes: np.ndarray, scores: np.ndarray, shape: tuple[int, ...],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes that are people, the best first."""
        boxes, scores = filter_boxes(boxes, scores, shape, self.score_threshold)
        rows = suppress_boxes(boxes, self.nms, scores)[:self.max_people]
        return boxes[rows], scores[rows]

    def _slim(self, pose: Pose) -> Pose:
        return pose if self.keep_heatmaps else replace(pose, heatmaps=np.zeros((len(pose.points), 0, 0), np.float32))

    def _people(self, boxes: np.ndarray, box_scores: np.ndarray, poses: Sequence[Pose]) -> list[PersonPose]:
        """Return the people of one image, each once."""
        if not poses:
            return []
        joint_scores = np.stack([pose.scores for pose in poses])
        scores = pose_scores(box_scores, joint_scores)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        kept = oks_nms(np.stack([pose.points for pose in poses]), scores, areas, self.nms_oks, joint_scores > 0,
                       sigmas_for(self.predictor.spec.joint_set))
        return [PersonPose(poses[i], tuple(boxes[i].tolist()), float(box_scores[i]), float(scores[i])) for i in kept]
