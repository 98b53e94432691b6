"""People as heatmaps and back: what the person finder's network is trained on and what its outputs mean.

The network has three outputs of a quarter of the picture's resolution: a heatmap with a peak at the middle of each
person, and the height and the width of the person at that place. The idea is that of *Objects as Points* (Zhou, Wang,
Krähenbühl, arXiv:1904.07850) with an hourglass network.
"""

from __future__ import annotations

from typing import NamedTuple

from hourglass.joints import JointSet

import cv2
import numpy as np

#: The outputs, in the place of joints.
CHANNELS = JointSet(
    name='person-finder', joints=('middle', 'height', 'width'), limbs=(), groups={'Person': ('middle',)}, pairs=())
#: Pixels of the input in a cell.
STRIDE = 4
#: Standard deviation of a peak in heights and widths of the person, and the least one in cells.
_SPREAD, _LEAST_SPREAD = (0.09, 0.12), 0.8
#: Where the middle's target is below this, sizes are not trained.
_SIZE_FROM = 0.2


class Targets(NamedTuple):
    """What a picture should give.

    Attributes:
        maps: (3, H, W) float32: the heatmap of middles, and the heights and widths (:func:`to_output`).
        weights: (3, H, W) float32: how much each cell counts in the loss.
    """

    maps: np.ndarray
    weights: np.ndarray


def to_output(cells: np.ndarray) -> np.ndarray:
    """Return what the network gives for a length in cells: from about -0.5 for one cell to 0.7 for 64."""
    return np.log2(cells) / 5 - 0.5


def to_cells(output: np.ndarray) -> np.ndarray:
    """Return the length in cells that the network gave; the inverse of :func:`to_output`."""
    return np.exp2(5 * (np.clip(output, -1, 1.5) + 0.5))


def encode_boxes(boxes: np.ndarray, ignored: np.ndarray, shape: tuple[int, int]) -> Targets:
    """Draw the targets of a picture.

    Args:
        boxes: (N, 4), (y_min, x_min, y_max, x_max) of the people in pixels of the input.
        ignored: (M, 4), places where the heatmap is not trained: people who may or may not count.
        shape: (rows, columns) of the outputs.

    Returns:
        The targets; where two people overlap, a cell belongs to the one whose peak is higher there.
    """
    maps, weights = np.zeros((3, *shape), np.float32), np.zeros((3, *shape), np.float32)
    weights[0] = 1
    for y0, x0, y1, x1 in np.round(ignored / STRIDE).astype(int):
        weights[0, max(y0, 0):max(y1, 0), max(x0, 0):max(x1, 0)] = 0
    rows, columns = (np.arange(n) for n in shape)
    for y0, x0, y1, x1 in boxes / STRIDE:
        # A cell covers the pixels [4 i, 4 i + 4): its middle is at i + 0.5 cells.
        dy = (rows + 0.5 - (y0 + y1) / 2) / max(_SPREAD[0] * (y1 - y0), _LEAST_SPREAD)
        dx = (columns + 0.5 - (x0 + x1) / 2) / max(_SPREAD[1] * (x1 - x0), _LEAST_SPREAD)
        peak = np.exp(-(dy[:, None] ** 2 + dx ** 2) / 2)
        is_own = peak > maps[0]
        maps[0][is_own] = peak[is_own]
        maps[1][is_own], maps[2][is_own] = to_output(y1 - y0), to_output(x1 - x0)
        # Also in a place that is ignored otherwise.
        weights[0][peak > _SIZE_FROM] = 1
    weights[1:] = np.where(maps[0] > _SIZE_FROM, maps[0], 0)
    weights[0] *= 1 + 4 * maps[0]
    return Targets(maps, weights)


def decode_boxes(outputs: np.ndarray, threshold: float, most: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Read the people off the network's outputs.

    Args:
        outputs: (3, H, W) float32.
        threshold: least height of a peak.
        most: at most so many people, the highest peaks.

    Returns:
        Boxes (N, 4) float32 in pixels of the input and the heights of their peaks (N,) float32, the highest first.
    """
    heat = outputs[0]
    is_peak = (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= threshold)
    rows, columns = np.nonzero(is_peak)
    order = np.argsort(-heat[rows, columns], kind='stable')[:most]
    rows, columns = rows[order], columns[order]
    # The middle between cells: the centroid of the 3x3 cells around the peak.
    padded = np.pad(np.maximum(heat, 0), 1)
    windows = np.stack([padded[rows + i, columns + j] for i in range(3) for j in range(3)]).reshape(3, 3, -1)
    total = np.maximum(windows.sum(axis=(0, 1)), 1e-6)
    y = rows + 0.5 + (windows[2].sum(axis=0) - windows[0].sum(axis=0)) / total
    x = columns + 0.5 + (windows[:, 2].sum(axis=0) - windows[:, 0].sum(axis=0)) / total
    height, width = (to_cells(outputs[i, rows, columns]) for i in (1, 2))
    boxes = np.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=1) * STRIDE
    return boxes.astype(np.float32), np.clip(heat[rows, columns], 0, 1).astype(np.float32)
