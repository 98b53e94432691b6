"""A z-buffer: surfaces are sampled more finely than the pixels, and the nearest sample of each pixel is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.synthetic.body import ANGLES, Part
from data.synthetic.camera import Camera

import numpy as np

#: Greatest distance between samples in pixels.  A square grid misses no pixel below 0.71, whatever its direction; the
#: rest is for grids that are not quite square.
SPACING = 0.65


@dataclass(frozen=True)
class Fragments:
    """The nearest surface of each covered pixel.

    Attributes:
        pixel: (P,) index into the image, row by row.
        part: (P,) index of the part.
        depth: (P,) float32, distance ahead of the camera in metres.
        normal: (P, 3) float32, unit vectors in the world.
        at, angle: (P,) float32, position along the part and angle around it.
    """

    pixel: np.ndarray
    part: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    at: np.ndarray
    angle: np.ndarray


def vertex_normals(vertices: np.ndarray) -> np.ndarray:
    """Return the unit normals (M, N, 3) of a closed tube (M, N, 3), pointing outwards."""
    down = np.gradient(vertices, axis=0)
    around = np.roll(vertices[:, :-1], -1, axis=1) - np.roll(vertices[:, :-1], 1, axis=1)
    normals = np.cross(down, np.concatenate([around, around[:, :1]], axis=1))
    # A tube may run either way along its axis.
    if (normals * (vertices - vertices[:, :-1].mean(axis=1, keepdims=True))).sum() < 0:
        normals = -normals
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)


def _positions(lengths: np.ndarray) -> np.ndarray:
    """Return places between neighbours, at most :data:`SPACING` apart, as fractional indices.

    Args:
        lengths: (n,) pixels between neighbours; where it is 0, no place is wanted.
    """
    steps = np.ceil(np.minimum(lengths, 2000) / SPACING).astype(int)
    interval = np.repeat(np.arange(len(steps)), steps)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    return interval + (np.arange(len(interval)) - first + 0.5) / steps[interval]


def _interpolate(values: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    index = positions.astype(int)
    share = (positions - index).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    lower = values.take(index, axis)
    return lower + (values.take(index + 1, axis) - lower) * share


def _sample(part: Part, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Return the samples of a part that face the camera and lie in the image.

    Returns:
        (8, P) float32: pixel, depth, normal (three rows), position along the part, angle around it.
    """
    normals = vertex_normals(part.vertices)
    facing = (normals * (camera.position - part.vertices)).sum(axis=2)
    corners = camera.project(part.vertices)
    front = facing > -0.05
    quads = front[1:, 1:] | front[1:, :-1] | front[:-1, 1:] | front[:-1, :-1]
    down, around = (np.hypot(*np.diff(corners[:, :, :2], axis=axis).transpose(2, 0, 1)) for axis in (0, 1))
    rows = _positions((np.maximum(down[:, 1:], down[:, :-1]) * quads).max(axis=1))
    columns = _positions((np.maximum(around[1:], around[:-1]) * quads).max(axis=0))
    channels = np.stack([*corners.transpose(2, 0, 1), facing, *normals.transpose(2, 0, 1),
                         np.broadcast_to(part.at[:, None], facing.shape), np.broadcast_to(ANGLES, facing.shape)],
                        dtype=np.float32, casting='same_kind')
    x, y, depth, turned, *rest = _interpolate(_interpolate(channels, rows, 1), columns, 2).reshape(len(channels), -1)
    kept = np.flatnonzero((turned > 0) & (depth > 0.05) & (x >= -0.5) & (x < size[1] - 0.5) & (y >= -0.5)
                          & (y < size[0] - 0.5))
    pixel = np.rint(y[kept]) * size[1] + np.rint(x[kept])
    return np.stack([pixel, depth[kept], *(values[kept] for values in rest)])


def rasterise(parts: Sequence[Part], camera: Camera, size: tuple[int, int]) -> Fragments:
    """Find the nearest surface at each pixel.

    Args:
        parts: the surfaces.
        camera: in pixels of the image.
        size: (height, width) of the image.
    """
    samples = [_sample(part, camera, size) for part in parts]
    owner = np.repeat(np.arange(len(samples)), [s.shape[1] for s in samples])
    pixel, depth, *rest = np.concatenate(samples, axis=1)
    pixel = pixel.astype(int)
    # One number orders by depth and then names the sample: the bits of positive floats are ordered as the floats.
    key = (depth.view(np.uint32).astype(np.uint64) << np.uint64(32)) | np.arange(len(depth), dtype=np.uint64)
    nearest = np.full(size[0] * size[1], np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(nearest, pixel, key)
    covered = np.flatnonzero(nearest != np.iinfo(np.uint64).max)
    chosen = (nearest[covered] & np.uint64(0xFFFFFFFF)).astype(int)
    x, y, z, at, angle = (values[chosen] for values in rest)
    normal = np.stack([x, y, z], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return Fragments(covered, owner[chosen], depth[chosen], normal, at, angle)
