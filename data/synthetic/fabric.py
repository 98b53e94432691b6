"""Cloth: colours and patterns, and what a colour is in terms of light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

#: Rows and columns of a texture; a row goes once about the part, from the back over its right side.
TEXTURE_SHAPE = (64, 64)
#: Angle of a texture's column: 0 is the front, positive towards the left.
ANGLES = np.linspace(-np.pi, np.pi, TEXTURE_SHAPE[1])

#: sRGB of clothes: common ones by hand, the others by hue.
_CLOTHES = np.array([(235, 235, 232), (24, 24, 28), (60, 62, 68), (130, 132, 136), (36, 52, 92), (66, 92, 136),
                     (40, 60, 48), (120, 96, 70), (172, 150, 116), (150, 28, 34), (196, 40, 36), (28, 70, 150)]) / 255


def linear(colour: np.ndarray) -> np.ndarray:
    """Return light intensities for sRGB values in [0, 1]: their squares, near enough to the standard and fast."""
    return np.square(np.maximum(colour, 0))


def clothes_colour(rng: np.random.Generator) -> np.ndarray:
    """Draw an sRGB colour (3,): of a common garment, or of any hue."""
    if rng.random() < 0.6:
        return np.clip(_CLOTHES[rng.integers(len(_CLOTHES))] + rng.normal(0, 0.03, 3), 0.03, 0.95)
    hue, saturation, value = rng.uniform(0, 360), rng.uniform(0.35, 0.95), rng.uniform(0.3, 0.95)
    return hsv(hue, saturation, value)


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Return the sRGB colour (3,) in [0, 1] of a hue in degrees, a saturation and a value."""
    return cv2.cvtColor(np.array([[[hue, saturation, value]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0].astype(float)


def _plain(along: np.ndarray, around: np.ndarray, width: float) -> np.ndarray:
    return np.zeros(np.broadcast_shapes(along.shape, around.shape))


#: Share of the second colour by position along the part and angle about it (both broadcast), for a stripe's width.
PATTERNS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    'plain': _plain,
    'rings': lambda along, around, width: (np.mod(along / width, 1) < 0.5) + 0 * around,
    'stripes': lambda along, around, width: (np.mod(around / width / 4, 1) < 0.4) + 0 * along,
    'checks': lambda along, around, width: (
        0.5 * (np.mod(along / width, 1) < 0.5) + 0.5 * (np.mod(around / width / 4, 1) < 0.5)),
    'side stripe': lambda along, around, width: (np.abs(np.abs(around) - np.pi / 2) < 0.28) + 0 * along,
    'halves': lambda along, around, width: (around > 0) + 0.0 * along,
    'blots': lambda along, around, width: (
        np.sin(along / width * 5) + np.sin(around * 5 + 2 * np.sin(along / width * 2)) > 0.7) * 1.0,
    'yoke': lambda along, around, width: (along > 0.78) + 0.0 * around,
}
_PATTERN_WEIGHTS = np.array([56, 9, 5, 6, 10, 4, 5, 5]) / 100


@dataclass(frozen=True)
class Fabric:
    """A cloth: two sRGB colours, a pattern (a key of :data:`PATTERNS`) and the width of its stripes."""

    first: np.ndarray
    second: np.ndarray
    pattern: str = 'plain'
    width: float = 0.2

    def paint(self, along: np.ndarray) -> np.ndarray:
        """Return (len(along), W, 3): the colours at positions along a part and all about it."""
        share = PATTERNS[self.pattern](along[:, None], ANGLES[None], self.width)[:, :, None]
        return self.first + (self.second - self.first) * share


def sample_fabric(rng: np.random.Generator) -> Fabric:
    pattern = list(PATTERNS)[rng.choice(len(PATTERNS), p=_PATTERN_WEIGHTS)]
    return Fabric(clothes_colour(rng), clothes_colour(rng), pattern, float(rng.uniform(0.08, 0.35)))
