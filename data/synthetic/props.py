"""Things: seats, boxes, balls, posts, bushes, and what people hold."""

from __future__ import annotations

from data.synthetic.fabric import Fabric, clothes_colour, linear, sample_fabric
from data.synthetic.noise import piece
from data.synthetic.skeleton import Skeleton, rotation
from data.synthetic.surface import COLUMNS, Part, ellipsoid, sweep

import numpy as np


def _up(height: float) -> np.ndarray:
    return np.array([0.0, height, 0.0])


def box(centre: np.ndarray, half: tuple[float, float, float], yaw: float) -> list[Part]:
    """Return the faces of a box but its underside; half sizes to the side, up and to the front, yaw in degrees."""
    axes = rotation(y=yaw) * np.array(half)
    left, up, front = axes.T
    grid = np.linspace(-1, 1, 3)
    faces = []
    # For each face: outwards, down a column, along a row.
    for outwards, down, along in ((front, -up, left), (-front, -up, -left), (left, -up, -front), (-left, -up, front),
                                  (up, front, left)):
        corners = centre + outwards + grid[:, None, None] * down + grid[None, :, None] * along
        faces.append(Part('box', corners))
    return faces


def ball(centre: np.ndarray, radius: float) -> Part:
    return Part('ball', ellipsoid(centre, np.eye(3) * radius, 11))


def rod(start: np.ndarray, end: np.ndarray, radii: np.ndarray) -> Part:
    """Return a round rod along a straight line, with radii at equal distances; its end is flat."""
    at = np.append(np.linspace(0, 1, len(radii)), 1.0)
    radii = np.append(radii, 1e-3)
    direction = (end - start) / np.linalg.norm(end - start)
    helper = np.array([1.0, 0, 0]) if abs(direction[0]) < 0.9 else np.array([0, 0, 1.0])
    left = np.cross(direction, helper)
    left /= np.linalg.norm(left)
    front = np.cross(left, direction)
    angles = np.linspace(-np.pi, np.pi, COLUMNS)
    corners = radii[:, None, None] * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    shape = (len(at), 3)
    return Part('rod', sweep(start + (end - start) * at[:, None], np.broadcast_to(left, shape),
                            np.broadcast_to(front, shape), corners))


def seat_under(skeleton: Skeleton, body: list[Part], rng: np.random.Generator) -> list[Part]:
    """Return a box or a bench on which a sitting person sits."""
    pelvis = skeleton.spine[0]
    trunk = next(part for part in body if part.name == 'torso')
    top = float(trunk.vertices[:, :, 1].min()) + 0.015
    if top < 0.12:
        return []
    heading = float(np.degrees(np.arctan2(skeleton.spine_frames[0][0, 2], skeleton.spine_frames[0][2, 2])))
    width, depth = rng.uniform(0.2, 0.5), rng.uniform(0.18, 0.24)
    middle = np.array([pelvis[0], 0.0, pelvis[2]])
    if rng.random() < 0.5:
        return box(middle + _up(top / 2), (width, top / 2, depth), heading)
    turn = rotation(y=heading)
    corners = [turn @ [x * width, 0, z * depth] for x in (-1, 1) for z in (-1, 1)]
    legs = [rod(middle + corner * 0.9 + _up(top - 0.03), middle + corner, np.full(3, 0.02)) for corner in corners]
    return [*box(middle + _up(top - 0.025), (width, 0.025, depth), heading), *legs]


def held_thing(skeleton: Skeleton, rng: np.random.Generator) -> list[Part]:
    """Return a ball, a stick or a racket in one hand."""
    arm = skeleton.arms[int(rng.integers(2))]
    frame = arm.frames[2]
    palm = arm.points[2] - frame[:, 1] * skeleton.physique.hand * 0.55
    kind = rng.integers(4)
    if kind == 0:
        radius = rng.uniform(0.03, 0.13)
        return [ball(palm - frame[:, 2] * (radius + 0.012), radius)]
    direction = frame[:, 0] * (1 if rng.random() < 0.5 else -1) - frame[:, 1] * rng.uniform(0, 0.7)
    direction /= np.linalg.norm(direction)
    grip = palm - frame[:, 2] * 0.025
    if kind < 3:
        length = rng.uniform(0.6, 1.1)
        radii = np.interp(np.linspace(0, 1, 6), [0, 0.4, 1], [0.014, 0.016, rng.uniform(0.012, 0.034)])
        return [rod(grip - direction * 0.1, grip + direction * length, radii)]
    face = np.cross(direction, frame[:, 1])
    face /= max(float(np.linalg.norm(face)), 1e-6)
    head = grip + direction * 0.52
    axes = np.stack([direction * 0.17, np.cross(direction, face) * 0.13, face * 0.012], axis=1)
    return [rod(grip - direction * 0.08, grip + direction * 0.36, np.full(4, 0.014)),
            Part('ball', ellipsoid(head, axes))]


def scattered_thing(place: np.ndarray, rng: np.random.Generator, size: float = 1.0) -> list[Part]:
    """Return something that stands on the ground, its thickness times ``size``."""
    kind = rng.choice(['box', 'ball', 'post', 'bush', 'column'], p=[0.4, 0.15, 0.2, 0.15, 0.1])
    if kind == 'box':
        half = rng.uniform((0.12, 0.1, 0.12), (0.6, 0.5, 0.4)) * size
        return box(place + _up(half[1]), tuple(half.tolist()), rng.uniform(0, 90))
    if kind == 'ball':
        radius = rng.uniform(0.05, 0.35) * size
        return [ball(place + _up(radius), radius)]
    if kind == 'bush':
        half = rng.uniform((0.25, 0.2, 0.25), (0.7, 0.6, 0.7)) * size
        leaves = ellipsoid(np.zeros(3), np.diag(half), 17)
        bumpy = 1 + 0.07 * rng.standard_normal((17, COLUMNS, 1))
        bumpy[:, -1] = bumpy[:, 0]
        return [Part('bush', place + _up(half[1] * 0.8) + leaves * bumpy)]
    height, radius = (rng.uniform(0.8, 3), rng.uniform(0.015, 0.05)) if kind == 'post' else (
        rng.uniform(0.4, 3), rng.uniform(0.08, 0.25) * size)
    return [rod(place, place + _up(height), np.full(8, radius))]


class ThingPainter:
    """Paint things; the faces of a box and the parts of one thing have the same material."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self._rng = rng
        self._shape = shape
        self._materials: dict[str, Fabric] = {}

    def _material(self) -> Fabric:
        """Draw wood, one colour, or a pattern."""
        rng = self._rng
        kind = rng.choice(['wood', 'plain', 'pattern'], p=[0.25, 0.25, 0.5])
        if kind == 'pattern':
            return sample_fabric(rng)
        wood = np.clip(np.array([0.62, 0.44, 0.28]) * rng.uniform(0.5, 1.3), 0, 1)
        colour = wood if kind == 'wood' else clothes_colour(rng)
        return Fabric(colour, colour)

    def paint(self, part: Part) -> np.ndarray:
        """Return a texture as :meth:`data.synthetic.look.Painter.paint` does."""
        rng = self._rng
        # Things do not shine as skin does.
        texture = np.full((*self._shape, 4), 0.02, np.float32)
        if part.name == 'bush':
            green = linear(np.array([0.25, 0.38, 0.18]) * rng.uniform(0.6, 1.3))
            texture[:, :, :3] = green * np.clip(1 + 0.5 * piece(rng, self._shape, 0.6, 0.85), 0.1, 2.5)[:, :, None]
            texture[:, :, 3] = 2.0
            return texture
        # All faces of boxes are alike: a box of many colours would be a toy.
        if part.name != 'box' or part.name not in self._materials:
            self._materials[part.name] = self._material()
        colours = self._materials[part.name].paint(np.linspace(0, 1, self._shape[0]))
        texture[:, :, :3] = linear(colours) * (1 + 0.08 * piece(rng, self._shape, 1.0))[:, :, None]
        return texture
