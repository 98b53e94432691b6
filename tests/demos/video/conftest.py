"""Clips that the tests write themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from data.synthetic import demo_scene
from demos.video.writer import VideoWriter

import numpy as np
import pytest

WriteClip = Callable[..., Path]


@pytest.fixture(scope='session')
def picture() -> np.ndarray:
    """A rendered person, (96, 128, 3) uint8, RGB."""
    return np.ascontiguousarray(demo_scene((96, 128)).astype(np.uint8).transpose(1, 2, 0))


@pytest.fixture
def moving(picture: np.ndarray) -> Callable[[int], list[np.ndarray]]:
    """Return so many frames in which the person goes to the right, two pixels a frame."""
    return lambda count: [np.roll(picture, 2 * i, axis=1) for i in range(count)]


@pytest.fixture
def write_clip(tmp_path: Path) -> WriteClip:
    """Write frames (H, W, 3) to a video in the test's folder and return its path."""
    def write(frames: Sequence[np.ndarray], name: str = 'clip.mp4', rate: float = 25) -> Path:
        path = tmp_path / name
        writer = VideoWriter(path, frames[0].shape[:2], rate)
        for frame in frames:
            writer.write(frame)
        writer.close()
        return path

    return write
