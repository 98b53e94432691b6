"""Annotated people of MPII as arrays, from any source of the annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from hourglass.joints import MPII

import numpy as np

N_JOINTS = len(MPII)


@dataclass(frozen=True)
class People:
    """N annotated people, in pixels of the whole images, (y, x), the numbers as MPII stores them.

    Attributes:
        image: (N,) str, names of the images.
        points: (N, 16, 2) float32, zero where not labelled.
        labelled: (N, 16) bool; whether the joint is annotated (it may still be occluded).
        visible: (N, 16) bool; annotated and not occluded.
        extent: (N, 4) float64, (y, x, height, width) of the person (:class:`hourglass.crop.Extent`).  Not float32: its
            rounding moves some crops by a pixel.
        head_size: (N,) float64, the length that PCKh divides errors by; NaN where there is no head box.
    """

    image: np.ndarray
    points: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    extent: np.ndarray
    head_size: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: np.ndarray | Sequence[int]) -> People:
        """Return some of the people, by index or by a mask (N,)."""
        return People(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def join(cls, parts: Sequence[People]) -> People:
        """Join the people of several sources."""
        return cls(**{field.name: np.concatenate([getattr(part, field.name) for part in parts])
                      for field in fields(cls)})


def is_stored(points: np.ndarray) -> np.ndarray:
    """Return which of the points (..., 2) hold a joint: (0, 0) is stored for one that is not annotated."""
    return np.isfinite(points).all(axis=-1) & (points != 0).any(axis=-1)
