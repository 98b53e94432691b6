"""From a person to the crop of a network: which square, how it is cut out, and the map between points of both.

The rule belongs to the weights (:class:`hourglass.spec.ModelSpec`).  :func:`person_box` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import Torch7Transform, torch7_crop
from hourglass.warp import WarpedBox, seen_part

import cv2
import numpy as np

#: Length in pixels of a person of MPII's scale 1.
PIXELS_PER_SCALE = 200

# Least side of a crop in pixels; a single joint has no extent.
_SMALLEST_SIDE = 2.0


class Square(NamedTuple):
    """A square in an image that is cut out as it is, in pixels: middle (y, x) and side."""

    y: float
    x: float
    side: float


class Extent(NamedTuple):
    """Where a person is in an image, without a margin, in pixels: middle (y, x), height and width."""

    y: float
    x: float
    height: float
    width: float

    @classmethod
    def of_box(cls, box: np.ndarray) -> Extent:
        """Return the extent of a box (4,), (y_min, x_min, y_max, x_max)."""
        y0, x0, y1, x1 = (float(value) for value in box)
        return cls((y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0)

    @classmethod
    def of_scale(cls, center: tuple[float, float], scale: float) -> Extent:
        """Return the extent of a person by MPII's centre ``objpos`` (y, x) and scale."""
        length = PIXELS_PER_SCALE * scale
        return cls(*center, length, length)

    @classmethod
    def of_points(cls, points: np.ndarray, labelled: np.ndarray) -> Extent:
        """Return the extent of the labelled joints, at least one, of (K, 2), (y, x)."""
        low, high = points[labelled].min(axis=0), points[labelled].max(axis=0)
        return cls(*((low + high) / 2).tolist(), *(high - low).tolist())

    @classmethod
    def of_square(cls, square: Square, spec: ModelSpec) -> Extent:
        """Return the extent whose crop by the rule of ``spec`` is this square."""
        length = square.side / spec.crop_margin
        return cls(square.y - spec.crop_shift * length, square.x, length, length)


#: Where a person is: an extent, from which the rule of the weights makes a square; or the square itself.
Location = Extent | Square


def crop_square(location: Location, spec: ModelSpec) -> Square:
    """Return the square that is cut out for a person, by the rule of the weights."""
    if isinstance(location, Square):
        return location
    _, _, height, width = location
    length = height if spec.crop_length == 'height' else max(height, width)
    return Square(location.y + spec.crop_shift * length, location.x, max(spec.crop_margin * length, _SMALLEST_SIDE))


#: A rule that shows a whole person in any pose: the longer side counts, and nothing is shifted.
_WHOLE_PERSON = ModelSpec(crop_length='longer', crop_shift=0.0)


def whole_person(location: Location) -> Square:
    """Return a square with the whole person in its middle, whatever the rule of the weights."""
    return crop_square(location, _WHOLE_PERSON)


@dataclass(frozen=True)
class CropBox:
    """A rectangle in whole pixels of an image, possibly reaching beyond it.

    Attributes:
        y0, x0: first row and column.
        y1, x1: first row and column after it.
    """

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def corner(self) -> np.ndarray:
        """(2,) the pixel (y, x) of the image that is pixel (0, 0) of the crop."""
        return np.array([self.y0, self.x0])

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from pixels of the image to pixels of the box."""
        return points - self.corner

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 2), (y, x), from pixels of the box to pixels of the image."""
        return points + self.corner


#: Where a crop lies in its image.  Each has ``shape``, the (height, width) that points of the crop are within, and
#: ``to_crop`` and ``to_image``, which map such points.
Box = CropBox | WarpedBox | Torch7Transform


def corners(box: Box) -> tuple[float, float, float, float]:
    """Return the corners (y_min, x_min, y_max, x_max) of a crop in pixels of the image, possibly beyond it."""
    (y0, x0), (y1, x1) = box.to_image(np.array([(0.0, 0.0), box.shape]))
    return float(y0), float(x0), float(y1), float(x1)


def crop_box(square: Square, image_shape: tuple[int, int], crop: str = 'clip') -> CropBox:
    """Return a square in whole pixels.

    Args:
        square: in pixels of the image.
        image_shape: (height, width) of the image.
        crop: ``clip`` cuts the square at the image's border; ``pad`` leaves it whole.

    Returns:
        A box of at least one pixel: where the square lies wholly outside the image, it is moved to the border.
    """
    y, x, side = square
    if crop == 'pad':
        length = max(1, round(side))
        y0, x0 = round(y - side / 2), round(x - side / 2)
        return CropBox(y0, x0, y0 + length, x0 + length)
    edges = []
    for middle, length in zip((y, x), image_shape, strict=True):
        start = min(max(int(middle - side / 2), 0), length - 1)
        edges.append((start, max(min(int(middle + side / 2), length), start + 1)))
    (y0, y1), (x0, x1) = edges
    return CropBox(y0, x0, y1, x1)


def person_box(location: Location, image_shape: tuple[int, int], spec: ModelSpec) -> Box:
    """Return the crop of a person by the rule of the weights.

    Args:
        location: where the person is, in pixels of the image.
        image_shape: (height, width) of the image.
        spec: gives the rule, the way of cutting and the input size.

    Raises:
        InputError: the weights require the crop of the Torch7 code, but have an input that is not square.
    """
    square = crop_square(location, spec)
    if spec.crop != 'torch7':
        return crop_box(square, image_shape, spec.crop)
    height, width = spec.input_size
    if height != width:
        raise InputError(f'the crop {spec.crop!r} is square, and the input {height}x{width} is not')
    return Torch7Transform((square.y, square.x), max(square.side, 1.0), height)


def picture_box(image_shape: tuple[int, int], spec: ModelSpec) -> Box:
    """Return the crop of a picture with one person in the centre, whose crop is as high as the image.

    With ``clip`` it is the whole image, which is then stretched to the network's input as in the reference (Chainer);
    otherwise the square about the centre whose side is the image's height, so that nothing is distorted.
    """
    height, width = image_shape
    if spec.crop == 'clip':
        return CropBox(0, 0, height, width)
    return person_box(Square(height / 2, width / 2, height), image_shape, spec)


def _cut_padded(image: np.ndarray, box: CropBox, size: tuple[int, int]) -> np.ndarray:
    """Cut and resize in one affine map, so that nothing outside of the image is ever held in memory."""
    # A linear filter sees four pixels; where more than that fall on one pixel of the result, average first.
    shrink = max(1, int(min(box.shape[0] / size[0], box.shape[1] / size[1])))
    part = seen_part(image, box.corner, box.corner + box.shape, shrink)
    if part is None:
        return np.zeros((len(image), *size), np.float32)
    # Pixel i of the part covers [i, i + 1): result = ((i + .5) * factor + low - corner) * size / shape - .5.
    scale = np.array(size) / np.array(box.shape)
    return part.warp(np.diag(scale * part.factor), (part.factor / 2 + part.low - box.corner) * scale - 0.5, size)


def cut(image: np.ndarray, box: Box, size: tuple[int, int], crop: str = 'clip') -> np.ndarray:
    """Cut a box out of an image and resize it.

    Args:
        image: (3, H, W) float32.
        box: the crop, from :func:`person_box` or :func:`picture_box`.
        size: (height, width) of the result.
        crop: ``clip``: bilinear resizing, as in the reference (Chainer).  ``pad``: outside of the image is black, and
            strong reduction averages.  Not used for boxes of the Torch7 code and rotated ones, which cut themselves.

    Returns:
        (3, *size) float32.
    """
    if isinstance(box, Torch7Transform):
        return torch7_crop(image, box.resized(size[0]))
    if isinstance(box, WarpedBox):
        return box.cut(image, size)
    if crop == 'pad':
        return _cut_padded(image, box, size)
    pixels = image[:, box.y0:box.y1, box.x0:box.x1].transpose(1, 2, 0)
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


def cut_unit(image: np.ndarray, box: Box, spec: ModelSpec) -> np.ndarray:
    """Cut a box out of an image (3, H, W) float32 in [0, 255], as (3, *input_size) float32 in [0, 1]."""
    return cut(image, box, spec.input_size, spec.crop) / np.float32(255)


def normalise(image: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Subtract the mean that belongs to the weights from an image (3, H, W) in [0, 1]."""
    if not any(spec.mean):
        return image
    return image - np.array(spec.mean, np.float32)[:, None, None]


def prepare(image: np.ndarray, box: Box, spec: ModelSpec) -> np.ndarray:
    """Cut a box out of an image and make it an input of the network.

    Args:
        image: (3, H, W) float32, RGB in [0, 255].
        box: the crop.
        spec: gives the input size, the way of cutting and the mean.

    Returns:
        (3, *input_size) float32, in [0, 1] minus the mean.
    """
    return normalise(cut_unit(image, box, spec), spec)
