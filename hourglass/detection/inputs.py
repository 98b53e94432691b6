"""Fit an image into the input of a detector, and map boxes back to the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hourglass.pixels import resize_image

import numpy as np

GREY = 114  # the grey around images on which YOLO is trained


@dataclass(frozen=True)
class DetectorInput:
    """An image in the input of a network.

    Attributes:
        pixels: (1, 3, H, W) float32.
        scale: (2,), how many pixels of the input a pixel of the image takes, along y and x.
        corner: (2,), the (y, x) in the input where the image begins.
    """

    pixels: np.ndarray
    scale: np.ndarray
    corner: np.ndarray

    def to_image(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4), (y_min, x_min, y_max, x_max), from pixels of the input to pixels of the image."""
        return (boxes - np.tile(self.corner, 2)) / np.tile(self.scale, 2)


def _pad(image: np.ndarray, size: tuple[int, int], is_centred: bool) -> DetectorInput:
    height, width = image.shape[1:]
    scale = min(size[0] / height, size[1] / width)
    inner = [min(max(1, round(n * scale)), m) for n, m in zip((height, width), size, strict=True)]
    corner = np.array([(m - n) // 2 if is_centred else 0 for n, m in zip(inner, size, strict=True)])
    pixels = np.full((1, 3, *size), GREY, np.float32)
    pixels[0, :, corner[0]:corner[0] + inner[0], corner[1]:corner[1] + inner[1]] = resize_image(
        image, (inner[0], inner[1]))
    return DetectorInput(pixels, np.array([scale, scale]), corner)


def letterbox(image: np.ndarray, size: tuple[int, int]) -> DetectorInput:
    """Fit an image into the middle of a grey frame without distortion, as YOLO does.

    Args:
        image: (3, H, W), RGB in [0, 255].
        size: (height, width) of the frame.

    Returns:
        The frame, RGB in [0, 1].
    """
    frame = _pad(image, size, is_centred=True)
    return replace(frame, pixels=frame.pixels / 255)


def letterbox_bgr(image: np.ndarray, size: tuple[int, int]) -> DetectorInput:
    """As :func:`letterbox`, into the upper left corner of a frame of BGR in [0, 255], as YOLOX does."""
    frame = _pad(image, size, is_centred=False)
    return replace(frame, pixels=frame.pixels[:, ::-1].copy())


def stretch(image: np.ndarray, size: tuple[int, int]) -> DetectorInput:
    """Stretch an image (3, H, W), RGB in [0, 255], to a size (height, width), in [0, 1], as RT-DETR does."""
    scale = np.array(size) / image.shape[1:]
    return DetectorInput(resize_image(image, size)[None] / np.float32(255), scale, np.zeros(2))
