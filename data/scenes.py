"""Whole pictures with the boxes of the people in them, for the person finder: a file in COCO's format."""

from __future__ import annotations

import os
from dataclasses import astuple, dataclass
from pathlib import Path

from data.coco.annotations import read_annotations
from hourglass.box_codec import STRIDE, Targets, encode_boxes
from hourglass.boxes import box_iou
from hourglass.detection import Detector
from hourglass.errors import InputError
from hourglass.image import read_image

import cv2
import numpy as np
from chainer.dataset import DatasetMixin

#: Every tenth picture is for validation.
_VAL_STEP = 10
#: People and boxes with a height below this share of the picture's longer side do not count: of 640 pixels, 96.
_LEAST_HEIGHT = 0.15


class ScenesDataset(DatasetMixin):
    """Pictures and the boxes of their people.

    Args:
        root: a file like COCO's ``person_keypoints_*.json``; file names begin at its folder.
        split: ``train``, ``val`` (every tenth picture by id), or ``trainval``.

    Each item is a picture (3, H, W) float32, RGB in [0, 255], boxes (N, 4) float64 (y_min, x_min, y_max, x_max) in
    pixels, and (N,) bool, whether the entry is a crowd.

    Raises:
        InputError: the file is missing, damaged or has no pictures.
    """

    def __init__(self, root: str | os.PathLike[str], split: str = 'train') -> None:
        self.root = Path(root)
        self.people = read_annotations(self.root)
        ids = sorted(self.people.images)
        chosen = {'train': lambda i: i % _VAL_STEP != 0, 'val': lambda i: i % _VAL_STEP == 0,
                  'trainval': lambda i: True}[split]
        self.ids = [image_id for i, image_id in enumerate(ids) if chosen(i)]
        if not self.ids:
            raise InputError(f'{self.root}: no pictures in the split {split!r}')

    def __len__(self) -> int:
        return len(self.ids)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.people.image_ids == self.ids[i]
        image = read_image(self.root.parent / self.people.images[self.ids[i]], upright=True)
        return image, self.people.boxes[rows], self.people.is_crowd[rows]


class SceneTransform:
    """Turn a picture and its boxes into a sample for the finder.

    The picture is scaled at random, a square is cut out, and this is mirrored, coloured and blurred at random.
    """

    #: Side of the square in pixels.
    size = 192
    #: Range of the longer side of the picture, in sides of the square.
    scales = 0.7, 1.8
    #: People lower than this in pixels of the square are not trained, neither as people nor as background.
    least = 10
    #: The same for people of whom less than this share of the box is left in the square.
    visible = 0.4

    def __call__(
        self, example: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the input (3, S, S) float32 in [0, 1], targets (5, S / 4, S / 4) and weights (2, S / 4, S / 4)."""
        image, boxes, is_crowd = example
        # 1. Scale, and choose the square.
        factor = self.size / max(image.shape[1:]) * np.exp(rng.uniform(*np.log(self.scales)))
        shape = [max(1, round(n * factor)) for n in image.shape[1:]]
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(image.transpose(1, 2, 0), (shape[1], shape[0]), interpolation=method)
        low = [rng.integers(min(0, n - self.size), max(0, n - self.size) + 1) for n in shape]
        square = np.zeros((self.size, self.size, 3), np.float32)
        y, x = (slice(max(0, start), start + self.size) for start in low)
        part = pixels[y, x]
        top, left = (max(0, -start) for start in low)
        square[top:top + part.shape[0], left:left + part.shape[1]] = part[:self.size - top, :self.size - left] / 255
        boxes = boxes * factor - np.array([*low, *low])
        # 2. Mirror.
        if rng.random() < 0.5:
            square = square[:, ::-1]
            boxes = np.stack([boxes[:, 0], self.size - boxes[:, 3], boxes[:, 2], self.size - boxes[:, 1]], axis=1)
        # 3. Colours: gain of each channel, grey, low resolution.
        square = np.clip(square * rng.uniform(0.6, 1.4, 3).astype(np.float32), 0, 1)
        if rng.random() < 0.1:
            square = np.repeat(square.mean(axis=2, keepdims=True), 3, axis=2)
        if rng.random() < 0.15:
            small = cv2.resize(square, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            square = cv2.resize(small, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        targets = self.targets(boxes, is_crowd)
        return np.ascontiguousarray(square.transpose(2, 0, 1), np.float32), *targets

    def targets(self, boxes: np.ndarray, is_crowd: np.ndarray) -> Targets:
        """Return the targets of boxes (N, 4) in pixels of the square."""
        seen = np.clip(boxes, 0, self.size)
        lengths, whole = seen[:, 2:] - seen[:, :2], boxes[:, 2:] - boxes[:, :2]
        share = lengths.prod(axis=1) / np.maximum(whole.prod(axis=1), 1e-6)
        counts = (share >= self.visible) & (lengths[:, 0] >= self.least) & (lengths[:, 1] >= STRIDE) & ~is_crowd
        cells = self.size // STRIDE
        return encode_boxes(seen[counts], seen[~counts & (share > 0)], (cells, cells))


def match_boxes(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Match detected boxes with annotated ones, each at most once, with an intersection over union of at least 0.5.

    Args:
        found: (N, 4), the best first.
        wanted: (M, 4).

    Returns:
        (N,) int64: the index of the annotated box, or -1.
    """
    overlap = box_iou(found, wanted)
    matches = np.full(len(found), -1)
    for i in range(len(found) if len(wanted) else 0):
        j = int(overlap[i].argmax())
        if overlap[i, j] >= 0.5:
            matches[i], overlap[:, j] = j, -1
    return matches


@dataclass(frozen=True)
class FindCounts:
    """How many people of at least some height were found in pictures; counts of several pictures can be added.

    Attributes:
        people: annotated people, without crowds.
        found: those of them that were found, with an intersection over union of at least 0.5.
        finds: boxes that a detector gave.
        right: those of them that are an annotated person, or a crowd.
    """

    people: int = 0
    found: int = 0
    finds: int = 0
    right: int = 0

    def __add__(self, other: FindCounts) -> FindCounts:
        return FindCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def recall(self) -> float:
        """Share of the people that were found; NaN without people."""
        return self.found / self.people if self.people else float('nan')

    @property
    def precision(self) -> float:
        """Share of the finds that are right; NaN without finds."""
        return self.right / self.finds if self.finds else float('nan')


def count_finds(found: np.ndarray, boxes: np.ndarray, is_crowd: np.ndarray, height: float) -> FindCounts:
    """Compare the boxes that a detector found in a picture with the annotated ones.

    Args:
        found: (N, 4), the best first.
        boxes: (M, 4), annotated.
        is_crowd: (M,) bool.
        height: people and finds that are lower than this do not count, but are matched.
    """
    matches = match_boxes(found, boxes)
    is_tall = (boxes[:, 2] - boxes[:, 0] >= height) & ~is_crowd
    is_tall_find = found[:, 2] - found[:, 0] >= height
    return FindCounts(int(is_tall.sum()), int((is_tall & np.isin(np.arange(len(boxes)), matches)).sum()),
                      int(is_tall_find.sum()), int((is_tall_find & (matches >= 0)).sum()))


def find_rates(detector: Detector, dataset: ScenesDataset) -> dict[str, float]:
    """Return how well a detector finds people, at its own threshold of the score.

    Args:
        detector: finds people.
        dataset: pictures and their people.

    Returns:
        ``recall``: share of the people that were found (intersection over union of at least 0.5); ``recall_tall``: the
        same of people of at least twice the height; ``precision``: share of the boxes that are people.  0 without any.
    """
    all_counts, tall_counts = FindCounts(), FindCounts()
    for image, boxes, is_crowd in dataset:
        least = _LEAST_HEIGHT * max(image.shape[1:])
        found, scores = detector.detect([image])[0]
        found = found[np.argsort(-scores, kind='stable')]
        found = found[np.sort(scores)[::-1] >= detector.score_threshold]
        all_counts += count_finds(found, boxes, is_crowd, least)
        tall_counts += count_finds(found, boxes, is_crowd, 2 * least)
    rates = {'recall': all_counts.recall, 'recall_tall': tall_counts.recall, 'precision': all_counts.precision}
    return {name: float(np.nan_to_num(rate)) for name, rate in rates.items()}
