"""Knowing people again from frame to frame, by where they are and how they stand.

Every track is expected to move on as it moved before.  A person found in a new frame is compared with each
expectation by the overlap of the boxes (intersection over union) and the similarity of the poses (OKS), and all
are matched at once so that the sum is highest.  Nothing looks at the picture: two people who meet, stop and part
may exchange their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from hourglass.boxes import box_iou
from hourglass.joints import JointSet
from hourglass.oks import oks, sigmas_for

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Share of a new step in a track's velocity: what a detector's boxes tremble evens out.
_NEW_STEP = 0.25
#: A track's similarity counts so much less for each frame that it has been missing: of two people who might be
#: seen, it is the one who was seen last.
_FADING = 0.9


@dataclass
class _Track:
    """A person seen before.

    Attributes:
        number: that of the track.
        box: (4,) when last seen.
        points: (K, 2) when last seen.
        found: (K,) bool, joints that scored enough.
        velocity: (2,) of the middle of the box, in pixels a frame; ``None`` after the first time.
        missing: frames since; 1 while the next one is looked at.
    """

    number: int
    box: np.ndarray
    points: np.ndarray
    found: np.ndarray
    velocity: np.ndarray | None = None
    missing: int = 0

    @property
    def shift(self) -> np.ndarray:
        """(2,) how far the person should have gone since."""
        return np.zeros(2) if self.velocity is None else self.velocity * self.missing

    def see(self, box: np.ndarray, points: np.ndarray, found: np.ndarray) -> None:
        """Take over where the person is now."""
        step = ((box[:2] + box[2:]) - (self.box[:2] + self.box[2:])) / 2 / self.missing
        self.velocity = step if self.velocity is None else self.velocity + _NEW_STEP * (step - self.velocity)
        self.box, self.points, self.found, self.missing = box, points, found, 0


class Tracker:
    """Give people numbers that stay theirs.

    Args:
        joint_set: names the joints.
        max_missing: frames that a person may be out of sight; after more of them it is a new one.
        threshold: least similarity of somebody known, the mean of overlap and OKS, 0 to 1.
        min_score: joints that score less are not compared.
    """

    def __init__(self, joint_set: JointSet, max_missing: int = 15, threshold: float = 0.2,
                 min_score: float = 0.2) -> None:
        self.max_missing = max_missing
        self.threshold = threshold
        self.min_score = min_score
        self.n_tracks = 0
        self._sigmas = sigmas_for(joint_set)
        self._tracks: list[_Track] = []

    def _similarity(self, boxes: np.ndarray, points: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Compare all tracks with all people: (T, N) in [0, 1]."""
        shifts = np.array([track.shift for track in self._tracks])
        expected_boxes = np.array([track.box for track in self._tracks]) + np.tile(shifts, 2)
        expected_points = np.array([track.points for track in self._tracks]) + shifts[:, None]
        known = np.array([track.found for track in self._tracks])
        with np.errstate(invalid='ignore'):  # a box without an area overlaps nothing
            overlap = box_iou(expected_boxes, boxes)
        areas = np.prod(expected_boxes[:, 2:] - expected_boxes[:, :2], axis=1)
        alike = oks(points[None], expected_points[:, None], found[None] & known[:, None], areas[:, None], self._sigmas)
        # Poses without a joint in common say nothing.
        return np.where(np.isnan(alike), overlap, (overlap + alike) / 2)

    def _matches(self, boxes: np.ndarray, points: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
        """Return pairs of a track's place in the list and a person's."""
        if not self._tracks or not len(boxes):
            return []
        similarity = self._similarity(boxes, points, found)
        similarity[similarity < self.threshold] = 0
        similarity *= _FADING ** np.array([track.missing for track in self._tracks])[:, None]
        pairs = zip(*linear_sum_assignment(similarity, maximize=True), strict=True)
        return [(row, person) for row, person in pairs if similarity[row, person] > 0]

    def update(self, boxes: np.ndarray, points: np.ndarray, scores: np.ndarray) -> list[int]:
        """Number the people of the next frame.

        Args:
            boxes: (N, 4), (y_min, x_min, y_max, x_max) in pixels.
            points: (N, K, 2), (y, x) in pixels.
            scores: (N, K) of the joints.

        Returns:
            The N numbers of their tracks, from 1.
        """
        boxes, points = np.asarray(boxes, np.float64), np.asarray(points, np.float64)
        found = np.asarray(scores) >= self.min_score
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
