"""The surface of a body: tubes around the bones, with elliptical sections from tables of thicknesses.

The thicknesses are our own, chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.clothes import Clothes
from data.synthetic.skeleton import Limb, Skeleton

import numpy as np

#: Angle of a section's corners: 0 is the front, positive towards the left; first and last meet at the back.
ANGLES = np.linspace(-np.pi, np.pi, 25)


@dataclass(frozen=True)
class Part:
    """A piece of surface.

    Attributes:
        name: what it is; decides its colours.
        owner: index of the person in the scene.
        at: (M,) position of each row along the part, in the units of its table below.
        vertices: (M, 25, 3) corners in the world, rows along the part, columns by :data:`ANGLES` around it.
    """

    name: str
    owner: int
    at: np.ndarray
    vertices: np.ndarray


# Rows of (position along the part, half width, extent to the front, extent to the back); lengths in millimetres for a
# stature of 1.75 m.

#: 0 is the hip, 1 the knee, 2 the ankle; the rounded end above the hip lies in the trunk.
_LEG = np.array([
    (-0.20, 4, 4, 4), (-0.18, 44, 40, 44), (-0.13, 68, 62, 68), (-0.06, 80, 76, 84), (0.02, 86, 84, 96),
    (0.10, 87, 86, 94), (0.20, 84, 86, 86), (0.32, 79, 83, 77), (0.45, 73, 77, 69), (0.60, 65, 68, 61),
    (0.75, 57, 58, 55), (0.86, 52, 52, 50), (0.94, 51, 54, 48), (1.00, 50, 55, 48), (1.06, 48, 51, 50),
    (1.14, 48, 46, 57), (1.24, 52, 43, 68), (1.34, 53, 42, 71), (1.45, 51, 41, 65), (1.58, 44, 38, 52),
    (1.70, 37, 34, 42), (1.82, 32, 31, 36), (1.92, 31, 31, 36), (2.00, 33, 33, 40), (2.06, 30, 30, 36),
    (2.09, 4, 4, 4)])

#: 0 is the shoulder, 1 the elbow, 2 the wrist.
_ARM = np.array([
    (-0.16, 4, 4, 4), (-0.145, 24, 26, 26), (-0.10, 37, 39, 39), (-0.03, 46, 47, 47), (0.06, 51, 52, 51),
    (0.18, 50, 53, 50), (0.30, 46, 51, 48), (0.45, 43, 49, 45), (0.60, 42, 47, 42), (0.75, 39, 42, 40),
    (0.88, 37, 37, 38), (1.00, 38, 35, 40), (1.08, 41, 38, 40), (1.18, 44, 41, 40), (1.30, 43, 39, 38),
    (1.45, 39, 35, 34), (1.60, 34, 30, 29), (1.75, 30, 25, 24), (1.88, 28, 21, 20), (1.96, 28, 20, 19),
    (2.02, 27, 19, 18), (2.06, 4, 4, 4)])

#: 0 is the pelvis, 1 the thorax.
_TORSO = np.array([
    (-0.25, 6, 6, 8), (-0.23, 50, 36, 50), (-0.19, 95, 62, 84), (-0.13, 138, 86, 118), (-0.06, 162, 100, 138),
    (0.02, 169, 106, 138), (0.10, 167, 108, 124), (0.19, 158, 108, 104), (0.28, 149, 105, 92), (0.38, 142, 101, 87),
    (0.48, 143, 101, 90), (0.58, 150, 106, 98), (0.68, 158, 116, 107), (0.77, 165, 119, 113), (0.85, 172, 112, 114),
    (0.92, 176, 98, 108), (0.98, 178, 80, 98), (1.03, 172, 64, 84), (1.065, 153, 55, 74), (1.095, 122, 50, 66),
    (1.125, 90, 48, 60), (1.155, 66, 47, 56), (1.185, 54, 44, 52), (1.20, 5, 5, 5)])

#: 0 is the thorax, 1 the upper neck.
_NECK = np.array([(-0.40, 5, 5, 5), (-0.35, 62, 56, 62), (0.35, 58, 54, 58), (1.0, 56, 55, 58), (1.5, 5, 5, 5)])

#: 0 is the chin, 1 the crown; front and back are measured from an axis through the ears.
_HEAD = np.array([
    (0.00, 4, 80, -66), (0.015, 22, 88, -52), (0.05, 38, 93, -20), (0.11, 50, 95, 18), (0.18, 58, 95, 46),
    (0.26, 64, 98, 66), (0.34, 68, 102, 80), (0.42, 71, 97, 90), (0.50, 73, 92, 97), (0.58, 75, 94, 101),
    (0.66, 76, 96, 103), (0.74, 76, 93, 102), (0.81, 73, 86, 96), (0.87, 67, 76, 87), (0.92, 57, 62, 73),
    (0.96, 44, 46, 55), (0.985, 28, 28, 34), (1.00, 3, 3, 3)])

#: 0 is the wrist, 1 the finger tips; width across the palm, front is the back of the hand.
_HAND = np.array([
    (-0.08, 4, 4, 4), (-0.05, 23, 15, 15), (0.05, 27, 16, 16), (0.18, 37, 16, 17), (0.32, 44, 15, 18),
    (0.50, 41, 12, 13), (0.68, 40, 10, 11), (0.85, 36, 9, 10), (0.95, 26, 8, 8), (1.00, 4, 3, 3)])

#: 0 is the heel, 1 the tip of the toes; front is the height of the instep above the sole, back the depth below it.
_FOOT = np.array([
    (0.00, 4, 40, -20), (0.015, 18, 55, -6), (0.06, 29, 74, 0), (0.14, 34, 92, 0), (0.24, 36, 100, 0),
    (0.34, 36, 96, 0), (0.45, 38, 78, 0), (0.57, 42, 60, 0), (0.70, 47, 46, 0), (0.82, 46, 36, 0),
    (0.91, 39, 31, 0), (0.97, 26, 26, -2), (1.00, 4, 16, -8)])


def _tube(table: np.ndarray, scale: np.ndarray | float, centres: np.ndarray, left: np.ndarray,
          front: np.ndarray, extra: np.ndarray | float = 0.0) -> np.ndarray:
    """Put the sections of a table around an axis.

    Args:
        table: (M, 4), one of those above.
        scale: of the thickness, a number or (M,).
        centres: (M, 3), the axis in the world.
        left, front: (M, 3) or (3,), the directions of the sections.
        extra: thickness of the clothes in metres, a number or (M,).

    Returns:
        (M, 25, 3) corners.
    """
    width, ahead, behind = (np.where(column > 6, column / 1000 * scale + extra, column / 1000)[:, None]
                            for column in table[:, 1:].T)
    x, y = width * np.sin(ANGLES), np.where(np.cos(ANGLES) > 0, ahead, behind) * np.cos(ANGLES)
    left, front = (np.broadcast_to(axis, centres.shape)[:, None] for axis in (left, front))
    return centres[:, None] + x[:, :, None] * left + y[:, :, None] * front


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _limb(limb: Limb, table: np.ndarray, scale: float, end: float, loose: float) -> np.ndarray:
    """Return the surface of an arm or leg that bends smoothly at its middle joint, dressed as far as ``end``."""
    at, rounding = table[:, 0], 0.14
    upper, lower = limb.points[1] - limb.points[0], limb.points[2] - limb.points[1]
    share = np.clip((at - 1 + rounding) / (2 * rounding), 0, 1)[:, None]
    # Near the joint a quadratic curve takes the place of the corner.
    bent = limb.points[1] - upper * rounding * (1 - share) ** 2 + lower * rounding * share ** 2
    straight = limb.points[0] + upper * np.minimum(at, 1)[:, None] + lower * np.maximum(at - 1, 0)[:, None]
    centres = np.where((share > 0) & (share < 1), bent, straight)
    left, front = (_unit(limb.frames[0][:, i] * (1 - share) + limb.frames[1][:, i] * share) for i in (0, 2))
    # A bent knee or elbow stays as thick as a straight one.
    bend = 1 - limb.frames[0][:, 1] @ limb.frames[1][:, 1]
    centres = centres + np.sign(upper @ limb.frames[1][:, 2]) * front * (
        0.014 * bend * scale * np.exp(-((at - 1) / 0.09) ** 2))[:, None]
    return _tube(table, scale, centres, left, front,
                 np.where(at <= end, (0.004 + 0.012 * loose) * np.clip(0.2 + 3 * at, 0, 1), 0.0))


def _torso(skeleton: Skeleton, clothes: Clothes) -> np.ndarray:
    body, at = skeleton.physique, _TORSO[:, 0]
    knots = np.array([0.0, 0.5, 1.0])
    centres = np.stack([np.interp(at, knots, skeleton.spine[:3, i]) for i in range(3)], axis=1)
    pelvis, chest = skeleton.spine_frames[:2]
    beyond = np.minimum(at, 0)[:, None] * pelvis[:, 1] + np.maximum(at - 1, 0)[:, None] * chest[:, 1]
    centres = centres + beyond * body.lengths['torso']
    share = np.clip((at - 0.1) / 0.8, 0, 1)[:, None]
    left, front = (_unit(pelvis[:, i] * (1 - share) + chest[:, i] * share) for i in (0, 2))
    female = np.interp(at, [0.0, 0.4, 0.75, 1.1], [1.04, 0.92, 0.93, 1.0]) if body.female else 1.0
    vertices = _tube(_TORSO, body.unit * (0.3 + 0.7 * body.build) * female, centres, left, front,
                     np.where(at < 0.9, 0.004 + 0.016 * clothes.loose, 0.0))
    if body.female:
        bust = np.exp(-((at - 0.72) / 0.10) ** 2)[:, None] * np.exp(-((np.abs(ANGLES) - 0.55) / 0.33) ** 2)
        vertices += 0.025 * body.unit * bust[:, :, None] * front[:, None]
    return vertices


def _head(skeleton: Skeleton, clothes: Clothes) -> np.ndarray:
    body, frame, at = skeleton.physique, skeleton.spine_frames[3], _HEAD[:, 0]
    # The table is made for a head of 228 mm.
    scale = body.lengths['head'] / 0.228
    width, ahead, behind = (column[:, None] / 1000 * scale for column in _HEAD[:, 1:].T)
    nose = 0.020 * np.exp(-((at - 0.34) / 0.06) ** 2)[:, None] * np.exp(-(ANGLES / 0.16) ** 2)
    # Front and back lie on either side of a middle that moves.
    middle, half = (ahead - behind) / 2, (ahead + behind) / 2
    hair = np.where(at[:, None] >= clothes.hairline(ANGLES), clothes.hair_thickness * scale, 0.0)
    x = (width + hair) * np.sin(ANGLES)
    z = middle + (half + hair) * np.cos(ANGLES) + nose * scale
    y = (at - 0.13)[:, None] * body.lengths['head'] + np.where(at > 0.9, 0.6 * clothes.hair_thickness, 0.0)[:, None]
    corners = np.stack([x, np.broadcast_to(y, x.shape), z], axis=2)
    return skeleton.spine[3] + corners @ frame.T


def _foot(skeleton: Skeleton, limb: Limb) -> np.ndarray:
    body, frame, at = skeleton.physique, limb.frames[2], _FOOT[:, 0]
    width, top, below = (column[:, None] / 1000 * body.unit for column in _FOOT[:, 1:].T)
    # Above, the section is round; below, it ends flat on the sole.
    upper = np.cos(ANGLES)
    height = np.where(upper > 0, 0.35 + 0.65 * upper, 0.35 * (1 - np.abs(upper) ** 0.35))
    x = width * np.sign(np.sin(ANGLES)) * np.abs(np.sin(ANGLES)) ** np.where(upper > 0, 1.0, 0.5)
    y = (top + below) * height - below - body.lengths['ankle']
    z = np.broadcast_to((at - 0.25)[:, None] * body.lengths['foot'], x.shape)
    return limb.points[2] + np.stack([x, y, z], axis=2) @ frame.T


def body_parts(skeleton: Skeleton, clothes: Clothes, owner: int = 0) -> list[Part]:
    """Return the whole surface of a dressed person, ``owner`` being its index in the scene."""
    body = skeleton.physique
    thorax, top = skeleton.spine[2:4]
    chest, neck = skeleton.spine_frames[1:3]
    start = thorax - chest[:, 2] * 0.008 * body.height
    pieces = [('torso', _TORSO[:, 0], _torso(skeleton, clothes)),
              ('neck', _NECK[:, 0], _tube(_NECK, body.unit * (0.94 if body.female else 1.0),
                                          start + (top - start) * _NECK[:, :1], neck[:, 0], neck[:, 2])),
              ('head', _HEAD[:, 0], _head(skeleton, clothes))]
    for arm, leg in zip(skeleton.arms, skeleton.legs, strict=True):
        hand = arm.frames[2]
        palm = arm.points[2] - hand[:, 1] * _HAND[:, :1] * body.lengths['hand']
        arm_scale = body.unit * body.build * (0.9 if body.female else 1.0)
        pieces += [('arm', _ARM[:, 0], _limb(arm, _ARM, arm_scale, clothes.sleeve_end, clothes.loose)),
                   ('hand', _HAND[:, 0], _tube(_HAND, body.unit, palm, hand[:, 0], hand[:, 2])),
                   ('leg', _LEG[:, 0], _limb(leg, _LEG, body.unit * body.build, clothes.leg_end, clothes.loose)),
                   ('foot', _FOOT[:, 0], _foot(skeleton, leg))]
    return [Part(name, owner, at, vertices) for name, at, vertices in pieces]
