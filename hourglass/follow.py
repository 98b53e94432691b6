"""Follow one person from frame to frame of a video or camera."""

from __future__ import annotations

from hourglass.crop import Box, Extent, Square, person_box, picture_box, whole_person
from hourglass.detection import Detector
from hourglass.image import Picture, as_image
from hourglass.locate import confidence, find_boxes, search_squares
from hourglass.predictor import Pose, PosePredictor
from hourglass.spec import ModelSpec

import numpy as np

#: Minimum peak of a joint that counts as seen (before calibration), and minimum share of such joints for a person to
#: count as found.
SEEN_JOINT, SHARE_SEEN = 0.2, 0.4
#: Side of the next crop, in sides of the crop of a person with the joints seen: some room to move.
MARGIN = 1.08
#: How much of the way the crop moves towards the newest joints; less is smoother and slower.
STEP = 0.6
#: Number of squares of the search (:func:`hourglass.locate.search_squares`) that are processed in each frame without a
#: person.
LOOKS = 2


class Follower:
    """Follows one person: the joints in one frame give the crop of the next one.

    While no person is found, each frame is searched a little further, so that no frame takes long.

    Args:
        spec: of the weights, for the crop.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._place: np.ndarray | None = None  # y, x, log(side)
        self._shape: tuple[int, int] | None = None
        self._n_searched = 0

    def find(
        self, predictor: PosePredictor, image: Picture, detector: Detector | None = None, bgr: bool = False,
    ) -> Pose:
        """Find the person in the next frame.

        Args:
            predictor: finds the joints, with the weights of ``spec``.
            image: a path, a PIL image or an array (:func:`hourglass.image.as_image`).
            detector: finds people; its best boxes are processed, too, while no person is found.
            bgr: whether an array (H, W, 3) has OpenCV's order of colours.

        Returns:
            The best pose; :func:`hourglass.locate.has_person` returns whether a person is there.
        """
        image = as_image(image, bgr)
        shape = image.shape[1], image.shape[2]
        boxes = self.boxes(shape)
        if detector is not None and len(boxes) > 1:
            boxes += [person_box(Extent.of_box(box), shape, self.spec) for box in find_boxes(detector, image)[:LOOKS]]
        pose = max(predictor.poses_in([image] * len(boxes), boxes), key=confidence)
        self.update(pose, shape)
        return pose

    def boxes(self, shape: tuple[int, int]) -> list[Box]:
        """Return the crops to process in the next frame (height, width): one, or several if the person is lost."""
        if self._place is not None and shape == self._shape:
            y, x, log_side = self._place.tolist()
            return [person_box(Square(y, x, float(np.exp(log_side))), shape, self.spec)]
        squares = search_squares(shape)
        chosen = [squares[(self._n_searched + i) % len(squares)] for i in range(LOOKS)]
        self._n_searched += LOOKS
        return [picture_box(shape, self.spec), *(person_box(square, shape, self.spec) for square in chosen)]

    def update(self, pose: Pose, shape: tuple[int, int]) -> None:
        """Move the next crop to the pose that was found in a frame (height, width)."""
        seen = pose.scores >= self.spec.score_of(SEEN_JOINT)
        if seen.mean() < SHARE_SEEN:
            self._place = None
            return
        square = whole_person(Extent.of_points(pose.points, seen))
        # Without limits the crop shrinks to a hand if few joints are visible, and outgrows the picture near the camera.
        side = float(np.clip(MARGIN * square.side, min(shape) / 4, 1.5 * max(shape)))
        wanted = np.array([square.y, square.x, np.log(side)])
        near = self._place is not None and shape == self._shape
        self._place = self._place + STEP * (wanted - self._place) if near else wanted
        self._shape = shape
