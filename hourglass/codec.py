"""Joints to heatmaps and back.  Both directions are here so that they cannot drift apart."""

from __future__ import annotations

from hourglass.spec import ModelSpec

import numpy as np


def _axis_ratio(grid: str, size: int, cells: int) -> float:
    """Return pixels per cell along one axis (see ``ModelSpec.grid``)."""
    return size / cells if grid == 'scaled' else (size - 1) / (cells - 1)


def pixels_per_cell(grid: str, size: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return (2,) float64, how many pixels lie between neighbouring cells in y and in x."""
    return np.array([_axis_ratio(grid, s, c) for s, c in zip(size, cells, strict=True)])


def encode(
    points: np.ndarray, labelled: np.ndarray, size: tuple[int, int], cells: tuple[int, int],
    grid: str = 'scaled', sigma: float = 1.0,
) -> np.ndarray:
    """Draw target heatmaps: a Gaussian with peak 1 about each labelled joint, not truncated.

    Args:
        points: (K, 2), (y, x) in pixels of the crop.
        labelled: (K,) bool; the map of a joint that is not labelled is zero.
        size: (height, width) of the crop that the points belong to.
        cells: (height, width) of the maps.
        grid: which pixel a cell stands for (``ModelSpec.grid``).
        sigma: standard deviation in cells.

    Returns:
        (K, *cells) float32.
    """
    centres = np.asarray(points, np.float64) / pixels_per_cell(grid, size, cells)
    along_y, along_x = (
        np.exp(-(np.arange(n) - centres[:, axis, None]) ** 2 / (2 * sigma ** 2)) for axis, n in enumerate(cells)
    )
    heatmaps = along_y[:, :, None] * along_x[:, None, :]
    heatmaps[~np.asarray(labelled)] = 0
    return heatmaps.astype(np.float32)


def _quarter_step(heatmaps: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return (..., 2) float64, a quarter of a cell towards the larger neighbour, zero at the border."""
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
        difference = maps[rows, after[:, 0], after[:, 1]] - maps[rows, before[:, 0], before[:, 1]]
        flat_step[:, axis] = np.where(inside, np.sign(difference) / 4, 0)
    return step


def decode(
    heatmaps: np.ndarray, size: tuple[int, int] | np.ndarray, refine: str = 'none', grid: str = 'scaled',
) -> tuple[np.ndarray, np.ndarray]:
    """Find the joints in heatmaps.

    Args:
        heatmaps: (..., K, H, W) float.
        size: (height, width) of the crop; or (..., 2), one for each image.
        refine: ``none`` or ``quarter`` (``ModelSpec.refine``).
        grid: which pixel a cell stands for (``ModelSpec.grid``).

    Returns:
        Points (..., K, 2) float64, (y, x) in pixels of the crop, and scores (..., K) float32 in [0, 1], the value
        of the highest cell.
    """
    *_, height, width = heatmaps.shape
    flat = heatmaps.reshape(*heatmaps.shape[:-2], height * width)
    highest = flat.argmax(axis=-1)
    cell = np.stack(np.divmod(highest, width), axis=-1)
    scores = np.clip(np.take_along_axis(flat, highest[..., None], -1)[..., 0], 0, 1).astype(np.float32)

    position = cell + _quarter_step(heatmaps, cell) if refine == 'quarter' else cell.astype(np.float64)
    pixels = np.asarray(size, np.float64)[..., None, :]
    cells = np.array([height, width])
    points = position * pixels / cells if grid == 'scaled' else position * (pixels - 1) / (cells - 1)
    # The published decoding keeps whole pixels: it scales an array of integers.
    return (np.floor(points) if refine == 'none' else points), scores


def decode_for(
    spec: ModelSpec, heatmaps: np.ndarray, size: tuple[int, int] | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode heatmaps as the weights ask for (:func:`decode`)."""
    return decode(heatmaps, size, spec.refine, spec.grid)


def unflip(heatmaps: np.ndarray, flip_order: np.ndarray) -> np.ndarray:
    """Turn heatmaps (..., K, H, W) of a mirrored image into those of the image itself."""
    return heatmaps[..., flip_order, :, ::-1]
