"""The crop of the original Torch7 code, which the original weights were trained with.

Newell, Yang, Deng: *Stacked Hourglass Networks for Human Pose Estimation*, ECCV 2016.  A person has a centre and a
scale; the crop is a square whose side is 200 pixels times the scale, black outside of the image, never distorted.
Two versions of that code are in use and differ in small things (:data:`VARIANTS`).

Their coordinates are x, y, 1-based, and rounded towards zero.  Here, as everywhere in this project, points are
(y, x) and 0-based; the conversion is inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: ``train``: the code for training and scoring.  It transforms pixel numbers counted from 0, and where the crop is
#: reduced by 2 or more it reduces the whole image first.  ``demo``: the code for showing results, which transforms
#: pixel numbers counted from 1, and cuts before it resizes.
VARIANTS = ('train', 'demo')

#: Length in pixels of a person of scale 1.
PERSON_LENGTH = 200

# Coordinates nearer to a whole number than this are that number: the rounding towards zero must not depend on the
# last bits of a division.
_TOLERANCE = 1e-6


def truncate(values: np.ndarray) -> np.ndarray:
    """Round towards zero, as a conversion to integers does; float64."""
    nearest = np.rint(values)
    return np.where(abs(values - nearest) < _TOLERANCE, nearest, np.trunc(values))


@dataclass(frozen=True)
class AuthorsTransform:
    """The map between an image and a square crop about a person.

    Attributes:
        center: (y, x) in pixels of the image.
        scale: side of the square in the image, divided by 200 pixels.
        size: side of the crop in its own pixels.
        rotation: degrees by which the crop shows the person turned about the centre, counter-clockwise.
        variant: one of :data:`VARIANTS`.

    Raises:
        ValueError: a value that no crop can have.
    """

    center: tuple[float, float]
    scale: float
    size: int
    rotation: float = 0.0
    variant: str = 'train'

    def __post_init__(self) -> None:
        if not (np.isfinite([*self.center, self.rotation]).all() and 0 < self.scale < np.inf and self.size > 0):
            raise ValueError(f'no crop has centre {self.center}, scale {self.scale}, size {self.size} '
                             f'and rotation {self.rotation}')
        if self.variant not in VARIANTS:
            raise ValueError(f'variant is {self.variant!r}, not one of {", ".join(VARIANTS)}')

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the crop."""
        return self.size, self.size

    @property
    def side(self) -> float:
        """Side of the square in pixels of the image."""
        return PERSON_LENGTH * self.scale

    @property
    def first(self) -> int:
        """The number that the original code gives to the first pixel when it transforms."""
        return 1 if self.variant == 'demo' else 0

    def resized(self, size: int) -> AuthorsTransform:
        """Return the map to another size of the crop, such as that of the heatmaps."""
        return replace(self, size=size)

    def matrix(self) -> np.ndarray:
        """Return (3, 3) float64: column vectors (x, y, 1) of the image to those of the crop."""
        zoom, middle = self.size / self.side, self.size / 2
        y, x = self.center
        placed = np.array([[zoom, 0, middle - zoom * x], [0, zoom, middle - zoom * y], [0, 0, 1]])
        if not self.rotation:
            return placed
        cos, sin = np.cos(np.deg2rad(self.rotation)), np.sin(np.deg2rad(self.rotation))
        turned = np.array([[cos, sin, middle - middle * (cos + sin)], [-sin, cos, middle - middle * (cos - sin)],
                           [0, 0, 1]])
        return turned @ placed

    def _map(self, points: np.ndarray, matrix: np.ndarray, whole: bool) -> np.ndarray:
        numbers = np.asarray(points, np.float64)[..., ::-1] + self.first
        mapped = numbers @ matrix[:2, :2].T + matrix[:2, 2]
        return ((truncate(mapped) if whole else mapped) - self.first)[..., ::-1]

    def to_crop(self, points: np.ndarray, whole: bool = False) -> np.ndarray:
        """Map points (..., 2), (y, x), from the image to the crop; float64.

        Args:
            points: in pixels of the image.
            whole: round towards zero, as the original code always does.
        """
        return self._map(points, self.matrix(), whole)

    def to_image(self, points: np.ndarray, whole: bool = False) -> np.ndarray:
        """Map points (..., 2), (y, x), from the crop to the image; the inverse of :meth:`to_crop`."""
        return self._map(points, np.linalg.inv(self.matrix()), whole)

    def corners(self) -> np.ndarray:
        """Return (2, 2) int, the first row and column of the square in the image, and the first ones after it."""
        upright = replace(self, rotation=0.0)
        ends = np.array([[0, 0], [self.size - self.first] * 2])
        corners = (upright.to_image(ends, whole=True) + self.first).astype(np.int64)
        # A square smaller than a pixel still shows one.
        corners[1] = np.maximum(corners[1], corners[0] + 1)
        return corners


def _axis_weights(length: int, size: int, rows: tuple[int, int], columns: tuple[int, int]) -> csr_array:
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
    from scipy.sparse import csr_array  # only here, for few weights ask for this crop

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
    return csr_array(np.where(after == wanted, weights, 0).astype(np.float32))


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
    return np.stack([(across @ (down @ channel).T).T for channel in image[tuple(inside)]])


def _copy(image: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the box of an image between two corners, black outside of the image."""
    (y0, x0), (y1, x1) = corners
    out = np.zeros((len(image), y1 - y0, x1 - x0), np.float32)
    low = np.maximum(corners[0], 0)
    high = np.minimum(corners[1], image.shape[1:])
    if (low < high).all():
        (a, b), (c, d) = low, high
        out[:, a - y0:c - y0, b - x0:d - x0] = image[:, a:c, b:d]
    return out


def _neighbours(position: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return for positions on an axis the pixel before, the one after, the latter's weight, and what is outside.

    The first and the last pixel are continued for half a pixel; beyond is outside.
    """
    before = np.floor(position).astype(np.int64)
    outside = (position < -0.5) | (position >= length - 0.5)
    return np.clip(before, 0, length - 1), np.clip(before + 1, 0, length - 1), position - before, outside


def _rotate(image: np.ndarray, degrees: float, rows: slice, columns: slice) -> np.ndarray:
    """Rotate an image (C, H, W) about its middle with bilinear interpolation, and return a part of the result."""
    height, width = image.shape[1:]
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y, x = np.arange(height)[rows, None] - middle_y, np.arange(width)[None, columns] - middle_x
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    y0, y1, in_y, outside_y = _neighbours(sin * x + cos * y + middle_y, height)
    x0, x1, in_x, outside_x = _neighbours(cos * x - sin * y + middle_x, width)
    in_y, in_x = in_y.astype(np.float32), in_x.astype(np.float32)
    flat = image.reshape(len(image), -1)
    upper = flat.take(y0 * width + x0, axis=1) * (1 - in_x) + flat.take(y0 * width + x1, axis=1) * in_x
    lower = flat.take(y1 * width + x0, axis=1) * (1 - in_x) + flat.take(y1 * width + x1, axis=1) * in_x
    return np.where(outside_y | outside_x, np.float32(0), upper * (1 - in_y) + lower * in_y)


def _margin(corners: np.ndarray) -> int:
    """Return how many pixels a box needs on each side so that it can be rotated without losing its own corners."""
    lengths = corners[1] - corners[0]
    return int(np.ceil(np.hypot(*lengths) / 2 - lengths[1] / 2))


def _turned(image: np.ndarray, transform: AuthorsTransform, corners: np.ndarray) -> np.ndarray:
    """Return the box between two corners of an upright image, rotated."""
    margin = _margin(corners)
    box = _copy(image, corners + np.array([[-margin], [margin]]))
    # The demo keeps one row and one column of the margin.
    first = margin - 1 if transform.variant == 'demo' else margin
    kept = (slice(first, length - margin) for length in box.shape[1:])
    return _rotate(box, transform.rotation, *kept)


def _reduced_crop(image: np.ndarray, transform: AuthorsTransform, factor: float) -> np.ndarray:
    """Crop as the training code does for a large person: reduce the whole image, then cut pixel for pixel."""
    height, width = image.shape[1:]
    longer = int(max(height, width) / factor)
    sizes = tuple(int(longer * extent / max(height, width)) for extent in (height, width))
    if longer < 2 or min(sizes) < 1:
        return np.zeros((len(image), *transform.shape), np.float32)
    y, x = transform.center
    small = replace(transform, center=(y / factor, x / factor), scale=transform.scale / factor)
    first = small.corners()[0]
    corners = np.stack([first, first + transform.size])
    margin = _margin(corners) if transform.rotation else 0
    square = _resize(image, (0, 0), (height, width), (sizes[0], sizes[1]), tuple(first - margin),
                     transform.size + 2 * margin)
    if not transform.rotation:
        return square
    kept = slice(margin, margin + transform.size)
    return _rotate(square, transform.rotation, kept, kept)


def authors_crop(image: np.ndarray, transform: AuthorsTransform, corners: np.ndarray | None = None) -> np.ndarray:
    """Cut a person out of an image.

    The corners of the crop are whole pixels of the image, so that the picture is up to a pixel away from
    where ``transform`` puts its points, as in the original.

    Args:
        image: (3, H, W) float32 of any range.
        transform: where the person is.
        corners: (2, 2) int, to be used in place of :meth:`AuthorsTransform.corners` where the training code does
            not reduce the whole image.

    Returns:
        (3, size, size) float32.
    """
    size = transform.size
    factor = transform.side / size
    if transform.variant == 'train' and factor >= 2:
        return _reduced_crop(image, transform, factor)
    if corners is None:
        corners = transform.corners()
    if transform.rotation:
        box = _turned(image, transform, corners)
        return _resize(box, (0, 0), box.shape[1:], transform.shape, (0, 0), size)
    (y0, x0), (height, width) = corners[0].tolist(), (corners[1] - corners[0]).tolist()
    return _resize(image, (y0, x0), (height, width), transform.shape, (0, 0), size)
