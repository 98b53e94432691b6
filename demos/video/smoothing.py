"""Smoothing joints over time: the one-euro filter.

G. Casiez, N. Roussel, D. Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems", CHI 2012, algorithm 1: a low-pass filter whose cutoff frequency grows with the speed, so that a
joint at rest is steady and a fast one does not lag.
"""

from __future__ import annotations

import math

import numpy as np

#: Defaults for people in videos, with the person's height as the unit: about 0.4 of small jitter is left, and a steady
#: movement lags by less than 2 % of the height.
MIN_CUTOFF, BETA = 0.5, 10.0

#: Cutoff frequency in Hz of the speed itself.
_SPEED_CUTOFF = 1.0


def _share(cutoff: np.ndarray | float, seconds: float) -> np.ndarray | float:
    """Return how much of a new value the low-pass filter takes, 0 to 1, by its cutoff frequency in Hz."""
    ratio = 2 * math.pi * seconds * cutoff
    return ratio / (ratio + 1)


class OneEuroFilter:
    """Smooth joints over time, each by its own speed.

    At a constant speed a joint lags behind by no more than ``1 / (2 pi beta)`` of the unit, however fast it is.

    Args:
        min_cutoff: cutoff frequency in Hz of a joint at rest.  A lower one removes more jitter and lags more.
        beta: how much the cutoff grows with the speed, in Hz for a speed of one unit a second.  A larger one lags less.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA) -> None:
        self.min_cutoff = min_cutoff
        self.beta = beta
        self._time = -math.inf
        self._points: np.ndarray | None = None
        self._velocity = np.zeros(())

    def __call__(self, points: np.ndarray, time: float, unit: float = 1.0) -> np.ndarray:
        """Return smoothed joints.

        Args:
            points: (K, D).
            time: in seconds; it must increase from call to call.
            unit: length in which speeds are measured, such as the person's height in pixels.

        Returns:
            (K, D) float64; those of the first call as they are.
        """
        points = np.array(points, np.float64)
        seconds = time - self._time
        if self._points is None:
            self._velocity = np.zeros_like(points)
        else:
            velocity = (points - self._points) / seconds
            self._velocity = self._velocity + _share(_SPEED_CUTOFF, seconds) * (velocity - self._velocity)
            # One cutoff for all coordinates of a joint, so that its direction is kept.
            speed = np.linalg.norm(self._velocity, axis=1, keepdims=True) / unit
            share = _share(self.min_cutoff + self.beta * speed, seconds)
            points = self._points + share * (points - self._points)
        self._time, self._points = time, points
        return points.copy()
