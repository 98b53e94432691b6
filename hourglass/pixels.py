"""Conversions between kinds of pixels."""

from __future__ import annotations

import os

from hourglass.errors import InputError

import numpy as np
from PIL import Image

#: Bits of a grey value, in cameras and files.
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)


def to_rgb(image: Image.Image, name: str | os.PathLike) -> Image.Image:
    """Convert any of Pillow's pixel types to 8-bit RGB; ``InputError`` with the name if that is impossible."""
    if image.mode[0] in 'IF':
        return Image.fromarray(to_8_bits(np.asarray(image), name)).convert('RGB')
    if image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info:
        # Transparent pixels become white, as in a viewer; their hidden colour is arbitrary.
        rgba = image.convert('RGBA')
        image = Image.new('RGBA', rgba.size, 'white')
        image.alpha_composite(rgba)
    return image.convert('RGB')


def to_8_bits(pixels: np.ndarray, name: str | os.PathLike) -> np.ndarray:
    """Return values with more than 8 bits, grey (H, W) or colours (H, W, 3), as uint8.

    Cameras keep 10 or 12 bits in 16, and other programs fractions or 8 bits in 32: the depth is that of
    :data:`_DEPTHS` that the largest value needs.  Pillow's own conversion would clip at 255 instead.
    """
    values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(f'{name}: has pixels that are not finite numbers')
    values -= min(0, values.min())
    largest = float(values.max())
    if pixels.dtype.kind == 'f' and largest <= 1:
        return np.rint(values * 255).astype(np.uint8)
    bits = next(depth for depth in _DEPTHS if largest < 2 ** depth or depth == _DEPTHS[-1])
    return (values * 2.0 ** (8 - bits)).astype(np.uint8)


def to_pixels(image: np.ndarray) -> np.ndarray:
    """Return a copy of an image (3, H, W), RGB in [0, 255], as (H, W, 3) uint8: rounded, and clipped to the range."""
    import cv2

    pixels = np.empty((*image.shape[1:], 3), np.uint8)
    for i, channel in enumerate(image):
        # OpenCV converts without a copy of floating-point numbers in between.
        pixels[..., i] = channel if channel.dtype == np.uint8 else cv2.add(channel, 0, dtype=cv2.CV_8U)
    return pixels


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image (3, H, W) float32 to a size (h, w): by areas if it gets smaller, else linearly.

    Each channel is resized alone: a copy of a large picture with the channels last would need gigabytes.
    """
    import cv2

    method = cv2.INTER_AREA if size[0] < image.shape[1] or size[1] < image.shape[2] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(channel, size[::-1], interpolation=method) for channel in image])
