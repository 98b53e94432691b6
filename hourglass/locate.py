"""Find one person anywhere in a picture.

The network needs a crop with a person in its middle.  :func:`locate` searches for one: the network processes many
crops, and since joints of a visible person score much higher than others, the best crop has a person in it.  The joints
of the best few poses give the next crops, until these no longer change.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from hourglass.crop import Extent, Square, crop_square, person_box, whole_person
from hourglass.detection import Detector, filter_boxes
from hourglass.image import Picture, as_image
from hourglass.pixels import resize_image
from hourglass.predictor import Pose, PosePredictor
from hourglass.spec import ModelSpec

import numpy as np

#: Minimum mean heatmap peak for a pose to count as a person (before calibration, ``ModelSpec.score_of``).  The card of
#: the bundled weights has the rates of false alarms and misses.
MIN_CONFIDENCE = 0.25
#: Poses are ranked by confidence times this power of the person's size in the picture, so that of two people who are
#: seen equally well the larger one wins.  The search ends at a rank of CONFIDENT (a peak, too).
SIZE_POWER, CONFIDENT = 0.15, 0.35
#: Largest number of a detector's boxes that are tried.
MAX_BOXES = 8

#: Sides of the search's crops, in heights of the picture (widths where that is more, up to 1.5 heights).  The largest
#: reach beyond the picture, for people who are cut by its border.  The second row is used only if no person is found
#: with confidence in the first.
SEARCH_SIDES = ((1.4, 1.0, 0.75, 0.55), (0.4,))
#: Distance between the search's crops, and smallest distance of their middles from the border, in sides.
SEARCH_STEP, SEARCH_INSET = 0.5, 0.35
#: Number of rounds in which joints give the next crops, and number of best poses that are used in each.
ROUNDS, BEST = 3, 4
#: A joint counts as seen if it scores at least this share of the mean of the best :data:`TOP_JOINTS`.
SEEN_JOINT, TOP_JOINTS = 0.5, 5
#: Sides of the next crops, in sides of the crop of a person with the joints seen; the second is for a person of whom
#: only a part was seen.
WIDER = (1.0, 1.28)
#: Crops count as the same if their middles are nearer than this, in sides, and their sides differ by less than this.
SAME_PLACE, SAME_SIDE = 0.06, 0.08
#: Larger pictures are reduced to this many sizes of the network's input for the search.
SEARCH_RESOLUTION = 8


def confidence(pose: Pose) -> float:
    """Return the mean score of the joints of a pose."""
    return float(pose.scores.mean())


def has_person(pose: Pose, spec: ModelSpec) -> bool:
    """Return whether a person is where a pose was found; ``spec`` is that of the weights."""
    return confidence(pose) >= spec.score_of(MIN_CONFIDENCE)


def _rank(pose: Pose, shape: tuple[int, ...]) -> float:
    """Return the rank of a pose in an image (height, width), by confidence and size (:data:`SIZE_POWER`)."""
    weights = pose.scores / max(float(pose.scores.sum()), 1e-6)
    middle = weights @ pose.points
    spread = np.sqrt(weights @ ((pose.points - middle) ** 2).sum(axis=1))
    # A person is about three times as long as the joints are spread.
    return confidence(pose) * min(1.0, 3 * float(spread) / max(shape)) ** SIZE_POWER


def search_squares(shape: tuple[int, ...], sides: Sequence[float] = SEARCH_SIDES[0]) -> list[Square]:
    """Return squares all over a picture (height, width); by default those that the search begins with, about 20."""
    height, width = shape
    # The last bound limits the number of squares in very narrow pictures.
    full = max(height, min(width, 1.5 * height), max(shape) / 4)
    squares = []
    for side in (part * full for part in sides):
        rows, columns = (_middles(length, side) for length in (height, width))
        squares += [Square(float(y), float(x), side) for y in rows for x in columns]
    return squares


def _middles(length: int, side: float) -> np.ndarray:
    """Return the middles of squares of a side along an axis."""
    if side >= length:
        return np.array([length / 2])
    room = length - 2 * SEARCH_INSET * side
    return SEARCH_INSET * side + np.linspace(0, room, max(2, int(np.ceil(room / (SEARCH_STEP * side))) + 1))


def squares_around(pose: Pose) -> list[Square]:
    """Return the next squares to look at: around the joints that score high."""
    threshold = SEEN_JOINT * np.sort(pose.scores)[-TOP_JOINTS:].mean()
    seen = (pose.scores >= threshold) & (pose.scores > 0)
    if seen.sum() < 3:
        return []
    square = whole_person(Extent.of_points(pose.points, seen))
    return [square._replace(side=wider * square.side) for wider in WIDER]


class _Search:
    """Poses in crops of one image.

    Args:
        predictor: finds the joints.
        image: (3, H, W) float32, RGB in [0, 255].
        bar: shows how many crops have been processed.
    """

    def __init__(self, predictor: PosePredictor, image: np.ndarray, bar: Any) -> None:
        self.predictor = predictor
        self.image = image
        self.bar = bar
        self.found: list[tuple[Square, Pose]] = []
        self._followed: set[Square] = set()

    def ranking(self) -> list[tuple[Square, Pose]]:
        """Return the crops and their poses, the best first."""
        shape = self.image.shape[1:]
        return sorted(self.found, key=lambda entry: -_rank(entry[1], shape))

    def is_confident(self) -> bool:
        """Return whether a pose is so good that the search can end."""
        sure = self.predictor.spec.score_of(CONFIDENT)
        return any(_rank(pose, self.image.shape[1:]) >= sure for _, pose in self.found)

    def look(self, squares: list[Square]) -> bool:
        """Process crops, except those that are like earlier ones; return whether there was a new one."""
        known = np.array([square for square, _ in self.found]).reshape(-1, 3)
        new: list[Square] = []
        for square in squares:
            side = square[2]
            same = (abs(known[:, :2] - square[:2]).max(axis=1, initial=0) < SAME_PLACE * side) \
                & (abs(np.log(known[:, 2] / side)) < SAME_SIDE)
            if not same.any():
                new.append(square)
                known = np.vstack([known, square])
        self.bar.total += len(new)
        for start in range(0, len(new), self.predictor.batchsize):
            batch = new[start:start + self.predictor.batchsize]
            boxes = [person_box(square, self.image.shape[1:], self.predictor.spec) for square in batch]
            self.found += zip(batch, self.predictor.poses_in([self.image] * len(batch), boxes), strict=True)
            self.bar.update(len(batch))
        return bool(new)

    def look_again(self) -> None:
        """Process crops around the joints of the best poses, until these are no longer new."""
        for _ in range(ROUNDS):
            follow = [entry for entry in self.ranking()[:BEST] if entry[0] not in self._followed]
            self._followed.update(square for square, _ in follow)
            squares = [self._limited(square) for _, pose in follow for square in squares_around(pose)]
            if not self.look(squares):
                return

    def _limited(self, square: Square) -> Square:
        longer = max(self.image.shape[1:])
        return square._replace(side=float(np.clip(square.side, 0.05 * longer, 2 * longer)))


def find_boxes(detector: Detector, image: np.ndarray, name: str | None = None) -> np.ndarray:
    """Return the boxes (N, 4) that a detector finds in an image, the best first."""
    (boxes, scores), = detector.detect([image], None if name is None else [name])
    boxes, scores = filter_boxes(boxes, scores, image.shape[1:], detector.score_threshold)
    return boxes[np.argsort(-scores, kind='stable')][:MAX_BOXES]


def locate(
    predictor: PosePredictor, image: Picture, detector: Detector | None = None, name: str | None = None,
    show_progress: bool = False, bgr: bool = False,
) -> Pose:
    """Find one person anywhere in an image: of several people, the one with the best pose; large people are preferred.

    The boxes of the detector are tried first.  Unless one of them gives a confident pose, the whole image is searched,
    in 30 to 50 crops.  The same image always gives the same pose.

    Args:
        predictor: finds the joints.
        image: a path, a PIL image or an array (:func:`hourglass.image.as_image`).
        detector: finds people; without it the image is searched.
        name: of the image's file, for a file of boxes as detector.
        show_progress: show a progress bar on a terminal if the search takes more than two seconds.
        bgr: whether an array (H, W, 3) has OpenCV's order of colours.

    Returns:
        The pose; its ``box`` is the crop that it was found in.  A pose is returned even without a person;
        :func:`has_person` returns whether a person is there.

    Raises:
        InputError: the picture cannot be read or is not a picture, or the detector cannot be used for it.
    """
    from tqdm import tqdm

    image = as_image(image, bgr)
    height, width = image.shape[1:]
    factor = min(1.0, SEARCH_RESOLUTION * max(predictor.spec.input_size) / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = resize_image(image, size[::-1]) if factor < 1 else image
    ratio = np.array([height / size[1], width / size[0]])
    plain = copy(predictor)
    plain.flip = False  # the mirror image improves the joints and hardly the search
    boxes = np.zeros((0, 4)) if detector is None else find_boxes(detector, image, name) / np.tile(ratio, 2)
    with tqdm(desc='searching a person', total=0, unit='crop', delay=2, leave=False, dynamic_ncols=True,
              disable=None if show_progress else True) as bar:
        search = _Search(plain, small, bar)
        if search.look([crop_square(Extent.of_box(box), plain.spec) for box in boxes]):
            search.look_again()
        for sides in SEARCH_SIDES:
            if not search.is_confident():
                search.look(search_squares(small.shape[1:], sides))
                search.look_again()
    (y, x, side), pose = search.ranking()[0]
    if small is image and not predictor.flip:
        return pose
    square = Square(y * float(ratio[0]), x * float(ratio[1]), side * float(ratio.max()))
    return predictor.poses_in([image], [person_box(square, image.shape[1:], predictor.spec)])[0]
