"""Light: how bright and of what colour a surface or the ground is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.synthetic.camera import Camera
from data.synthetic.noise import SIZE, vectors
from data.synthetic.raster import Fragments
from data.synthetic.surface import Part

import cv2
import numpy as np


@dataclass(frozen=True)
class Light:
    """One far lamp (or the sun) and light from all around.

    Attributes:
        direction: (3,) unit vector towards the lamp.
        key: (3,) light intensity of the lamp.
        sky, bounce: (3,) light from above and from below.
        softness: 0 for hard shadows, 1 for almost none.
    """

    direction: np.ndarray
    key: np.ndarray
    sky: np.ndarray
    bounce: np.ndarray
    softness: float


def sample_light(rng: np.random.Generator) -> Light:
    """Draw the light: from a clear sky, an overcast one, or lamps in a room; mostly from the camera's side."""
    elevation = np.radians(rng.uniform(25, 75))
    azimuth = np.radians(rng.normal(0, 60))
    direction = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    warmth = rng.normal(0, 0.06)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    strength = rng.uniform(0.25, 1.1)
    exposure = rng.uniform(0.75, 1.15)
    return Light(direction, exposure * strength * tint, exposure * (0.95 - 0.5 * strength) * tint[::-1] ** 0.5,
                 exposure * (0.42 - 0.2 * strength) * np.array([1.0, 0.96, 0.9]), float(rng.uniform(0.1, 0.8)))


class _ShadowMap:
    """Distance of the nearest surface seen from the lamp, on a coarse grid."""

    CELLS = 112

    def __init__(self, parts: Sequence[Part], light: Light) -> None:
        helper = np.array([1.0, 0, 0]) if abs(light.direction[0]) < 0.9 else np.array([0, 0, 1.0])
        right = np.cross(light.direction, helper)
        right /= np.linalg.norm(right)
        self._axes = np.stack([right, np.cross(light.direction, right), -light.direction]).astype(np.float32)
        clouds = []
        for part in parts:
            m, n = part.vertices.shape[:2]
            fine = cv2.resize(part.vertices.astype(np.float32), (n * 3, m * 3), interpolation=cv2.INTER_LINEAR)
            clouds.append(fine.reshape(-1, 3))
        u, v, depth = self._project(np.concatenate(clouds).T)
        self._low = np.array([u.min(), v.min()])
        self._cell = max(float(u.max() - self._low[0]), float(v.max() - self._low[1]), 0.1) / (self.CELLS - 3)
        self._depth = np.full(self.CELLS ** 2, np.inf, np.float32)
        np.minimum.at(self._depth, self._index(u, v), depth)

    def _project(self, points: np.ndarray) -> list[np.ndarray]:
        # Three sums of columns: a product with a 3x3 matrix would go through BLAS and its threads.
        return [points[0] * a[0] + points[1] * a[1] + points[2] * a[2] for a in self._axes]

    def _index(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        column = np.clip((u - self._low[0]) / self._cell + 1, 0, self.CELLS - 1).astype(np.intp)
        row = np.clip((v - self._low[1]) / self._cell + 1, 0, self.CELLS - 1).astype(np.intp)
        return row * self.CELLS + column

    def lit(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return (P,) 1 where the lamp is seen from a point, 0 where not; points and normals are (3, P)."""
        # A point is compared a little off its surface, lest that shadows itself.
        u, v, depth = self._project(points + normals * np.float32(1.5 * self._cell))
        return (depth - np.float32(0.03) < self._depth[self._index(u, v)]).astype(np.float32)


def _spread(values: np.ndarray, pixel: np.ndarray, size: tuple[int, int], sigma: float) -> np.ndarray:
    """Blur values of some pixels over these pixels only; returns them in the same order."""
    height, width = size
    planes = np.zeros((height * width, 2), np.float32)
    planes[pixel, 0], planes[pixel, 1] = values, 1
    step = max(1, int(sigma / 1.5))
    small = cv2.resize(planes.reshape(height, width, 2), (max(1, width // step), max(1, height // step)),
                       interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / step, 0.3))
    mean = small[:, :, 0] / np.maximum(small[:, :, 1], 1e-4)
    return cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR).reshape(-1)[pixel]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _folded(fragments: Fragments, folds: np.ndarray, seed: int) -> np.ndarray:
    """Return the normals (3, P) with the folds of cloth: they run along a limb, so vary fast around it."""
    down = (fragments.place[0] * 130).astype(np.intp) + (fragments.part * 57 + seed % 997)
    around = (fragments.place[1] * 260).astype(np.intp) + (fragments.part * 57 + seed % 1009)
    bumps = vectors().reshape(-1, 3)[(down % SIZE) * SIZE + around % SIZE].T
    normals = fragments.normal + bumps * (folds * np.float32(0.17))
    return normals / np.sqrt(_dot(normals, normals))


def shade(fragments: Fragments, texture: np.ndarray, parts: Sequence[Part], camera: Camera, size: tuple[int, int],
          light: Light, seed: int) -> np.ndarray:
    """Return the light intensities (3, P) float32 of fragments.

    Args:
        fragments: what is seen.
        texture: (4, P) float32, of :meth:`data.synthetic.look.Painter.paint`.
        parts: the surfaces, which cast shadows.
        camera: in pixels of the image of the fragments.
        size: its (height, width).
        light: the light.
        seed: chooses the folds of cloth.
    """
    if not len(fragments.pixel):
        return np.zeros((3, 0), np.float32)
    pixel, folds = fragments.pixel, texture[3]
    is_skin = folds == 0
    rays = camera.rays(pixel % size[1], pixel // size[1])
    points = rays * fragments.depth + camera.position.astype(np.float32)[:, None]
    normals = _folded(fragments, folds, seed)
    direction, key, sky, bounce = (v.astype(np.float32) for v in (light.direction, light.key, light.sky, light.bounce))

    scale = camera.focal / float(np.median(fragments.depth))
    lit = _spread(_ShadowMap(parts, light).lit(points, fragments.normal), pixel, size, 0.012 * scale)
    # Skin lets some light through: it darkens more slowly than cloth.
    wrap = np.where(is_skin, np.float32(0.18), np.float32(0.05))
    diffuse = np.clip((_dot(normals, direction) + wrap) / (1 + wrap), 0, 1)
    diffuse *= 1 - (1 - lit) * np.float32(1 - 0.5 * light.softness)
    # What lies behind its neighbourhood is in a hollow, where less light arrives from around.
    hollow = np.clip((fragments.depth - _spread(fragments.depth, pixel, size, 0.06 * scale)) / np.float32(0.16), 0, 1)
    around = (1 - np.float32(0.55) * hollow) * np.clip(0.72 + points[1] * np.float32(0.45), 0.72, 1)
    up = (0.5 + 0.5 * normals[1]) * around
    # A faint gloss, more of it on skin.
    half = direction[:, None] - rays / np.sqrt(_dot(rays, rays))
    gloss = np.clip(_dot(normals, half), 0, None) ** 2 / _dot(half, half)
    for _ in range(3):
        gloss *= gloss
    gloss *= lit * np.where(is_skin, np.float32(0.07), np.float32(0.02))
    return np.stack([texture[i] * (bounce[i] * around + (sky[i] - bounce[i]) * up + key[i] * diffuse) + key[i] * gloss
                     for i in range(3)])


def _add_footprint(mask: np.ndarray, vertices: np.ndarray, camera: Camera, slope: np.ndarray) -> None:
    """Fill what a surface covers of the ground, each metre of height being shifted by ``-slope`` (x and z)."""
    flat = vertices.copy()
    flat[:, :, [0, 2]] -= slope * np.maximum(vertices[:, :, 1:2], 0)
    flat[:, :, 1] = 0
    projected = camera.project(flat)
    reach = 4 * max(mask.shape)
    # A bent limb is not convex, but a few rows of it are.
    for start in range(0, len(flat) - 1, 3):
        rows = projected[start:start + 4]
        if (rows[:, :, 2] > 0.3).all():
            corners = np.clip(rows[:, :, :2].reshape(-1, 2), -reach, reach).astype(np.float32)
            cv2.fillConvexPoly(mask, cv2.convexHull(corners).astype(np.int32), 255)


def ground_shadow(parts: Sequence[Part], camera: Camera, size: tuple[int, int],
                  light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of the lamp's light and of the light from around the ground misses, (H, W) in [0, 1] each."""
    cast, contact = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    slope = light.direction[[0, 2]] / light.direction[1]
    for part in parts:
        _add_footprint(cast, part.vertices, camera, slope)
        # Light from around is missing only close to what stands on the ground.
        if part.vertices[:, :, 1].min() < 0.12:
            _add_footprint(contact, part.vertices[part.vertices[:, :, 1].min(axis=1) < 0.25], camera, np.zeros(2))
    metre = camera.focal / max(float(np.linalg.norm(camera.position)), 0.5)
    sigmas = (0.012 + 0.05 * light.softness) * metre, 0.05 * metre
    lost, lost_around = (cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(sigma, 0.4))
                         for mask, sigma in zip((cast, contact), sigmas, strict=True))
    return lost, lost_around
