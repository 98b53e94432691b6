"""A pinhole camera in the world of :mod:`data.synthetic.skeleton`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A perspective camera.

    Attributes:
        position: (3,) in metres.
        axes: (3, 3); the rows are the directions to the right, down and ahead in the picture.
        focal: focal length in pixels.
        middle: (x, y), the pixel in the direction of sight; pixel centres are whole numbers.
    """

    position: np.ndarray
    axes: np.ndarray
    focal: float
    middle: tuple[float, float]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) of the world to (..., 3): x and y in pixels, and the distance ahead in metres."""
        local = (points - self.position) @ self.axes.T
        ahead = np.maximum(local[..., 2:], 1e-3)
        xy = local[..., :2] / ahead * self.focal + np.array(self.middle)
        return np.concatenate([xy, local[..., 2:]], axis=-1)

    def rays(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the directions (..., 3) float32 of pixels in the world, one metre ahead; x and y broadcast."""
        x, y = (np.asarray((v - m) / self.focal, np.float32)[..., None]
                for v, m in zip((x, y), self.middle, strict=True))
        right, down, ahead = self.axes.astype(np.float32)
        return right * x + down * y + ahead

    def scaled(self, factor: float) -> Camera:
        """Return the camera for an image with ``factor`` times as many pixels each way."""
        x, y = ((m + 0.5) * factor - 0.5 for m in self.middle)
        return replace(self, focal=self.focal * factor, middle=(x, y))


def look_at(target: np.ndarray, distance: float, elevation: float, roll: float = 0.0) -> Camera:
    """Return a camera that looks at a target from +z; focal length 1, middle (0, 0).

    Args:
        target: (3,) in the world.
        distance: from the target, in metres.
        elevation: in degrees; positive looks down.
        roll: in degrees; positive turns the picture counter-clockwise.
    """
    a, b = np.radians(elevation), np.radians(roll)
    ahead = np.array([0.0, -np.sin(a), -np.cos(a)])
    down = np.array([0.0, -np.cos(a), np.sin(a)])
    right = np.cross(down, ahead)
    rolled_right, rolled_down = right * np.cos(b) + down * np.sin(b), down * np.cos(b) - right * np.sin(b)
    return Camera(np.asarray(target) - ahead * distance, np.array([rolled_right, rolled_down, ahead]), 1.0, (0.0, 0.0))


def frame(camera: Camera, points: np.ndarray, size: tuple[int, int], share: tuple[float, float],
          offset: tuple[float, float] = (0.0, 0.0)) -> Camera:
    """Set focal length and middle of a camera so that points fill a part of the picture.

    Args:
        camera: gives position and direction.
        points: (N, 3) in the world.
        size: (height, width) of the picture.
        share: the part of the height and of the width that they may fill; they fill one of the two.
        offset: their distance from the middle in x and y; -1 and 1 are at the border.
    """
    xy = replace(camera, focal=1.0, middle=(0.0, 0.0)).project(points)[:, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = np.array([size[1], size[0]], float)
    # A person who is seen along the body's axis must not fill the picture.
    extent = np.maximum(high - low, 0.3 * float((high - low).max()))
    focal = float((np.array(share[::-1]) * room / extent).min())
    slack = np.abs(room - extent * focal) / 2
    x, y = (room - 1) / 2 + np.array(offset) * slack - (low + high) / 2 * focal
    return replace(camera, focal=focal, middle=(float(x), float(y)))
