"""Noise that tiles, made once, from which all natural textures take a piece."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

SIZE = 512


def _smooth(cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return (SIZE, SIZE) float32 that varies over about SIZE / cells pixels and continues over its borders."""
    coarse = np.pad(rng.normal(0, 1, (cells, cells)).astype(np.float32), 4, mode='wrap')
    step = SIZE // cells
    fine = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    return fine[4 * step:4 * step + SIZE, 4 * step:4 * step + SIZE]


@cache
def fractal(roughness: float = 0.6) -> np.ndarray:
    """Return (SIZE, SIZE) float32 of zero mean and unit variance: the sum of six octaves.

    Args:
        roughness: amplitude of an octave against the one of twice its size.
    """
    rng = np.random.default_rng(20160326)
    total = sum(np.float32(roughness ** i) * _smooth(8 << i, rng) for i in range(6))
    return (total - total.mean()) / total.std()


@cache
def vectors() -> np.ndarray:
    """Return (SIZE, SIZE, 3) float32: smooth vectors of about unit length, for folds."""
    rng = np.random.default_rng(1603)
    return np.stack([_smooth(32, rng) + 0.5 * _smooth(64, rng) for _ in range(3)], axis=2)


def _wrapped(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    return x - np.floor(x * np.float32(1 / (SIZE - 1))) * np.float32(SIZE - 1)


def look_up(noise: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Read noise at positions in pixels (H, W), which wrap around; returns (H, W) float32."""
    return cv2.remap(noise, _wrapped(x), _wrapped(y),
                     cv2.INTER_LINEAR)


def piece(rng: np.random.Generator, size: tuple[int, int], scale: float, roughness: float = 0.6) -> np.ndarray:
    """Return (H, W) float32 noise from anywhere in the texture.

    Args:
        rng: chooses the place.
        size: (height, width) wanted.
        scale: pixels of the result per pixel of the texture.
        roughness: of :func:`fractal`.
    """
    height, width = size
    rows, columns = (min(SIZE, max(2, int(n / scale) + 1)) for n in size)
    y, x = (int(rng.integers(0, SIZE - n + 1)) for n in (rows, columns))
    part = fractal(roughness)[y:y + rows, x:x + columns]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
