"""A crop that is rotated and scaled about its centre, cut out of the image in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np


class SeenPart(NamedTuple):
    """The part of an image that a crop shows, reduced.

    Attributes:
        pixels: (h, w, C) float32.
        low: (2,), (y, x) of the first pixel in the image.
        factor: (2,), pixels of the image in one of these, in y and in x.
    """

    pixels: np.ndarray
    low: np.ndarray
    factor: np.ndarray

    def warp(self, linear: np.ndarray, origin: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return (C, *size) float32, where position p of the part lies at ``linear @ p + origin``; (y, x)."""
        matrix = np.column_stack([linear[::-1, ::-1], origin[::-1]])  # OpenCV's order is x, y
        return cv2.warpAffine(self.pixels, matrix, size[::-1], flags=cv2.INTER_LINEAR).transpose(2, 0, 1)


def seen_part(image: np.ndarray, low: np.ndarray, high: np.ndarray, reduction: int) -> SeenPart | None:
    """Take what lies between two corners out of an image and average squares of ``reduction`` pixels.

    Args:
        image: (3, H, W) float32.
        low: (2,), the smallest (y, x) that is seen, possibly outside of the image.
        high: (2,), the largest.
        reduction: side of the squares.

    Returns:
        The part, with what a linear filter needs around it; None if nothing of the image is seen.
    """
    low = np.maximum(np.floor(low).astype(int) - 2 * reduction, 0)
    high = np.ceil(high).astype(int) + 2 * reduction + 1
    high -= (high - low) % reduction  # whole squares; at the image's border the last one may have to be narrower
    high = np.minimum(high, image.shape[1:])
    if (low >= high).any():
        return None
    pixels = image[:, low[0]:high[0], low[1]:high[1]].transpose(1, 2, 0)
    shrunk = np.maximum((high - low) // reduction, 1)
    if reduction > 1:
        pixels = cv2.resize(pixels, (int(shrunk[1]), int(shrunk[0])), interpolation=cv2.INTER_AREA)
    return SeenPart(pixels, low, (high - low) / shrunk)


@dataclass(frozen=True)
class WarpedBox:
    """A rectangle in whole pixels of an image, whose content is rotated and scaled about its centre.

    At its sides the crop shows the image around the rectangle, and black beyond the image's border.

    Attributes:
        corner: (y, x) of the first pixel.
        shape: (height, width).
        angle: degrees by which the crop shows the person rotated, counter-clockwise.
        zoom: factor by which it shows the person enlarged.
    """

    corner: tuple[int, int]
    shape: tuple[int, int]
    angle: float
    zoom: float

    def _matrix(self) -> np.ndarray:
        """Return (2, 2) float64: a step (y, x) in the image to that in the box."""
        angle = np.deg2rad(self.angle)
        cos, sin = np.cos(angle), np.sin(angle)
        return self.zoom * np.array([[cos, -sin], [sin, cos]])

    @property
    def _middle(self) -> np.ndarray:
        """The centre in pixels of the box; pixel i covers [i - .5, i + .5)."""
        return (np.array(self.shape) - 1) / 2

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from pixels of the image to pixels of the box."""
        return (points - np.array(self.corner) - self._middle) @ self._matrix().T + self._middle

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from pixels of the box to pixels of the image."""
        return (points - self._middle) @ np.linalg.inv(self._matrix()).T + self._middle + np.array(self.corner)

    def cut(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Cut the box out of an image (3, H, W) float32 and resize it to ``size``; float32."""
        scale = np.array(size) / np.array(self.shape)
        # Pixel i of the result lies at (i + .5) / scale - .5 in the box.
        ends = (np.array([[0, 0], [0, size[1]], [size[0], 0], size]) / scale) - 0.5
        seen = self.to_image(ends)
        # A linear filter is enough down to half the size, or little less; stronger reduction averages first.
        reduction = max(1, int(1 / (1.5 * self.zoom * scale.max())))
        part = seen_part(image, seen.min(axis=0), seen.max(axis=0), reduction)
        if part is None:
            return np.zeros((len(image), *size), np.float32)
        # Of the part: position p lies at (p + .5) * factor - .5 + low in the image.
        linear = scale[:, None] * self._matrix() * part.factor
        origin = (self.to_crop(0.5 * part.factor - 0.5 + part.low) + 0.5) * scale - 0.5
        return part.warp(linear, origin, size)
