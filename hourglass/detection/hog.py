"""OpenCV's built-in people detector, which needs no weights.

Dalal and Triggs: *Histograms of Oriented Gradients for Human Detection*, CVPR 2005.  It finds people who stand or
walk and are wholly visible, and misses many others.
"""

from __future__ import annotations

from hourglass.detection import Detector
from hourglass.errors import InputError

import cv2
import numpy as np

# A person fills about this part of the detector's window of 64 by 128 pixels (OpenCV's own example shrinks alike).
_HEIGHT, _WIDTH = 0.9, 0.8
#: Pictures are brought to this size first: pixels of the shorter side at least, and of the longer one at most.
SHORTER, LONGER = 400, 1024
# The detector's window has a margin about the person, so pictures are extended for people at the border.
_MARGIN = 0.25
# Logistic function from the distance to the separating plane to a score, fitted to 200 photographs of LSP.
_SLOPE, _MIDDLE = 2.2, 1.05


class HOGDetector(Detector):
    """Finds people with OpenCV's HOG detector."""

    score_threshold = 0.4

    def __init__(self) -> None:
        if not hasattr(cv2, 'HOGDescriptor'):
            raise InputError(f'the detector hog is a part of OpenCV 4, and OpenCV {cv2.__version__} is installed')
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # A copy and not ascontiguousarray: OpenCV refuses the strides that the latter leaves on a single pixel.
        pixels = np.clip(image, 0, 255).astype(np.uint8)[::-1].transpose(1, 2, 0).copy()
        height, width = pixels.shape[:2]
        scale = min(max(1.0, SHORTER / min(height, width)), LONGER / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        margin = round(_MARGIN * max(size))
        pixels = cv2.copyMakeBorder(pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        windows, distances = self._hog.detectMultiScale(pixels, winStride=(8, 8), scale=1.05)
        x, y, w, h = np.array(windows, np.float64).reshape(-1, 4).T
        middle = np.stack([y + h / 2, x + w / 2], axis=1)
        half = np.stack([h * _HEIGHT / 2, w * _WIDTH / 2], axis=1)
        boxes = (np.concatenate([middle - half, middle + half], axis=1) - margin) / scale
        scores = 1 / (1 + np.exp(-_SLOPE * (np.ravel(distances) - _MIDDLE)))
        return boxes.astype(np.float32), scores.astype(np.float32)


def load(kind: str, file: str | None, gpu: int) -> HOGDetector:
    """Return the detector, which runs on the CPU; ``InputError`` if this OpenCV has none."""
    return HOGDetector()
