"""Tracking people from frame to frame, by their boxes and poses.

Every track is extrapolated with constant velocity.  A person in a new frame is compared with each track by the overlap
of the boxes (intersection over union) and the similarity of the poses (OKS); the most similar pairs are matched
first.  The picture itself is not used: two people who meet, stop and part may exchange their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from hourglass.boxes import box_iou
from hourglass.joints import JointSet
from hourglass.oks import oks, sigmas_for

import numpy as np
from numpy.typing import ArrayLike

#: Weight of a new step in the velocity of a track, so that the jitter of a detector's boxes averages out.
_NEW_STEP = 0.25
#: Minimum similarity to a track, the mean of overlap and OKS, and minimum score of a joint that is compared; 0 to 1.
_MIN_SIMILARITY, _MIN_SCORE = 0.2, 0.2
#: Factor on the similarity of a track for each frame that it has been missing: of two possible people, the one who was
#: seen last is preferred.
_FADING = 0.9


@dataclass
class _Track:
    """A person of earlier frames.

    Attributes:
        number: of the track.
        box: (4,) when last seen.
        points: (K, 2) when last seen.
        found: (K,) bool, joints with a sufficient score.
        velocity: (2,) of the middle of the box, in pixels a frame; ``None`` after the first time.
        missing: number of frames since then; 1 for the next frame.
    """

    number: int
    box: np.ndarray
    points: np.ndarray
    found: np.ndarray
    velocity: np.ndarray | None = None
    missing: int = 0

    @property
    def shift(self) -> np.ndarray:
        """(2,) expected movement since then, in pixels."""
        return np.zeros(2) if self.velocity is None else self.velocity * self.missing

    def see(self, box: np.ndarray, points: np.ndarray, found: np.ndarray) -> None:
        """Update the track with a person of the current frame."""
        step = ((box[:2] + box[2:]) - (self.box[:2] + self.box[2:])) / 2 / self.missing
        self.velocity = step if self.velocity is None else self.velocity + _NEW_STEP * (step - self.velocity)
        self.box, self.points, self.found, self.missing = box, points, found, 0


class Tracker:
    """Give each person a number that stays the same from frame to frame.

    Args:
        joint_set: names the joints.
        max_missing: number of frames that a person may be out of sight; after more, the person gets a new number.
    """

    def __init__(self, joint_set: JointSet, max_missing: int = 15) -> None:
        self.max_missing = max_missing
        self.n_tracks = 0
        self._sigmas = sigmas_for(joint_set)
        self._tracks: list[_Track] = []

    @property
    def numbers(self) -> set[int]:
        """Numbers of the tracks that may still be continued."""
        return {track.number for track in self._tracks}

    def _similarity(self, boxes: np.ndarray, points: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Compare all tracks with all people: (T, N) in [0, 1]."""
        shifts = np.array([track.shift for track in self._tracks])
        expected_boxes = np.array([track.box for track in self._tracks]) + np.tile(shifts, 2)
        expected_points = np.array([track.points for track in self._tracks]) + shifts[:, None]
        known = np.array([track.found for track in self._tracks])
        overlap = box_iou(expected_boxes, boxes)
        areas = np.prod(expected_boxes[:, 2:] - expected_boxes[:, :2], axis=1)
        alike = oks(points[None], expected_points[:, None], found[None] & known[:, None], areas[:, None], self._sigmas)
        # Without a joint in common, only the boxes are compared.
        return np.where(np.isnan(alike), overlap, (overlap + alike) / 2)

    def _matches(self, boxes: np.ndarray, points: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
        """Return pairs of indices: of a track in the list, and of a person."""
        if not self._tracks or not len(boxes):
            return []
        similarity = self._similarity(boxes, points, found)
        similarity[similarity < _MIN_SIMILARITY] = 0
        similarity *= _FADING ** np.array([track.missing for track in self._tracks])[:, None]
        pairs: list[tuple[int, int]] = []
        while (best := similarity.max()) > 0:
            row, person = (int(i[0]) for i in np.nonzero(similarity == best))
            pairs.append((row, person))
            similarity[row], similarity[:, person] = 0, 0
        return pairs

    def update(self, boxes: ArrayLike, points: ArrayLike, scores: ArrayLike) -> list[int]:
        """Number the people of the next frame; a frame without people counts, too.

        Args:
            boxes: (N, 4), (y_min, x_min, y_max, x_max) in pixels.
            points: (N, K, 2), (y, x) in pixels.
            scores: (N, K) of the joints.

        Returns:
            The N numbers of their tracks, from 1.
        """
        boxes, points = np.asarray(boxes, np.float64), np.asarray(points, np.float64)
        found = np.asarray(scores) >= _MIN_SCORE
        numbers = [0] * len(boxes)
        for track in self._tracks:
            track.missing += 1
        for row, person in self._matches(boxes, points, found):
            self._tracks[row].see(boxes[person], points[person], found[person])
            numbers[person] = self._tracks[row].number
        self._tracks = [track for track in self._tracks if track.missing <= self.max_missing]
        for person, number in enumerate(numbers):
            if not number:
                self.n_tracks += 1
                numbers[person] = self.n_tracks
                self._tracks.append(_Track(self.n_tracks, boxes[person], points[person], found[person]))
        return numbers
