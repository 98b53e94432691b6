"""The included person finder: a small hourglass network on the whole picture.

:mod:`hourglass.box_codec` explains its outputs; :mod:`training.finder` trains such a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hourglass import providers
from hourglass.box_codec import CHANNELS, SIZE, decode_boxes
from hourglass.boxes import fuse_boxes, suppress_boxes
from hourglass.detection import Detector
from hourglass.engine.base import Engine
from hourglass.errors import InputError
from hourglass.pixels import resize_image

import numpy as np

#: Name of its weights in the registry.
WEIGHTS = 'person-finder'
#: Pixels of the picture's longer side when the network runs several times.
SIZES = 128, 192, 288, 384
#: A width of more than this many heights (a panorama) is scaled as if it were that many, so that people are not too
#: small; and the most by which the input then exceeds the size.  In a high, narrow picture people are large already.
_LONGEST, _LARGER = 2.5, 8
#: Both sides of the input are multiples of this.
_STEP = 32
#: Minimum score of the returned boxes; and the overlap from which only the best of several boxes is returned.
_LOWEST_SCORE, _OVERLAP = 0.1, 0.5
#: Boxes of several sizes of the picture that overlap by this much are of the same person.
_SAME_PERSON = 0.55
#: Height in pixels at which people are found best, and the standard deviation in octaves by which a size of the picture
#: counts less for people of another height.
_BEST_HEIGHT, _OCTAVES = 96, 1.1


class PersonFinder(Detector):
    """Finds people with the included network.

    Args:
        engine: runs the network, for inputs of any size.
        sizes: pixels of the picture's longer side (of a panorama: 2.5 heights) in each run.  The boxes are merged
            (:func:`hourglass.boxes.fuse_boxes`); those in which a person is about 96 pixels high count most.
        flip: whether the network also processes the mirror image in each run.
    """

    def __init__(self, engine: Engine, sizes: Sequence[int] = (SIZE,), flip: bool = False) -> None:
        self.engine = engine
        self.sizes = sizes
        self.flip = flip
        # More runs give lower scores: they are a mean of all runs.
        self.score_threshold = 0.4 if len(sizes) == 1 else 0.3

    def detect_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = fuse_boxes([view for size in self.sizes for view in self._look(image, size)],
                                   _SAME_PERSON, partial(self._reliability, _length(image)))
        kept = suppress_boxes(boxes, _OVERLAP, scores)
        kept = kept[scores[kept] >= _LOWEST_SCORE]
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def _reliability(self, length: float, boxes: np.ndarray) -> np.ndarray:
        """Return the weight of each run for boxes (N, 4) in a picture of this length (:func:`_length`)."""
        heights = (boxes[:, 2] - boxes[:, 0])[:, None] * np.repeat(self.sizes, 1 + self.flip) / length
        return np.exp(-(np.log2(np.maximum(heights, 1) / _BEST_HEIGHT) / _OCTAVES) ** 2 / 2)

    def _look(self, image: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the boxes and scores that the network gives for a size of the picture, and for its mirror image."""
        height, width = image.shape[1:]
        factor = size / _length(image)
        h, w = max(1, round(height * factor)), max(1, round(width * factor))
        inputs = np.zeros((1 + self.flip, 3, -(-h // _STEP) * _STEP, -(-w // _STEP) * _STEP), np.float32)
        inputs[0, :, :h, :w] = resize_image(image, (h, w)) / 255
        if self.flip:
            inputs[1, :, :, :w] = inputs[0, :, :, w - 1::-1]
        views = []
        for outputs, is_mirrored in zip(self.engine(inputs), (False, True), strict=False):
            boxes, scores = decode_boxes(outputs, _LOWEST_SCORE)
            boxes = np.clip(boxes / np.array([h / height, w / width] * 2, np.float32), 0, [height, width] * 2)
            if is_mirrored:
                boxes[:, [1, 3]] = width - boxes[:, [3, 1]]
            kept = suppress_boxes(boxes, _OVERLAP, scores)
            views.append((boxes[kept], scores[kept]))
        return views


def _length(image: np.ndarray) -> float:
    """Return the pixels of a picture (3, H, W) that become one of the finder's sizes: its longer side, mostly."""
    height, width = image.shape[1:]
    return max(height, min(width, max(_LONGEST * height, width / _LARGER)))


def load(kind: str, file: str | None, gpu: int) -> PersonFinder:
    """Load the included finder, or one from a weights file.

    Args:
        kind: ``bundled``: several runs on sizes of the picture; ``bundled-fast``: one run.
        file: the finder's weights.
        gpu: number of the GPU; -1 for the CPU.

    Raises:
        InputError: the file cannot be read or holds another network, or there is no such GPU.
    """
    engine, spec = providers.load_engine(file or WEIGHTS, gpu, 'auto', 'f32')
    if spec.joint_set.joints != CHANNELS.joints:
        raise InputError(f'{file}: the weights find joints and not people')
    if kind == 'bundled-fast':
        return PersonFinder(engine)
    return PersonFinder(engine, SIZES, flip=True)
