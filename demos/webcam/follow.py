"""Following one person from frame to frame."""

from __future__ import annotations

from hourglass.crop import Box, Square, person_box, picture_box
from hourglass.locate import MIN_CONFIDENCE, search_squares
from hourglass.predictor import Pose
from hourglass.spec import ModelSpec

import numpy as np

#: Share of the joints that must be seen for the person to be there.
SHARE_SEEN = 0.4
#: Side of the next crop divided by the longer side of the box around the joints: room to move.
MARGIN = 1.35
#: How much of the way the crop goes towards the newest joints; less is calmer and slower.
STEP = 0.6


#: Squares of the search (:func:`hourglass.locate.search_squares`) for each frame without a person.
LOOKS = 2


class Follower:
    """Where to look for a person in the next frame: around the joints of the last one.

    While no person is seen, each frame is searched a little further, so that no frame takes long.

    Args:
        spec: gives the way of cropping.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._place: np.ndarray | None = None  # y, x, log(side)
        self._shape: tuple[int, int] | None = None
        self._n_searched = 0

    def boxes(self, shape: tuple[int, int]) -> list[Box]:
        """Return where to look in the next frame (height, width): one place, or several if the person is lost.

        Of several, the pose with the highest :func:`hourglass.locate.confidence` is to be passed to :meth:`update`.
        """
        if self._place is not None and shape == self._shape:
            y, x, log_side = self._place
            return [person_box(Square(y, x, float(np.exp(log_side))), shape, self.spec)]
        squares = search_squares(shape)
        chosen = [squares[(self._n_searched + i) % len(squares)] for i in range(LOOKS)]
        self._n_searched += LOOKS
        return [picture_box(shape, self.spec), *(person_box(square, shape, self.spec) for square in chosen)]

    def update(self, pose: Pose, shape: tuple[int, int]) -> None:
        """Store what was found in a frame (height, width)."""
        seen = pose.scores >= self.spec.score_of(MIN_CONFIDENCE)
        if seen.mean() < SHARE_SEEN:
            self._place = None
            return
        low, high = pose.points[seen].min(axis=0), pose.points[seen].max(axis=0)
        center, length = (low + high) / 2, float((high - low).max())
        # Few visible joints would let the crop shrink to a hand, and a person too near grow beyond the picture.
        side = float(np.clip(MARGIN * length, min(shape) / 4, 1.5 * max(shape)))
        wanted = np.array([*center, np.log(side)])
        near = self._place is not None and shape == self._shape
        self._place = self._place + STEP * (wanted - self._place) if near else wanted
        self._shape = shape
