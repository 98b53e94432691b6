"""Clips that the tests write themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from data.synthetic import demo_scene
from demos.video.writer import VideoWriter

import numpy as np


@lru_cache
def picture() -> np.ndarray:
    """Return a rendered person, (96, 128, 3) uint8, RGB."""
    return np.ascontiguousarray(demo_scene((96, 128)).astype(np.uint8).transpose(1, 2, 0))


def moving(count: int) -> list[np.ndarray]:
    """Return so many frames in which the person goes to the right, two pixels a frame."""
    return [np.roll(picture(), 2 * i, axis=1) for i in range(count)]


def write_clip(path: Path, frames: Sequence[np.ndarray], rate: float = 25) -> Path:
    """Write frames (H, W, 3) to a video, and return its path."""
    writer = VideoWriter(path, frames[0].shape[:2], rate)
    for frame in frames:
        writer.write(frame)
    writer.close()
    return path


def difference(pixels: np.ndarray, expected: np.ndarray) -> float:
    """Return the mean difference of two frames of one size."""
    assert pixels.shape == expected.shape
    return float(abs(pixels.astype(int) - expected).mean())
