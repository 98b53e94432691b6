"""The person finder that is included: a small hourglass network on the whole picture.

What its outputs mean is in :mod:`hourglass.box_codec`; :mod:`training.finder` trained it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hourglass import providers
from hourglass.box_codec import CHANNELS, decode_boxes
from hourglass.boxes import suppress_boxes
from hourglass.detection import Detector
from hourglass.engine.base import Engine
from hourglass.errors import InputError

import cv2
import numpy as np

#: Name of its weights in the registry.
WEIGHTS = 'person-finder'
#: Pixels of the picture's longer side when the network sees it.
SIZE = 256
#: Both sides of the input are multiples of this.
_STEP = 32
#: Boxes that score less are not given; and of boxes that overlap by this much, only the best.
_LOWEST_SCORE, _OVERLAP = 0.1, 0.5


class PersonFinder(Detector):
    """Finds people with the network that is included.

    Args:
        engine: runs the network, for inputs of any size.
        size: pixels of the picture's longer side when the network sees it; more finds smaller people and takes longer.
    """

    score_threshold = 0.4

    def __init__(self, engine: Engine, size: int = SIZE) -> None:
        self.engine = engine
        self.size = size

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Find people; see :class:`hourglass.detection.Detector`.  The time does not depend on their number."""
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[1:]
        factor = self.size / max(height, width)
        h, w = max(1, round(height * factor)), max(1, round(width * factor))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(image.transpose(1, 2, 0), (w, h), interpolation=method).reshape(h, w, 3)
        canvas = np.zeros((1, 3, -(-h // _STEP) * _STEP, -(-w // _STEP) * _STEP), np.float32)
        canvas[0, :, :h, :w] = pixels.transpose(2, 0, 1) / 255
        boxes, scores = decode_boxes(self.engine(canvas)[0], _LOWEST_SCORE)
        boxes = np.clip(boxes / np.array([h / height, w / width] * 2, np.float32), 0, [height, width] * 2)
        kept = suppress_boxes(boxes, _OVERLAP, scores)
        return boxes[kept].astype(np.float32), scores[kept]


def load(kind: str, file: str | None, gpu: int) -> PersonFinder:
    """Load the finder that is included, or one from a weights file.

    Raises:
        InputError: the file cannot be read or holds another network, or there is no such GPU.
    """
    engine, spec = providers.load_engine(file or WEIGHTS, gpu, 'auto', 'f32')
    if spec.joint_set.joints != CHANNELS.joints:
        raise InputError(f'{file}: the weights find joints and not people')
    return PersonFinder(engine)
