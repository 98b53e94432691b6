"""Encode people as heatmaps, and decode heatmaps to boxes: targets and outputs of the person finder's network.

The network has five outputs of a quarter of the picture's resolution: a heatmap with a peak at the middle of each
person, and the distances from each place to the four edges of the box of the person there.  Peaks are as in *Objects as
Points* (Zhou, Wang, Krähenbühl, arXiv:1904.07850), edges as in *FCOS* (Tian, Shen, Chen, He, arXiv:1904.01355): if the
middle is hard to find, the edges may still be clear.
"""

from __future__ import annotations

from typing import NamedTuple

from hourglass.joints import JointSet
from hourglass.spec import ModelSpec

import cv2
import numpy as np

#: The outputs, in the place of joints.
CHANNELS = JointSet(
    name='person-finder', joints=('middle', 'top', 'left', 'bottom', 'right'), limbs=(),
    groups={'Person': ('middle',)}, pairs=())
#: Pixels of the picture's longer side when the network runs once.
SIZE = 256
#: Pixels of the input in a cell.
STRIDE = 4
#: Standard deviation of a peak in heights and widths of the person, and the least one in cells.
_SPREAD, _LEAST_SPREAD = (0.09, 0.12), 0.8
#: Where the middle's target is below this, edges are not trained.
_EDGES_FROM = 0.2
#: Shortest distance to an edge, in cells.
_LEAST_DISTANCE = 0.25
#: Most people of a picture.
_MOST_PEOPLE = 100


def finder_spec(width: int = 64, depth: int = 3) -> ModelSpec:
    """Return the description of a finder's network; the default sizes are those of the included one."""
    return ModelSpec(joints=CHANNELS, out_channels=len(CHANNELS), n_stack=1, width=width, layer_num=depth,
                     input_size=(SIZE, SIZE), crop='pad')


class Targets(NamedTuple):
    """What a picture should give.

    Attributes:
        maps: (5, H, W) float32: the heatmap of middles, and the distances to the edges (:func:`to_output`).
        weights: (2, H, W) float32: how much each cell counts in the loss of the heatmap, and of the edges, where the
            cells of each person add up to about 1.
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
        ignored: (M, 4), places where the heatmap is not trained: crowds, and people who are too small.
        shape: (rows, columns) of the outputs.

    Returns:
        The targets; where two people overlap, a cell belongs to the one whose peak is higher there.
    """
    maps, weights = np.zeros((5, *shape), np.float32), np.zeros((2, *shape), np.float32)
    weights[0] = 1
    for y0, x0, y1, x1 in np.round(ignored / STRIDE).astype(int):
        weights[0, max(y0, 0):max(y1, 0), max(x0, 0):max(x1, 0)] = 0
    # A cell covers the pixels [4 i, 4 i + 4): its middle is at i + 0.5 cells.
    y, x = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1]) + 0.5
    for y0, x0, y1, x1 in boxes / STRIDE:
        dy = (y - (y0 + y1) / 2) / max(_SPREAD[0] * (y1 - y0), _LEAST_SPREAD)
        dx = (x - (x0 + x1) / 2) / max(_SPREAD[1] * (x1 - x0), _LEAST_SPREAD)
        peak = np.exp(-(dy ** 2 + dx ** 2) / 2)
        is_own = peak > maps[0]
        maps[0][is_own] = peak[is_own]
        distances = np.stack(np.broadcast_arrays(y - y0, x - x0, y1 - y, x1 - x))
        maps[1:, is_own] = to_output(np.maximum(distances[:, is_own], _LEAST_DISTANCE))
        near = np.where(peak > _EDGES_FROM, peak, 0)
        weights[1][is_own] = (near / max(near.sum(), 1e-6))[is_own]
        # Also in a place that is ignored otherwise.
        weights[0][peak > _EDGES_FROM] = 1
    weights[0] *= 1 + 4 * maps[0]
    return Targets(maps, weights)


def decode_boxes(outputs: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of the people in the network's outputs.

    Args:
        outputs: (5, H, W) float32.
        threshold: least height of a peak.

    Returns:
        Boxes (N, 4) float32 in pixels of the input and the heights of their peaks (N,) float32, the highest first, at
        most 100.
    """
    heat = outputs[0]
    is_peak = (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= threshold)
    rows, columns = np.nonzero(is_peak)
    order = np.argsort(-heat[rows, columns], kind='stable')[:_MOST_PEOPLE]
    rows, columns = rows[order], columns[order]
    # The mean of the boxes that the 3x3 cells around the peak give, by the heights there.
    total, boxes = np.zeros(len(rows)), np.zeros((len(rows), 4))
    for i, j in np.ndindex(3, 3):
        r, c = np.clip(rows + i - 1, 0, heat.shape[0] - 1), np.clip(columns + j - 1, 0, heat.shape[1] - 1)
        weight = np.maximum(heat[r, c], 1e-6)
        top, left, bottom, right = to_cells(outputs[1:, r, c])
        boxes += weight[:, None] * np.stack([r + 0.5 - top, c + 0.5 - left, r + 0.5 + bottom, c + 0.5 + right], axis=1)
        total += weight
    boxes *= STRIDE / total[:, None]
    return boxes.astype(np.float32), np.clip(heat[rows, columns], 0, 1).astype(np.float32)
