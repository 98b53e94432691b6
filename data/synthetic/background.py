"""The background of rendered people: a ground in perspective and, beyond it, a sky or a wall; plain or noisy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from data.synthetic.camera import Camera
from data.synthetic.clothes import linear, sample_colour

import cv2
import numpy as np

_NOISE_SIZE = 512


@cache
def _noise() -> np.ndarray:
    """Return (512, 512) float32 of zero mean and unit variance that tiles: the sum of six octaves."""
    rng = np.random.default_rng(20160326)
    total = np.zeros((_NOISE_SIZE, _NOISE_SIZE), np.float32)
    for octave in range(6):
        cells = 8 << octave
        step = _NOISE_SIZE // cells
        coarse = np.pad(rng.normal(0, 1, (cells, cells)).astype(np.float32), 4, mode='wrap')
        fine = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += np.float32(0.7 ** octave) * fine[4 * step:-4 * step, 4 * step:-4 * step]
    return (total - total.mean()) / total.std()


def _noise_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the noise at positions (H, W) in its pixels, which wrap around."""
    x, y = (np.float32(v) % np.float32(_NOISE_SIZE - 1) for v in (x, y))
    return cv2.remap(_noise(), x, y, cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Place:
    """A place; colours are sRGB (3,) in [0, 1].

    Attributes:
        ground: colour of the ground.
        top, low: colours of sky or wall: high up, and at the horizon.
        hills: colour of hills before the sky, or None.
        roughness: contrast of the noise on ground and sky; 0 for plain colours.
        distance: from the origin to the sky or wall, in metres.
        seed: of the noise.
    """

    ground: np.ndarray
    top: np.ndarray
    low: np.ndarray
    hills: np.ndarray | None
    roughness: float
    distance: float
    seed: int


def meadow(seed: int) -> Place:
    """Return a meadow with hills under a sky with clouds."""
    return Place(np.array([0.37, 0.50, 0.24]), np.array([0.45, 0.62, 0.86]), np.array([0.88, 0.91, 0.94]),
                 np.array([0.26, 0.36, 0.22]), 0.14, 40.0, seed)


def sample_place(rng: np.random.Generator) -> Place:
    """Draw a place: a meadow, a plain room or a noisy one."""
    seed = int(rng.integers(2 ** 62))
    ground, top = sample_colour(rng), sample_colour(rng)
    roughness = float(rng.choice([0.0, rng.uniform(0.1, 0.4)]))
    room = Place(ground, top, top * rng.uniform(0.7, 1.0), None, roughness, float(rng.uniform(1.5, 12)), seed)
    return meadow(seed) if rng.random() < 0.3 else room


def draw_background(place: Place, camera: Camera, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a place without people.

    Args:
        place: the place.
        camera: in pixels of the image.
        size: (height, width) of the image.

    Returns:
        Light intensities (H, W, 3) float32, and (H, W) bool: where the ground is seen.
    """
    rng = np.random.default_rng(place.seed)
    rays = camera.rays(np.arange(size[1]), np.arange(size[0])[:, None])
    eye = camera.position
    # The ground is the plane y = 0, sky or wall the plane z = -distance.
    with np.errstate(divide='ignore'):
        to_ground = np.where(rays[..., 1] < -1e-4, -eye[1] / rays[..., 1], 1e3)
        to_wall = np.where(rays[..., 2] < -1e-4, -(place.distance + eye[2]) / rays[..., 2], 1e3)
    ground = to_ground < to_wall
    x, z = (eye[i] + to_ground * rays[..., i] for i in (0, 2))
    grain = _noise_at(x * 90, z * 90) * np.clip(0.02 * camera.focal / to_ground, 0, 1) + 0.5 * _noise_at(x * 8, z * 8)
    surface = linear(place.ground) * (1 + place.roughness * grain)[..., None]

    across, up = (eye[i] + to_wall * rays[..., i] for i in (0, 1))
    shift = rng.uniform(0, _NOISE_SIZE, 3)
    scale = 260 / place.distance * rng.uniform(0.3, 1)
    cloud = _noise_at(across * scale + shift[0], up * 1.6 * scale + shift[1])
    rise = np.clip(1.5 * up / place.distance, 0, 1)[..., None]
    backdrop = linear(place.low) + (linear(place.top) - linear(place.low)) * rise
    if place.hills is None:
        backdrop = backdrop * (1 + place.roughness * cloud)[..., None]
    else:
        backdrop = backdrop + (0.9 - backdrop) * np.clip(0.5 * cloud, 0, 0.8)[..., None]
        crest = place.distance * (0.09 + 0.03 * _noise_at(across * 4 + shift[2], 0 * up))
        hill = linear(place.hills) * (1 + 0.4 * _noise_at(across * 12, up * 16))[..., None]
        backdrop = np.where((up < crest)[..., None], hill, backdrop)
    # The edge of the ground is smoothed over a pixel.
    share = cv2.GaussianBlur(ground.astype(np.float32), (3, 3), 0)[..., None]
    return np.clip(backdrop + (surface - backdrop) * share, 0, 1).astype(np.float32), ground
