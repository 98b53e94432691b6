"""The surface of a body: tubes along the bones, with elliptical sections from the tables of thicknesses."""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.body import ARM, FOOT, HAND, HEAD, LEG, NECK, THUMB, TORSO, Physique, Profile
from data.synthetic.outfit import Outfit
from data.synthetic.skeleton import SIDES, Limb, Skeleton

import numpy as np

#: Corners of a section, the first and the last at the same place.
COLUMNS = 25
#: Angle of a corner: 0 is the front, positive towards the left, the seam is at the back.
ANGLES = np.linspace(-np.pi, np.pi, COLUMNS)


@dataclass
class Part:
    """A piece of surface.

    Attributes:
        name: what it is; decides its texture.
        vertices: (M, N, 3) in the world.  Seen from outside, going along a row and then down a column turns
            so that ``cross(along a column, along a row)`` points out of the body.
        owner: index of the person, -1 for a thing.
        covers: whether it may hide the joints of its own person from the annotation; clothes hanging over a
            joint do not.
    """

    name: str
    vertices: np.ndarray
    owner: int = -1
    covers: bool = True


def sections(profile: Profile, scale: np.ndarray | float, widths: np.ndarray | float = 1.0,
             depths: np.ndarray | float = 1.0) -> np.ndarray:
    """Return the sections' corners (M, N, 2): to the left and to the front of the axis."""
    half_width = (profile.half_width * scale * widths)[:, None]
    front, back = ((d * scale * depths)[:, None] for d in (profile.front, profile.back))
    cosine = np.cos(ANGLES)
    return np.stack([half_width * np.sin(ANGLES), np.where(cosine > 0, front, back) * cosine], axis=2)


def sweep(centres: np.ndarray, left: np.ndarray, front: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Put sections (M, N, 2) on an axis (M, 3) with the given directions (M, 3) each; returns (M, N, 3)."""
    return centres[:, None] + corners[:, :, :1] * left[:, None] + corners[:, :, 1:] * front[:, None]


def _normalised(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _limb_axis(limb: Limb, at: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return axis, left and front (each (M, 3)) of a limb that bends smoothly about its middle joint at 1."""
    upper, lower = limb.points[1] - limb.points[0], limb.points[2] - limb.points[1]
    before, after = np.minimum(at, 1)[:, None], np.maximum(at - 1, 0)[:, None]
    centres = limb.points[0] + upper * before + lower * after
    share = np.clip((at - 1 + rounding) / (2 * rounding), 0, 1)[:, None]
    # A quadratic curve in place of the corner, through the same two ends.
    bent = limb.points[1] - upper * rounding * (1 - share) ** 2 + lower * rounding * share ** 2
    centres = np.where((share > 0) & (share < 1), bent, centres)
    left = limb.frames[0][:, 0] * (1 - share) + limb.frames[1][:, 0] * share
    front = limb.frames[0][:, 2] * (1 - share) + limb.frames[1][:, 2] * share
    return centres, _normalised(left), _normalised(front)


def _swollen(at: np.ndarray, end: float, amount: float) -> np.ndarray:
    """Return (M,) the thickness that a garment adds up to a position, with an edge at its end."""
    return np.where(at <= end, amount, 0.0)


def _leg(body: Physique, limb: Limb, outfit: Outfit) -> np.ndarray:
    factor = np.where(LEG.at < 1.9, body.leg_width, 0.5 + 0.5 * body.leg_width)
    corners = sections(LEG, body.unit, factor, factor)
    added = _swollen(LEG.at, outfit.leg_end, 0.006 + 0.012 * outfit.leg_loose)
    # Wide trousers fall straight from the thigh instead of following the shank.
    wide = outfit.leg_loose * np.clip((LEG.at - 0.2) / 1.2, 0, 1) * (LEG.at <= outfit.leg_end) * (LEG.at < 2.05)
    size = np.linalg.norm(corners, axis=2, keepdims=True)
    target = np.maximum(size, (0.066 + 0.012 * outfit.leg_loose) * body.unit)
    grown = np.where(LEG.at[:, None, None] > -0.19, size + added[:, None, None], size)
    grown = grown + (np.maximum(target, grown) - grown) * wide[:, None, None]
    corners = corners * (grown / np.maximum(size, 1e-6))
    centres, left, front = _limb_axis(limb, LEG.at, 0.13)
    # The kneecap: a bent knee stays as thick as a straight one.
    bend = 1 - np.clip(limb.frames[0][:, 1] @ limb.frames[1][:, 1], -1, 1)
    centres = centres + front * (0.014 * bend * body.unit * np.exp(-((LEG.at - 1) / 0.09) ** 2))[:, None]
    return sweep(centres, left, front, corners)


def _arm(body: Physique, limb: Limb, outfit: Outfit) -> np.ndarray:
    factor = np.where(ARM.at < 1.85, body.arm_width, 0.5 + 0.5 * body.arm_width)
    corners = sections(ARM, body.unit, factor, factor)
    added = _swollen(ARM.at, outfit.sleeve_end, 0.004 + 0.014 * outfit.shirt_loose)
    flare = outfit.shirt_loose * 0.012 * np.clip(ARM.at / max(outfit.sleeve_end, 0.3), 0, 1)
    added = np.where(added > 0, added + flare * (outfit.sleeve_end < 1.5), 0) * np.clip(0.25 + ARM.at * 3, 0, 1)
    size = np.linalg.norm(corners, axis=2, keepdims=True)
    corners = corners * (1 + np.where(ARM.at > -0.19, added, 0)[:, None, None] / np.maximum(size, 0.01))
    centres, left, front = _limb_axis(limb, ARM.at, 0.14)
    return sweep(centres, left, front, corners)


def _spine_axis(skeleton: Skeleton, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return axis, left and front (each (M, 3)) of the trunk; 0 is the pelvis, 1 the thorax."""
    knots = np.array([0.0, 0.34, 0.70, 1.0])
    centres = np.stack([np.interp(at, knots, skeleton.spine[:, i]) for i in range(3)], axis=1)
    below, above = np.minimum(at, 0)[:, None], np.maximum(at - 1, 0)[:, None]
    length = skeleton.physique.torso
    pelvis, _, chest = skeleton.spine_frames
    centres = centres + below * length * pelvis[:, 1] + above * length * chest[:, 1]
    middles = np.array([0.10, 0.52, 0.88])
    left, front = (
        np.stack([np.interp(at, middles, skeleton.spine_frames[:, i, axis]) for i in range(3)], axis=1)
        for axis in (0, 2))
    return centres, _normalised(left), _normalised(front)


def _bump(along: np.ndarray, around: np.ndarray, at: float, length: float, width: float) -> np.ndarray:
    """Return (M, N) a smooth hill at position ``at`` and angle 0 of ``around``."""
    return np.exp(-((along - at) / length) ** 2)[:, None] * np.exp(-(around / width) ** 2)[None]


def _torso(skeleton: Skeleton, outfit: Outfit) -> np.ndarray:
    body, at = skeleton.physique, TORSO.at
    widths = np.interp(at, [0.0, 0.38, 0.75, 1.0, 1.15],
                       [body.hip_width, body.waist_width, body.chest_width, body.chest_width, 1.0])
    corners = sections(TORSO, body.unit, widths, widths)
    chest = _bump(at, np.abs(ANGLES) - 0.55, 0.72, 0.10, 0.33) * (body.bust + 0.010 * (1 - body.female))
    belly = _bump(at, ANGLES, 0.24, 0.22, 0.9) * body.belly
    seat = _bump(at, np.pi - np.abs(ANGLES) - 0.5, -0.04, 0.13, 0.5) * (0.016 + 0.010 * body.female)
    loose = np.where((at >= outfit.hem) & (at < 0.9), 0.005 + 0.020 * outfit.shirt_loose, 0.0)[:, None]
    # A loose shirt falls straight from the chest.
    waist = np.exp(-((at - 0.33) / 0.2) ** 2)[:, None] * 0.022 * outfit.shirt_loose
    size = np.linalg.norm(corners, axis=2)
    grown = size + (chest + belly + seat) * body.unit + np.where(loose > 0, loose + waist, 0.0)
    corners = corners * (np.where(size > 0.02, grown / np.maximum(size, 1e-6), 1.0))[:, :, None]
    return sweep(*_spine_axis(skeleton, at), corners)


def _neck(skeleton: Skeleton) -> np.ndarray:
    body = skeleton.physique
    frame, chest = skeleton.neck_frames[0], skeleton.spine_frames[2]
    start, end = skeleton.neck[0] - chest[:, 2] * 0.008 * body.height, skeleton.neck[1]
    factor = (0.45 + 0.55 * body.arm_width) * (1 - 0.06 * body.female)
    shape = (len(NECK.at), 3)
    return sweep(start + (end - start) * NECK.at[:, None], np.broadcast_to(frame[:, 0], shape),
                 np.broadcast_to(frame[:, 2], shape), sections(NECK, body.unit, factor, factor))


def _hairiness(outfit: Outfit, at: np.ndarray) -> np.ndarray:
    """Return (M, N) where the head is covered by hair: 0 or 1, by height and angle."""
    return (at[:, None] >= outfit.hairline(ANGLES)[None]).astype(float)


def _head_unit(body: Physique) -> float:
    """Return the head's size against that of the tables: they are made for one of 228 mm."""
    return body.head / 0.228


def _head(skeleton: Skeleton, outfit: Outfit) -> np.ndarray:
    body, frame = skeleton.physique, skeleton.neck_frames[1]
    unit = _head_unit(body)
    corners = sections(HEAD, unit, 1 - 0.04 * body.female)
    # Front and back lie on either side of a middle that moves, so the section is an ellipse about it.
    middle = ((HEAD.front - HEAD.back) / 2 * unit)[:, None]
    half = ((HEAD.front + HEAD.back) / 2 * unit)[:, None]
    corners[:, :, 1] = middle + half * np.cos(ANGLES)
    nose = _bump(HEAD.at, ANGLES, 0.335, 0.055, 0.16) * 0.022 + _bump(HEAD.at, ANGLES, 0.42, 0.07, 0.13) * 0.010
    sockets = _bump(HEAD.at, np.abs(ANGLES) - 0.36, 0.475, 0.045, 0.20) * 0.006
    lips = _bump(HEAD.at, ANGLES, 0.19, 0.035, 0.25) * 0.005
    corners[:, :, 1] += (nose - sockets + lips) * unit
    hair = _hairiness(outfit, HEAD.at) * outfit.hair_thickness * unit
    direction = corners - np.stack([np.zeros_like(middle), middle], axis=2)
    corners += direction / np.maximum(np.linalg.norm(direction, axis=2, keepdims=True), 0.02) * hair[:, :, None]
    rise = (HEAD.at - 0.13) * body.head + np.where(HEAD.at > 0.9, outfit.hair_thickness * 0.6 * unit, 0)
    centres = skeleton.neck[1] + frame[:, 1] * rise[:, None] + frame[:, 2] * 0.004 * unit
    return sweep(centres, np.broadcast_to(frame[:, 0], centres.shape), np.broadcast_to(frame[:, 2], centres.shape),
                 corners)


def ellipsoid(centre: np.ndarray, axes: np.ndarray, rows: int = 9) -> np.ndarray:
    """Return (rows, COLUMNS, 3): an ellipsoid with half axes in the columns of ``axes`` (left, up, front)."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    unit = np.stack([np.sin(polar) * np.sin(ANGLES), np.broadcast_to(-np.cos(polar), (rows, COLUMNS)),
                     np.sin(polar) * np.cos(ANGLES)], axis=2)
    return centre + unit @ axes.T


def _hair_parts(skeleton: Skeleton, outfit: Outfit) -> list[tuple[str, np.ndarray]]:
    """Return what stands out from the head: ears, and long hair, a tail, a bun or the peak of a cap."""
    frame = skeleton.neck_frames[1]
    body = skeleton.physique
    unit = _head_unit(body)
    origin = skeleton.neck[1] - frame[:, 1] * 0.13 * body.head + frame[:, 2] * 0.004 * unit

    def blob(name: str, x: float, y: float, z: float, half: tuple[float, float, float],
             turn: np.ndarray | None = None) -> tuple[str, np.ndarray]:
        axes = (frame if turn is None else frame @ turn) * np.array(half) * unit
        return name, ellipsoid(origin + frame @ (np.array([x, y, z]) * unit), axes)

    ears = () if outfit.covers_ears else (-0.075, 0.075)
    return [*(blob('ear', x, 0.100, -0.008, (0.010, 0.030, 0.018)) for x in ears),
            *(blob(name, *place) for name, place in outfit.head_extras())]


def _hand(body: Physique, limb: Limb, sign: float) -> list[tuple[str, np.ndarray]]:
    frame, wrist = limb.frames[2], limb.points[2]
    at, length = HAND.at, body.hand
    unit = body.unit * (1 - 0.06 * body.female)
    # The fingers bend from the knuckles on, more and more.
    angle = np.radians(limb.curl) * np.clip((at - 0.42) / 0.35, 0, 1) ** 1.2 * 1.5
    step = np.diff(at, prepend=0.0) * length
    down = np.cumsum(np.cos(angle) * step)
    inwards = np.cumsum(np.sin(angle) * step)
    centres = wrist - frame[:, 1] * down[:, None] - frame[:, 2] * inwards[:, None]
    front = np.cos(angle)[:, None] * frame[:, 2] - np.sin(angle)[:, None] * frame[:, 1]
    palm = sweep(centres, np.broadcast_to(frame[:, 0], centres.shape), front, sections(HAND, unit))
    # The thumb is on the side of the hand that is in front when the arm hangs.
    side = -sign * frame[:, 0]
    start = wrist - frame[:, 1] * 0.16 * length + side * 0.022 * unit
    turn = 0.75 - 0.004 * limb.curl
    direction = -frame[:, 1] * np.cos(turn) + side * np.sin(turn) - frame[:, 2] * (0.25 + 0.004 * limb.curl)
    direction /= np.linalg.norm(direction)
    across = _normalised(np.cross(direction, frame[:, 2]))
    shape = (len(THUMB.at), 3)
    thumb = sweep(start + direction * (THUMB.at * 0.36 * length)[:, None], np.broadcast_to(across, shape),
                  np.broadcast_to(np.cross(across, direction), shape), sections(THUMB, unit))
    return [('hand', palm), ('thumb', thumb)]


def _foot(body: Physique, limb: Limb, outfit: Outfit) -> np.ndarray:
    frame, ankle = limb.frames[2], limb.points[2]
    grow = 0.005 * outfit.shoe
    half_width = FOOT.half_width * body.unit * (1 - 0.08 * body.female) + np.where(FOOT.half_width > 0.01, grow, 0)
    top, sole = FOOT.front * body.unit + grow, -FOOT.back * body.unit
    angles = ANGLES
    upper = np.cos(angles)
    # Above, the section is round; below, it ends flat on the sole.
    height = np.where(upper > 0, 0.35 + 0.65 * upper, 0.35 * (1 - np.abs(upper) ** 0.35))
    across = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** np.where(upper > 0, 1.0, 0.5)
    y = sole[:, None] + (top - sole)[:, None] * height - body.ankle_height - outfit.shoe * 0.010
    centres = ankle + frame[:, 2] * ((FOOT.at - 0.25) * (body.foot + 2 * grow))[:, None]
    return (centres[:, None] + half_width[:, None, None] * across[None, :, None] * frame[:, 0]
            + y[:, :, None] * frame[:, 1])


def _skirt(skeleton: Skeleton, outfit: Outfit) -> np.ndarray:
    """Return a skirt that hangs about both thighs."""
    body = skeleton.physique
    # From the waist to the hem.
    at = np.linspace(0, 1, 12)
    along = np.clip(at * (outfit.skirt + 0.1) - 0.1, 0, None)[:, None]
    ends = []
    for leg in skeleton.legs:
        thigh, shank = leg.points[1] - leg.points[0], leg.points[2] - leg.points[1]
        ends.append(leg.points[0] + thigh * np.minimum(along, 1) + shank * np.maximum(along - 1, 0))
    middle = (ends[0] + ends[1]) / 2
    pelvis = skeleton.spine_frames[0]
    top = skeleton.spine[0] + pelvis[:, 1] * 0.22 * body.torso
    share = np.clip(at / 0.22, 0, 1)[:, None]
    middle = top * (1 - share) + middle * share
    spread = (ends[1] - ends[0]) / 2
    reach = np.linalg.norm(spread, axis=1)
    hips = np.array(pelvis[:, 0])
    direction = _normalised(hips * (1 - share) * 0.15 + spread / np.maximum(reach, 1e-6)[:, None] * share + hips * 0.02)
    axis = np.gradient(middle, axis=0)
    front = _normalised(np.cross(direction, -axis))
    width = (1 - share[:, 0]) * 0.160 * body.waist_width * body.unit + share[:, 0] * (
        reach + 0.092 * body.unit * body.leg_width + outfit.skirt_flare * at * 0.09)
    depth = (0.115 + 0.02 * share[:, 0] + outfit.skirt_flare * at * 0.08) * body.unit * body.leg_width
    wave = 1 + 0.05 * outfit.skirt_flare * at[:, None] * np.cos(7 * ANGLES + 1)
    corners = np.stack([width[:, None] * np.sin(ANGLES) * wave, depth[:, None] * np.cos(ANGLES) * wave], axis=2)
    return sweep(middle, direction, front, corners)


def body_parts(skeleton: Skeleton, outfit: Outfit, owner: int = 0) -> list[Part]:
    """Return the whole surface of a dressed person."""
    body = skeleton.physique
    pieces = [('torso', _torso(skeleton, outfit)), ('neck', _neck(skeleton)), ('head', _head(skeleton, outfit)),
              *_hair_parts(skeleton, outfit)]
    for side, sign, arm, leg in zip(SIDES, SIDES.values(), skeleton.arms, skeleton.legs, strict=True):
        pieces += [(f'{side} arm', _arm(body, arm, outfit)), *_hand(body, arm, sign),
                   (f'{side} leg', _leg(body, leg, outfit)), ('foot', _foot(body, leg, outfit))]
    parts = [Part(name, vertices, owner) for name, vertices in pieces]
    if outfit.skirt > 0:
        parts.append(Part('skirt', _skirt(skeleton, outfit), owner, covers=False))
    return parts
