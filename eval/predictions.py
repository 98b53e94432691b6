"""Files of predictions in the layout of the Torch7 code: HDF5, ``preds`` (N, 16, 2), x and y in image pixels.

Row i belongs to row i of an annotations file (:mod:`data.mpii.hdf5`).
"""

from __future__ import annotations

from pathlib import Path

from data.hdf5_file import write_hdf5
from hourglass.errors import InputError
from hourglass.sandbox import read_in_child

import numpy as np


def read_predictions(path: str | Path) -> np.ndarray:
    """Read a file of predictions.

    Returns:
        (N, 16, 2) float64, (y, x).

    Raises:
        InputError: the file is missing, damaged, has another layout, or holds something that is no number.
    """
    path = Path(path)
    points = read_in_child('data.mpii.hdf5:parse_predictions', path)['preds']
    if unknown := int((~np.isfinite(points)).any(axis=-1).sum()):
        raise InputError(f'{path}: {unknown} of {points.shape[0] * points.shape[1]} joints are not finite numbers')
    return points[..., ::-1].copy()


def save_predictions(path: str | Path, points: np.ndarray) -> None:
    """Write a file of predictions; it appears whole or not at all.

    Args:
        path: the HDF5 file to write.
        points: (N, 16, 2), (y, x) in image pixels.

    Raises:
        InputError: the file cannot be written.
    """
    with write_hdf5(Path(path)) as (file, _):
        file['preds'] = points[..., ::-1]
