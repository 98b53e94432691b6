"""Heatmaps over the whole picture, where the network found them."""

from __future__ import annotations

from hourglass.locate import corners
from hourglass.predictor import Pose

import cv2
import numpy as np


def combined(heatmaps: np.ndarray) -> np.ndarray:
    """Return the highest of some heatmaps (K, H, W) at each cell, (H, W) in [0, 1].

    As in the drawings of heatmaps, each is scaled to its own maximum, so that weak ones are visible.
    """
    values = np.clip(np.nan_to_num(heatmaps), 0, None)
    return (values / np.maximum(values.max(axis=(1, 2), keepdims=True), 0.05)).max(axis=0)


def lay_over(image: np.ndarray, heatmap: np.ndarray, pose: Pose) -> np.ndarray:
    """Colour an image (3, H, W) float32 with a heatmap (h, w) in [0, 1] of a pose in it."""
    y0, x0, y1, x1 = corners(pose.box)
    rows, columns = heatmap.shape
    # Cell i covers [i, i + 1) of the box, pixel p covers [p, p + 1) of the image.
    scale_y, scale_x = (y1 - y0) / rows, (x1 - x0) / columns
    matrix = np.array([[scale_x, 0, x0 + scale_x / 2 - 0.5], [0, scale_y, y0 + scale_y / 2 - 0.5]])
    strength = np.clip(cv2.warpAffine(heatmap.astype(np.float32), matrix, image.shape[:0:-1]), 0, 1)
    colours = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1].transpose(2, 0, 1)
    share = 0.65 * strength
    return (image * (1 - share) + colours * share).astype(np.float32)
