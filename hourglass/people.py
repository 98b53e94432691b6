"""Find the poses of all people in images: a detector finds the people, and a network finds their joints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from hourglass.boxes import suppress_boxes
from hourglass.crop import Extent, person_box
from hourglass.detection import Detector, filter_boxes
from hourglass.image import Picture, as_images, is_one_image
from hourglass.joints import COCO, JointSet
from hourglass.oks import oks_nms, pose_scores, sigmas_for
from hourglass.options import MIN_SCORE
from hourglass.predictor import Joint, Pose, PosePredictor, preview
from hourglass.results import pose_to_dict

import numpy as np
from PIL import Image


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

    @property
    def points(self) -> np.ndarray:
        """(K, 2) float64, (y, x) in pixels of the image."""
        return self.pose.points

    @property
    def scores(self) -> np.ndarray:
        """(K,) float32 in [0, 1]."""
        return self.pose.scores

    @property
    def joints(self) -> dict[str, Joint]:
        """The joints by name."""
        return self.pose.joints

    def to_dict(self) -> dict[str, Any]:
        """Return the person as in the JSON of ``demo_multi_person.py``, without the entries about the picture.

        Those of COCO's results format (https://cocodataset.org/#format-results) are ``bbox`` (x, y, width, height as
        detected), ``score``, and ``keypoints``: x, y and score of each of COCO's 17 joints, zeros for a joint that the
        weights do not have.  In addition: ``box_score``, ``joint_set`` and ``joints``, all joints of the weights.
        """
        y0, x0, y1, x1 = self.box
        triples = np.column_stack([self.points[:, ::-1], self.scores]).astype(np.float64)
        in_coco = [[0.0] * 3 if place is None else triples[place].tolist()
                   for place in self.pose.joint_set.places_of(COCO)]
        return {
            'keypoints': [round(value, digits) for triple in in_coco
                          for value, digits in zip(triple, (2, 2, 4), strict=True)],
            'score': round(self.score, 5), 'bbox': [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
            'box_score': round(self.box_score, 5), **pose_to_dict(self.pose),
        }


class People(list[PersonPose]):
    """The people of one image, the best first.  A notebook shows them drawn.

    Attributes:
        image: (3, H, W) float32, RGB in [0, 255].
        joint_set: names the joints.
    """

    def __init__(self, people: Iterable[PersonPose], image: np.ndarray, joint_set: JointSet) -> None:
        super().__init__(people)
        self.image = image
        self.joint_set = joint_set

    def draw(self, threshold: float = MIN_SCORE, line_width: int | None = None, style: str = 'clear') -> Image.Image:
        """Return the picture with all people drawn (:func:`hourglass.draw.draw_people`).

        Args:
            threshold: limbs with a joint that scores less are left out.
            line_width: in pixels; by default it follows the sizes of the picture and of each person.
            style: ``clear`` or ``reference``.
        """
        from hourglass.draw import draw_people

        drawn = draw_people(self.image, [person.points for person in self], self.joint_set, line_width,
                            [person.scores for person in self], threshold, style)
        return Image.fromarray(drawn.transpose(1, 2, 0))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return :meth:`PersonPose.to_dict` of each person."""
        return [person.to_dict() for person in self]

    def _repr_jpeg_(self) -> bytes:
        return preview(self.draw())


class PeoplePredictor:
    """Finds the joints of all people in images.

    Each person is cut out of the image by the rule of the weights (:func:`hourglass.crop.person_box`).

    Args:
        predictor: the network and its preprocessing; its ``batchsize`` is how many people go through it at once.
        detector: finds the people.
        score_threshold: boxes that score less are left out; by default the detector's own.
        max_people: largest number of people in an image, those with the best boxes; by default no limit.
        nms: of two boxes with this intersection over union or more, the one with the lower score is dropped.
        nms_oks: of two poses more similar than this (object keypoint similarity, :mod:`hourglass.oks`), the one with
            the lower score is dropped, because they are of the same person.
        keep_heatmaps: whether poses keep their heatmaps, 0.25 MB per person; otherwise these are (K, 0, 0).
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

    @overload
    def predict(  # type: ignore[overload-overlap]  # (a text is a sequence of texts)
        self, images: Picture, names: str | None = None, bgr: bool = False,
    ) -> People: ...

    @overload
    def predict(
        self, images: Iterable[Picture], names: Sequence[str] | None = None, bgr: bool = False,
    ) -> list[People]: ...

    def predict(
        self, images: Picture | Iterable[Picture], names: str | Sequence[str] | None = None, bgr: bool = False,
    ) -> People | list[People]:
        """Find all people in one image or in each of a list.

        Args:
            images: one or several pictures: paths, PIL images or arrays (:func:`hourglass.image.as_image`).
            names: of the images, for boxes from a file; one for one image.
            bgr: whether arrays (H, W, 3) have OpenCV's order of colours.

        Returns:
            The people of the image, or of each image of the list, the best first; empty where none was found.

        Raises:
            InputError: a picture cannot be read or is not a picture, or the detector cannot be used for it.
        """
        arrays = as_images(images, bgr)
        people = self.predict_boxes(arrays, self.detector.detect(arrays, [names] if isinstance(names, str) else names))
        return people[0] if is_one_image(images) else people

    def predict_boxes(
        self, images: Iterable[Picture], found: Sequence[tuple[np.ndarray, np.ndarray]],
    ) -> list[People]:
        """Find the joints of people whose boxes are known.

        Args:
            images: as for :meth:`predict`.
            found: for each image boxes (N, 4) and scores (N,), as a detector gives them.
        """
        arrays = as_images(images)
        chosen = [self._choose(*boxes, image.shape[1:]) for image, boxes in zip(arrays, found, strict=True)]
        places = [(i, k) for i, (boxes, _) in enumerate(chosen) for k in range(len(boxes))]
        poses: list[list[Pose]] = [[] for _ in arrays]
        # Batch by batch, so that a crowd's crops and heatmaps are never in memory together.
        for start in range(0, len(places), self.predictor.batchsize):
            batch = places[start:start + self.predictor.batchsize]
            crops = [person_box(Extent.of_box(chosen[i][0][k]), arrays[i].shape[1:], self.predictor.spec)
                     for i, k in batch]
            for (i, _), pose in zip(batch, self.predictor.poses_in([arrays[i] for i, _ in batch], crops), strict=True):
                poses[i].append(self._slim(pose))
        return [People(self._people(*boxes, those), image, self.predictor.spec.joint_set)
                for boxes, those, image in zip(chosen, poses, arrays, strict=True)]

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
