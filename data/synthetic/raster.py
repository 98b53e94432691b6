"""Drawing surfaces: every part is sampled more finely than the pixels, and the nearest sample of a pixel is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.synthetic.camera import Camera
from data.synthetic.surface import Part

import numpy as np

#: Samples lie at most this many pixels apart.  A square grid misses no pixel below 0.71, whatever its direction; the
#: rest is for grids that are not quite square.
SPACING = 0.65
#: More subdivisions of one interval than this are not made: only things close to the camera would need them.
_MAX_STEPS = 2000


def vertex_normals(vertices: np.ndarray) -> np.ndarray:
    """Return the unit normals (M, N, 3) of a part's surface, pointing outwards."""
    down = np.empty_like(vertices)
    down[1:-1] = vertices[2:] - vertices[:-2]
    down[0], down[-1] = vertices[1] - vertices[0], vertices[-1] - vertices[-2]
    along = np.empty_like(vertices)
    along[:, 1:-1] = vertices[:, 2:] - vertices[:, :-2]
    is_closed = np.abs(vertices[:, 0] - vertices[:, -1]).max() < 1e-5
    if is_closed:
        along[:, 0] = along[:, -1] = vertices[:, 1] - vertices[:, -2]
    else:
        along[:, 0], along[:, -1] = vertices[:, 1] - vertices[:, 0], vertices[:, -1] - vertices[:, -2]
    normals = np.cross(down, along)
    # A tube may run either way along its axis; an open piece says by its order which side is outside.
    if is_closed and (normals * (vertices - vertices[:, :-1].mean(axis=1, keepdims=True))).sum() < 0:
        normals = -normals
    return normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)


@dataclass
class Fragments:
    """What is seen, one entry a covered pixel.

    Attributes:
        pixel: (P,) index into the image, row by row.
        depth: (P,) distance ahead of the camera in metres.
        part: (P,) index of the part.
        normal: (3, P) float32, unit vectors in the world.
        place: (2, P) float32 in [0, 1]: position down the rows and along the columns of the part.
    """

    pixel: np.ndarray
    depth: np.ndarray
    part: np.ndarray
    normal: np.ndarray
    place: np.ndarray


def _subdivide(lengths: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut the intervals between neighbouring corners into steps of at most :data:`SPACING`.

    Args:
        lengths: (n,) the longest edge of every interval in pixels.
        wanted: (n,) bool; the other intervals are left out.

    Returns:
        The interval (m,) of every step and the place (m,) float32 of its middle in it, in [0, 1].
    """
    steps = np.where(wanted, np.clip(np.ceil(lengths / SPACING), 1, _MAX_STEPS), 0).astype(np.intp)
    interval = np.repeat(np.arange(len(steps)), steps)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    return interval, ((np.arange(len(interval)) - first + 0.5) / steps[interval]).astype(np.float32)


def _between(values: np.ndarray, axis: int, interval: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Interpolate linearly along an axis.  Plain indexing: BLAS threads would wait for each other on a busy machine."""
    share = share.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    steps = np.diff(values, axis=axis).take(interval, axis=axis)
    steps *= share
    steps += values.take(interval, axis=axis)
    return steps


def _edges(corners: np.ndarray, axis: int) -> np.ndarray:
    """Return the lengths of the edges between neighbours along an axis of (M, N, 2)."""
    difference = np.diff(corners, axis=axis)
    return np.hypot(difference[..., 0], difference[..., 1])


class _PartSamples:
    """The samples of one part, as far as they face the camera and lie in the image."""

    def __init__(self, projected: np.ndarray, facing: np.ndarray, size: tuple[int, int]) -> None:
        height, width = size
        xy = projected[:, :, :2]
        useful = (facing > -0.05) & (projected[:, :, 2] > 0.05)
        # A corner counts if it or a neighbour is of use; whole rows and columns are then kept or left out.
        outside = ((xy[:, :, 0] < -width) | (xy[:, :, 0] > 2 * width) | (xy[:, :, 1] < -height)
                   | (xy[:, :, 1] > 2 * height))
        useful &= ~outside
        quads = useful[1:, 1:] | useful[1:, :-1] | useful[:-1, 1:] | useful[:-1, :-1]
        rows, columns = (np.asarray(quads.any(axis=axis)) for axis in (1, 0))
        down, along = _edges(xy, 0), _edges(xy, 1)
        down = np.where(quads, np.maximum(down[:, 1:], down[:, :-1]), 0).max(axis=1, initial=0)
        along = np.where(quads, np.maximum(along[1:], along[:-1]), 0).max(axis=0, initial=0)
        row, row_share = _subdivide(down, rows)
        column, column_share = _subdivide(along, columns)
        self.rows, self.columns = row + row_share, column + column_share
        # Channel, column, row: the large last step then copies long runs.
        channels = np.concatenate([projected, facing[:, :, None]], axis=2, dtype=np.float32).transpose(2, 1, 0)
        samples = _between(_between(channels, 2, row, row_share), 1, column, column_share).reshape(4, -1)
        x, y, depth, turned = samples
        kept = (turned > 0) & (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5) & (depth > 0.05)
        self.index = np.flatnonzero(kept)
        self.depth = depth[self.index]
        pixel_x, pixel_y = ((v[self.index] + np.float32(0.5)).astype(np.intp) for v in (x, y))
        self.pixel = pixel_y * width + pixel_x


def rasterise(parts: Sequence[Part], normals: Sequence[np.ndarray], camera: Camera,
              size: tuple[int, int]) -> Fragments:
    """Find the nearest surface at every pixel.

    Args:
        parts: the surfaces.
        normals: of each part, from :func:`vertex_normals`.
        camera: in pixels of the image to be drawn.
        size: (height, width).
    """
    samples = []
    for part, normal in zip(parts, normals, strict=True):
        facing = (normal * (camera.position - part.vertices)).sum(axis=2)
        samples.append(_PartSamples(camera.project(part.vertices), facing, size))
    counts = [len(s.index) for s in samples]
    depth = np.concatenate([s.depth for s in samples]).astype(np.float32)
    pixel = np.concatenate([s.pixel for s in samples])
    # One number orders by depth and then names the sample: the bits of positive floats are ordered as the floats.
    key = (depth.view(np.uint32).astype(np.uint64) << np.uint64(32)) | np.arange(len(depth), dtype=np.uint64)
    nearest = np.full(size[0] * size[1], np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(nearest, pixel, key)
    covered = np.flatnonzero(nearest != np.iinfo(np.uint64).max)
    chosen = (nearest[covered] & np.uint64(0xFFFFFFFF)).astype(np.intp)
    return _gather(samples, counts, covered, chosen, depth, normals)


def _gather(samples: list[_PartSamples], counts: list[int], covered: np.ndarray, chosen: np.ndarray,
            depth: np.ndarray, normals: Sequence[np.ndarray]) -> Fragments:
    """Look up position and normal of the chosen samples."""
    starts = np.cumsum([0, *counts[:-1]])
    part = np.searchsorted(starts, chosen, side='right') - 1
    # Parts without samples share their start with the next one; the search above names the last of them.
    within = np.concatenate([s.index for s in samples])[chosen]
    heights = np.array([max(len(s.rows), 1) for s in samples])[part]
    row_start = np.cumsum([0] + [len(s.rows) for s in samples[:-1]])[part]
    column_start = np.cumsum([0] + [len(s.columns) for s in samples[:-1]])[part]
    row = np.concatenate([s.rows for s in samples])[row_start + within % heights]
    column = np.concatenate([s.columns for s in samples])[column_start + within // heights]

    shapes = np.array([n.shape[:2] for n in normals])
    flat = np.concatenate([n.reshape(-1, 3) for n in normals]).astype(np.float32).T.copy()
    corner_start = np.cumsum([0, *(shapes[:-1, 0] * shapes[:-1, 1])])[part]
    i, j = row.astype(np.intp), column.astype(np.intp)
    top = corner_start + i * shapes[part, 1] + j
    below = top + shapes[part, 1]
    f, g = (row - i).astype(np.float32), (column - j).astype(np.float32)
    normal = np.empty((3, len(part)), np.float32)
    for axis, values in enumerate(flat):
        upper, lower = values[top], values[below]
        upper += (values[top + 1] - upper) * g
        lower += (values[below + 1] - lower) * g
        normal[axis] = upper + (lower - upper) * f
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=0)), np.float32(1e-9))
    place = np.stack([row / (shapes[part, 0] - 1), column / (shapes[part, 1] - 1)]).astype(np.float32)
    return Fragments(covered, depth[chosen], part, normal, place)


def nearest_depths(parts: Sequence[Part], camera: Camera, xy: np.ndarray, ignored: Sequence[np.ndarray]) -> np.ndarray:
    """Return how far ahead the nearest surface is at given places of the picture, without drawing it.

    Args:
        parts: the surfaces.
        camera: the camera.
        xy: (P, 2) places, x and y in pixels.
        ignored: for every part, (P,) bool: the places at which it does not count.

    Returns:
        (P,) metres, infinite where nothing is.
    """
    depths = np.full(len(xy), np.inf)
    place = xy[:, None, None]
    for part, skipped in zip(parts, ignored, strict=True):
        corners = camera.project(part.vertices)
        if (corners[:, :, 2] < 0.05).any():
            continue
        low, high = corners[:, :, :2].min(axis=(0, 1)), corners[:, :, :2].max(axis=(0, 1))
        near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1) & ~skipped)
        if not len(near):
            continue
        quads = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, :-1], corners[1:, 1:]])
        boxed = ((quads[..., :2].min(axis=0) <= place[near]) & (quads[..., :2].max(axis=0) >= place[near])).all(axis=3)
        index, i, j = np.nonzero(boxed)
        for a, b, c in ((0, 1, 2), (3, 2, 1)):
            _lower_by_triangles(depths, near[index], xy, quads[a, i, j], quads[b, i, j], quads[c, i, j])
    return depths


def _lower_by_triangles(depths: np.ndarray, index: np.ndarray, xy: np.ndarray, a: np.ndarray, b: np.ndarray,
                        c: np.ndarray) -> None:
    """Lower ``depths[index[k]]`` to the depth of triangle k (corners a, b, c) where the place lies inside it."""
    u, v, p = b - a, c - a, xy[index] - a[:, :2]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    with np.errstate(divide='ignore', invalid='ignore'):
        s = (p[:, 0] * v[:, 1] - p[:, 1] * v[:, 0]) / area
        t = (u[:, 0] * p[:, 1] - u[:, 1] * p[:, 0]) / area
        inside = (s >= 0) & (t >= 0) & (s + t <= 1)
    depth = (a[:, 2] + s * u[:, 2] + t * v[:, 2])[inside]
    np.minimum.at(depths, index[inside], depth)
