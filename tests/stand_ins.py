"""What stands for detectors, networks and photographs in tests, and how good a pose of a rendered person is."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from hourglass.detection import Detector
from hourglass.joints import MPII

import chainer
import chainer.functions as F
import numpy as np
from PIL import Image


class FixedBoxes(Detector):
    """A detector that finds the same boxes in every image; ``names`` are those of the last call."""

    def __init__(self, *boxes: Sequence[float], scores: Sequence[float] | None = None) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)
        self.scores = np.linspace(.99, .9, len(boxes), dtype=np.float32) if scores is None else np.array(scores, 'f')
        self.names: Sequence[str] | None = None
        self.n_calls = 0

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        self.names = names
        self.n_calls += 1
        return [(self.boxes, self.scores)] * len(images)


class Brightness(chainer.Link):
    """A network whose heatmaps, all 16 alike, are the brightness of the crop; ``batches`` are numbers of crops."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, x: np.ndarray) -> tuple[chainer.Variable, ...]:
        self.batches.append(len(x))
        return (F.repeat(F.average_pooling_2d(x[:, :1], 4), 16, axis=1),)


def spots(*places: tuple[int, int], shape: tuple[int, int] = (300, 400), sigma: float = 5) -> np.ndarray:
    """Return a black picture (3, *shape) with a bright spot about each place (y, x)."""
    rows, columns = np.ogrid[:shape[0], :shape[1]]
    image = np.zeros((3, *shape), np.float32)
    for y, x in places:
        image += 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma ** 2)).astype(np.float32)
    return image


def picture_bytes(picture: np.ndarray | Image.Image, kind: str = 'PNG', **options: Any) -> bytes:
    """Return the file of a picture, (H, W, 3) uint8 or Pillow's."""
    file = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(file, kind, **options)
    return file.getvalue()


def huge_png(side: int) -> bytes:
    """Return a small PNG file whose head states a picture of ``side`` by ``side`` pixels."""
    content = bytearray(picture_bytes(Image.new('1', (8, 8))))
    content[16:24] = struct.pack('>2I', side, side)
    content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
    return bytes(content)


def pck(points: np.ndarray, true: np.ndarray, counted: np.ndarray | slice = slice(None)) -> float:
    """Return the rate of joints that are near the true ones of MPII, (16, 2), by PCK@0.2; others may follow them."""
    torso = np.linalg.norm(true[MPII.index('left shoulder')] - true[MPII.index('right hip')])
    return float((np.linalg.norm(points[:len(MPII)] - true, axis=1)[counted] <= 0.2 * torso).mean())


def correct_joints(joints: Sequence[Mapping[str, Any]], points: np.ndarray) -> float:
    """Return :func:`pck` of joints of the JSON."""
    places = {joint['name']: (joint['y'], joint['x']) for joint in joints}
    return pck(np.array([places[name] for name in MPII.joints]), points)
