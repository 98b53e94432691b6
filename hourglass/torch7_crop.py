"""The crop of the Torch7 code, which its weights were trained with.

Newell, Yang, Deng: *Stacked Hourglass Networks for Human Pose Estimation*, ECCV 2016.  A person has a centre and a
scale; the crop is a square about the centre, black outside of the image, never distorted.
The code for training and scoring is followed; the one for showing results differs in small things.

Its coordinates are x, y, 1-based, and rounded towards zero.  Here, as everywhere in this project, points are
(y, x) and 0-based; the conversion is inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# Coordinates nearer to a whole number than this are that number: the rounding towards zero must not depend on the
# last bits of a division.
_TOLERANCE = 1e-6


def truncate(values: np.ndarray) -> np.ndarray:
    """Round towards zero, as a conversion to integers does; float64."""
    nearest = np.rint(values)
    return np.where(abs(values - nearest) < _TOLERANCE, nearest, np.trunc(values))


@dataclass(frozen=True)
class Torch7Transform:
    """The map between an image and a square crop about a person.

    Attributes:
        center: (y, x) in pixels of the image.
        side: of the square in pixels of the image.
        size: side of the crop in its own pixels.
    """

    center: tuple[float, float]
    side: float
    size: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the crop."""
        return self.size, self.size

    def resized(self, size: int) -> Torch7Transform:
        """Return the map to another size of the crop, such as that of the heatmaps."""
        return replace(self, size=size)

    @property
    def _zoom(self) -> float:
        return self.size / self.side

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from pixels of the image to pixels of the crop; float64."""
        return (np.asarray(points, np.float64) - self.center) * self._zoom + self.size / 2

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from the crop to the image; the inverse of :meth:`to_crop`."""
        return (np.asarray(points, np.float64) - self.size / 2) / self._zoom + self.center

    def corners(self) -> np.ndarray:
        """Return (2, 2) int, the first row and column of the square in the image, and the first ones after it."""
        corners = truncate(self.to_image(np.array([[0, 0], self.shape]))).astype(np.int64)
        # A square smaller than a pixel still shows one.
        corners[1] = np.maximum(corners[1], corners[0] + 1)
        return corners


def _axis_weights(length: int, size: int, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """Return the matrix that resizes one axis, as Torch7's image.scale does.

    Reduction is an exact average over the area; enlargement is linear and keeps the first and the last pixel.

    Args:
        length: pixels before.
        size: pixels after.
        rows: range of the wanted pixels after; those outside [0, size) are zero.
        columns: range of the pixels before that can differ from zero.

    Returns:
        (rows, columns) float32.
    """
    # image.scale computes positions in single precision, which shows in large pictures.
    wanted, before = np.arange(*rows)[:, None], np.arange(*columns)[None]
    after = np.clip(wanted, 0, size - 1)
    if size < length:
        step = np.float32(length) / np.float32(size)
        low, high = (n.astype(np.float32) * step for n in (after, after + 1))
        high = np.minimum(high, np.float32(length))
        weights = np.clip(np.minimum(high, before + 1) - np.maximum(low, before), 0, 1) / (high - low)
    else:
        step = np.float32(length - 1) / np.float32(max(size - 1, 1))
        weights = np.clip(1 - abs(after.astype(np.float32) * step - before), 0, 1)
    return np.where(after == wanted, weights, 0).astype(np.float32)


def _weigh(weights: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the product (C, M, W) of a matrix (M, H) and an image (C, H, W); a row has few values, side by side."""
    used = weights != 0
    rows, last = np.arange(len(weights)), weights.shape[1] - 1
    result = np.zeros((len(image), len(weights), image.shape[2]), np.float32)
    for k in range(used.sum(axis=1).max()):
        column = used.argmax(axis=1) + k
        inside = np.minimum(column, last)
        result += np.where(column == inside, weights[rows, inside], 0)[:, None] * image[:, inside]
    return result


def _resize(
    image: np.ndarray, start: tuple[int, int], lengths: tuple[int, int], sizes: tuple[int, int],
    first: tuple[int, int], size: int,
) -> np.ndarray:
    """Resize a box of an image, black outside of it, and return a square of the result.

    Nothing outside of the image is ever held in memory, however far the box reaches.

    Args:
        image: (C, H, W) float32.
        start, lengths: first row and column, height and width of the box.
        sizes: height and width of the resized box.
        first, size: first row and column, and side, of the wanted square in the resized box.

    Returns:
        (C, size, size) float32.
    """
    inside, weights = [slice(None)], []
    for extent, low, length, resized, begin in zip(image.shape[1:], start, lengths, sizes, first, strict=True):
        a, b = max(low, 0), min(low + length, extent)
        if a >= b:
            return np.zeros((len(image), size, size), np.float32)
        inside.append(slice(a, b))
        weights.append(_axis_weights(length, resized, (begin, begin + size), (a - low, b - low)))
    down, across = weights
    return _weigh(across, _weigh(down, image[tuple(inside)]).transpose(0, 2, 1)).transpose(0, 2, 1)


def _reduced_crop(image: np.ndarray, transform: Torch7Transform, factor: float) -> np.ndarray:
    """Crop as the training code does for a large person: reduce the whole image, then cut pixel for pixel."""
    height, width = image.shape[1:]
    longer = int(max(height, width) / factor)
    sizes = tuple(int(longer * extent / max(height, width)) for extent in (height, width))
    if longer < 2 or min(sizes) < 1:
        return np.zeros((len(image), *transform.shape), np.float32)
    y, x = transform.center
    small = replace(transform, center=(y / factor, x / factor), side=transform.side / factor)
    return _resize(image, (0, 0), (height, width), (sizes[0], sizes[1]), tuple(small.corners()[0]), transform.size)


def torch7_crop(image: np.ndarray, transform: Torch7Transform) -> np.ndarray:
    """Cut a person out of an image.

    The corners of the crop are whole pixels of the image.  As in the Torch7 code, the picture is therefore up to a
    pixel away from the points of ``transform``.

    Args:
        image: (3, H, W) float32 of any range.
        transform: where the person is.

    Returns:
        (3, size, size) float32.
    """
    size = transform.size
    factor = transform.side / size
    if factor >= 2:
        return _reduced_crop(image, transform, factor)
    (y0, x0), (y1, x1) = transform.corners().tolist()
    return _resize(image, (y0, x0), (y1 - y0, x1 - x0), transform.shape, (0, 0), size)
