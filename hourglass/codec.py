"""Encode joints as heatmaps, and decode heatmaps to joints.  Both directions are here so that they stay consistent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hourglass.crop import Box
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import truncate

import numpy as np

#: Position of a joint within its cell, in cells from the cell's number, by ``ModelSpec.decoding``.
CELL_ORIGIN = {'argmax': 0.0, 'quarter-offset': 0.0, 'dark': 0.0, 'torch7': 0.5}

# The least that a neighbour of a highest cell counts for, as a share of its value, before logarithms are taken.
_FLOOR = 1e-3


def pixels_per_cell(align_corners: bool, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return (2,) float64, pixels between neighbouring cells in y and in x (``ModelSpec.align_corners``)."""
    return (np.array(size) - align_corners) / (np.array(cells) - align_corners)


def to_cells(
    points: np.ndarray, size: tuple[int, int], cells: tuple[int, int], align_corners: bool = False,
    decoding: str = 'argmax',
) -> np.ndarray:
    """Return where points lie on heatmaps, (..., 2) float64 in cells; the arguments are those of :func:`encode`."""
    return np.asarray(points, np.float64) / pixels_per_cell(align_corners, size, cells) - CELL_ORIGIN[decoding]


def encode(
    points: np.ndarray, labelled: np.ndarray, size: tuple[int, int], cells: tuple[int, int],
    align_corners: bool = False, decoding: str = 'argmax',
) -> np.ndarray:
    """Draw target heatmaps: a Gaussian about each labelled joint, peak 1, sigma one cell, not truncated.

    Args:
        points: (K, 2), (y, x) in pixels of the crop.
        labelled: (K,) bool; the map of a joint that is not labelled is zero.
        size: (height, width) of the crop that the points belong to.
        cells: (height, width) of the maps.
        align_corners: which pixel a cell's centre is (``ModelSpec.align_corners``).
        decoding: how the maps will be decoded (``ModelSpec.decoding``).

    Returns:
        (K, *cells) float32.
    """
    centres = to_cells(points, size, cells, align_corners, decoding)
    along_y, along_x = (
        np.exp(-(np.arange(n) - centres[:, axis, None]) ** 2 / 2) for axis, n in enumerate(cells)
    )
    heatmaps = along_y[:, :, None] * along_x[:, None, :]
    heatmaps[~np.asarray(labelled)] = 0
    return heatmaps.astype(np.float32)


def _step(heatmaps: np.ndarray, cell: np.ndarray, rule: Callable[..., np.ndarray]) -> np.ndarray:
    """Return (..., 2) float64, the step from the highest cells to the joints in y and in x, zero at the border.

    Args:
        heatmaps: (..., H, W).
        cell: (..., 2), the highest cells.
        rule: of the values before a cell, there, and after it along an axis, the step in cells.
    """
    step = np.zeros(cell.shape)
    maps = heatmaps.reshape(-1, *heatmaps.shape[-2:])
    flat_cell, flat_step = cell.reshape(-1, 2), step.reshape(-1, 2)
    rows = np.arange(len(maps))
    for axis in (0, 1):
        last = maps.shape[axis + 1] - 1
        inside = (flat_cell[:, axis] > 0) & (flat_cell[:, axis] < last)
        before, after = flat_cell.copy(), flat_cell.copy()
        before[:, axis] = np.maximum(before[:, axis] - 1, 0)
        after[:, axis] = np.minimum(after[:, axis] + 1, last)
        values = (maps[rows, place[:, 0], place[:, 1]] for place in (before, flat_cell, after))
        flat_step[:, axis] = np.where(inside, rule(*values), 0)
    return step


def _quarter(before: np.ndarray, _: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.sign(after - before) / 4


def _to_peak(before: np.ndarray, here: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the step to the peak of the Gaussian through three values, of which the middle one is the largest.

    Zhang, Zhu, Dai, Ye, Zhu: *Distribution-Aware Coordinate Representation for Human Pose Estimation*, CVPR 2020,
    section 3.2; here each axis by itself.
    """
    # Its logarithm is a parabola.  Where there is no peak (nothing is positive) there is no step.
    positive = here > 0
    floor = np.where(positive, here * _FLOOR, 1)
    before, here, after = (np.log(np.maximum(value, floor)) for value in (before, here, after))
    bend = 2 * here - before - after
    return np.where(positive & (bend > 0), (after - before) / np.where(bend > 0, 2 * bend, 1), 0)


def _smoothed(heatmaps: np.ndarray) -> np.ndarray:
    """Return (..., H, W) maps smoothed with a Gaussian of one cell; outside of a map is zero."""
    along_y, along_x = (
        np.exp(-(np.arange(n)[:, None] - np.arange(n)) ** 2 / 2).astype(heatmaps.dtype) for n in heatmaps.shape[-2:])
    return along_y @ heatmaps @ along_x


def decode(
    heatmaps: np.ndarray, size: tuple[int, int] | np.ndarray, decoding: str = 'argmax', align_corners: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the joints in heatmaps.

    Args:
        heatmaps: (..., K, H, W) float.
        size: (height, width) of the crop; or (..., 2), one for each image.
        decoding: ``argmax``, ``quarter-offset``, ``dark`` or ``torch7`` (``ModelSpec.decoding``).
        align_corners: which pixel a cell's centre is (``ModelSpec.align_corners``).

    Returns:
        Points (..., K, 2) float64, (y, x) in pixels of the crop, and scores (..., K) float32 in [0, 1]: the value of
        the highest cell.  Where ``decoding`` smooths, it is the highest cell of the smoothed map, and its value before.
    """
    *_, height, width = heatmaps.shape
    cells = np.array([height, width])
    maps = _smoothed(heatmaps) if decoding == 'dark' else heatmaps
    highest = maps.reshape(*maps.shape[:-2], height * width).argmax(axis=-1)
    cell = np.stack(np.divmod(highest, width), axis=-1)
    heights = np.take_along_axis(heatmaps.reshape(*heatmaps.shape[:-2], height * width), highest[..., None], -1)[..., 0]
    scores = np.clip(heights, 0, 1).astype(np.float32)

    if decoding == 'torch7':
        # Negative responses count as zero, and a map of zeros has its maximum in the first cell.
        cell = np.where(scores[..., None] > 0, cell, 0)
    position = cell + CELL_ORIGIN[decoding]
    if decoding != 'argmax':
        step = _step(maps, cell, _to_peak if decoding == 'dark' else _quarter)
        if decoding == 'torch7':
            has_neighbours = np.all((cell > 0) & (cell < cells - 1), axis=-1, keepdims=True)
            step = np.where(has_neighbours, step, 0)
        position = position + step
    pixels = np.asarray(size, np.float64)[..., None, :]
    points = position * (pixels - 1) / (cells - 1) if align_corners else position * pixels / cells
    # The reference scales an array of integers, so its points are whole pixels.
    return (np.floor(points) if decoding == 'argmax' else points), scores


def decode_for(
    spec: ModelSpec, heatmaps: np.ndarray, size: tuple[int, int] | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode heatmaps as the weights require (:func:`decode`)."""
    return decode(heatmaps, size, spec.decoding, spec.align_corners)


def decode_in_images(
    spec: ModelSpec, heatmaps: np.ndarray, boxes: Sequence[Box],
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the heatmaps of crops as the weights require, and map the joints back.

    Args:
        spec: joints and preprocessing of the weights.
        heatmaps: (N, K, H, W) float, N at least 1.
        boxes: N crops.

    Returns:
        Points (N, K, 2) float64, (y, x) in pixels of the images, and scores (N, K) float32 in [0, 1].
    """
    points, scores = decode_for(spec, heatmaps, np.array([box.shape for box in boxes]))
    in_image = np.stack([box.to_image(p) for box, p in zip(boxes, points, strict=True)])
    # The Torch7 code rounds every coordinate that it transforms.
    return truncate(in_image) if spec.decoding == 'torch7' else in_image, spec.scores(scores)


def unflip(heatmaps: np.ndarray, flip_order: np.ndarray) -> np.ndarray:
    """Turn heatmaps (..., K, H, W) of a mirrored image into those of the image itself."""
    return heatmaps[..., flip_order, :, ::-1]
