"""Cutting a person out of an image, and mapping points between the image and the crop."""

from __future__ import annotations

from dataclasses import dataclass

from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import PERSON_LENGTH, Torch7Transform, torch7_crop
from hourglass.warp import WarpedBox, seen_part

import cv2
import numpy as np


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


def _check_way(crop: str) -> None:
    if crop not in ('clip', 'pad'):
        raise ValueError(f'a box in whole pixels cannot be cropped by {crop!r}')


def crop_box(center: np.ndarray, side: float, image_shape: tuple[int, int], crop: str = 'clip') -> CropBox:
    """Return the square of the given side about a person, in whole pixels.

    Args:
        center: (2,), (y, x) in pixels of the image.
        side: length of the square's side in pixels.
        image_shape: (height, width) of the image.
        crop: ``clip`` cuts the square at the image's border; ``pad`` leaves it whole.

    Returns:
        A box of at least one pixel: where the square lies wholly outside the image, it is moved to the border.

    Raises:
        ValueError: ``crop`` is another word; :func:`person_box` knows every way of cropping.
    """
    _check_way(crop)
    low, high = np.asarray(center) - side / 2, np.asarray(center) + side / 2
    if crop == 'pad':
        length = max(1, round(side))
        y0, x0 = (round(float(v)) for v in low)
        return CropBox(y0, x0, y0 + length, x0 + length)
    edges = []
    for first, last, length in zip(low, high, image_shape, strict=True):
        start = min(max(int(first), 0), length - 1)
        edges.append((start, max(min(int(last), length), start + 1)))
    (y0, y1), (x0, x1) = edges
    return CropBox(y0, x0, y1, x1)


def box_around(points: np.ndarray, labelled: np.ndarray, margin: float = 1.25) -> tuple[np.ndarray, float]:
    """Derive a crop from the labelled joints, for data sets that give no centre and scale.

    Args:
        points: (K, 2), (y, x).
        labelled: (K,) bool, at least one of them true.
        margin: side of the crop divided by the longer side of the box around the joints.

    Returns:
        Centre (2,) float32 and side.
    """
    low, high = points[labelled].min(axis=0), points[labelled].max(axis=0)
    # One labelled joint, or all in one place, still needs a crop that is not empty.
    return ((low + high) / 2).astype(np.float32), max(float((high - low).max()) * margin, 2.0)


def whole_image(image_shape: tuple[int, int], crop: str = 'clip') -> CropBox:
    """Return the crop of a picture with one person in the centre, the image 1.25 times as high as the person.

    With ``clip`` it is the whole image, which is then stretched to the network's input as published; with
    ``pad`` the square about the centre whose side is the image's height, so that nobody is distorted.
    """
    _check_way(crop)
    height, width = image_shape
    if crop == 'clip':
        return CropBox(0, 0, height, width)
    return crop_box(np.array([height / 2, width / 2]), height, image_shape, crop)


def person_box(center: np.ndarray, side: float, image_shape: tuple[int, int], spec: ModelSpec) -> Box:
    """Return the crop of a person as the weights ask for.

    Args:
        center: (2,), (y, x) in pixels of the image.
        side: length of the square's side in pixels; less than one is taken for one.
        image_shape: (height, width) of the image.
        spec: gives the way of cropping and the input size.

    Raises:
        InputError: the Torch7 code's crop is asked for with an input that is not square.
    """
    if spec.crop != 'torch7':
        return crop_box(center, side, image_shape, spec.crop)
    height, width = spec.input_size
    if height != width:
        raise InputError(f'the crop {spec.crop!r} is square, and the input {height}x{width} is not')
    y, x = (float(value) for value in center)
    return Torch7Transform((y, x), max(float(side), 1.0) / PERSON_LENGTH, height)


def picture_box(image_shape: tuple[int, int], spec: ModelSpec) -> Box:
    """Return the crop of a picture with one person in the centre, the image 1.25 times as high as the person.

    As :func:`whole_image`; the Torch7 code's crop takes the square about the centre too.
    """
    if spec.crop != 'torch7':
        return whole_image(image_shape, spec.crop)
    height, width = image_shape
    return person_box(np.array([height / 2, width / 2]), height, image_shape, spec)


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
        crop: ``clip``: as published, by bilinear resizing.  ``pad``: what lies outside of the image is black,
            and strong reduction averages.  A box of the Torch7 code's crop is cut as that code does, always; one
            that is turned, in one step.

    Returns:
        (3, *size) float32.
    """
    if isinstance(box, Torch7Transform):
        if size[0] != size[1]:
            raise ValueError(f'the crop of the Torch7 code is square, and {size[0]}x{size[1]} is not')
        return torch7_crop(image, box.resized(size[0]))
    _check_way(crop)
    if isinstance(box, WarpedBox):
        return box.cut(image, size)
    if crop == 'pad':
        return _cut_padded(image, box, size)
    pixels = image[:, box.y0:box.y1, box.x0:box.x1].transpose(1, 2, 0)
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


def normalise(image: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Subtract the mean that belongs to the weights from an image (3, H, W) in [0, 1]."""
    if not any(spec.mean):
        return image
    return image - np.array(spec.mean, np.float32)[:, None, None]
