"""Forward kinematics: from joint angles to the positions of the 16 MPII joints.

The world is in metres, x, y, z, with y up and the ground at y = 0.  A person who is not turned looks along +z, with
the left hand towards +x.  A frame is a rotation matrix whose columns are the body part's own left, up and front.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from data.synthetic.pose import Pose
from hourglass.joints import MPII

import numpy as np

#: Sign of x on each side of the body; right first, as in MPII's order.
SIDES = {'right': -1.0, 'left': 1.0}

#: Lengths as fractions of the stature: Drillis and Contini, *Body Segment Parameters*, 1966, as given by Winter,
#: *Biomechanics and Motor Control of Human Movement*.  Torso: pelvis (middle of the hips) to thorax (middle of the
#: shoulders); neck: thorax to upper neck (base of the skull); head: chin to crown; ankle: height above the sole.
_LENGTHS = {
    'thigh': 0.245, 'shank': 0.246, 'ankle': 0.039, 'foot': 0.152, 'hip_half': 0.052, 'shoulder_half': 0.107,
    'torso': 0.288, 'neck': 0.064, 'head': 0.130, 'upper_arm': 0.180, 'forearm': 0.148, 'hand': 0.104,
}


@dataclass(frozen=True)
class Physique:
    """Sizes of a body.

    Attributes:
        height: stature in metres.
        build: thickness of the body relative to the average.
        female: whether the shape is a woman's.
        lengths: of the segments in metres.
    """

    height: float
    build: float
    female: bool
    lengths: dict[str, float]

    @property
    def unit(self) -> float:
        """The stature relative to 1.75 m, for which the tables of thicknesses are made."""
        return self.height / 1.75


def sample_physique(rng: np.random.Generator, build: float | None = None) -> Physique:
    """Draw a body.

    Args:
        rng: random generator.
        build: thickness relative to the average; drawn if not given.
    """
    female = bool(rng.random() < 0.45)
    height = float(np.clip(rng.normal(1.77 - 0.12 * female, 0.08), 1.4, 2.02))
    drawn = float(np.clip(rng.normal(1.0, 0.09), 0.85, 1.25))
    lengths = {name: share * height * rng.normal(1, 0.025) for name, share in _LENGTHS.items()}
    return Physique(height, build or drawn, female, lengths)


@dataclass(frozen=True)
class Limb:
    """An arm or a leg.

    Attributes:
        points: (4, 3): shoulder, elbow, wrist, finger tips; or hip, knee, ankle, toes.
        frames: (3, 3, 3): of the upper part, the lower part, and the hand or foot.
    """

    points: np.ndarray
    frames: np.ndarray


@dataclass(frozen=True)
class Skeleton:
    """A posed body in the world.

    Attributes:
        physique: its sizes.
        airborne: height of its lowest point above the ground in metres, once it is placed.
        spine: (5, 3): pelvis, waist, thorax, upper neck, crown.
        spine_frames: (4, 3, 3): of pelvis, chest, neck and head.
        legs, arms: right and left.
    """

    physique: Physique
    airborne: float
    spine: np.ndarray
    spine_frames: np.ndarray
    legs: tuple[Limb, Limb]
    arms: tuple[Limb, Limb]

    def moved(self, turn: np.ndarray, shift: np.ndarray) -> Skeleton:
        """Return the skeleton turned about the origin by a rotation (3, 3), then shifted by (3,) metres."""
        def limbs(pair: tuple[Limb, Limb]) -> tuple[Limb, Limb]:
            right, left = (Limb(limb.points @ turn.T + shift, turn @ limb.frames) for limb in pair)
            return right, left

        return replace(self, spine=self.spine @ turn.T + shift, spine_frames=turn @ self.spine_frames,
                       legs=limbs(self.legs), arms=limbs(self.arms))

    def joints(self) -> np.ndarray:
        """Return the joints in MPII's order, (16, 3) float64."""
        pelvis, _, thorax, neck, crown = self.spine
        places = {'pelvis': pelvis, 'thorax': thorax, 'upper neck': neck, 'head top': crown}
        for side, leg, arm in zip(SIDES, self.legs, self.arms, strict=True):
            names = (f'{side} {joint}' for joint in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist'))
            places.update(zip(names, (*leg.points[:3], *arm.points[:3]), strict=True))
        return np.array([places[joint] for joint in MPII.joints])


def rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """Return the rotation (3, 3) by z, then x, then y, about fixed axes, in degrees, counter-clockwise."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    return np.array([
        [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx],
    ])


def _angles(given: dict[str, float], *names: str) -> list[float]:
    return [given.get(name, 0.0) for name in names]


def _leg(body: Physique, pelvis: np.ndarray, angles: dict[str, float], sign: float) -> Limb:
    hip, spread, turn, knee, ankle, level = _angles(angles, 'hip', 'spread', 'turn', 'knee', 'ankle', 'level')
    thigh = pelvis @ rotation(x=-hip) @ rotation(z=sign * spread) @ rotation(y=sign * turn)
    shank = thigh @ rotation(x=knee)
    levelled = np.clip(math.degrees(math.atan2(-shank[1, 2], shank[1, 1])), -50, 35)
    foot = shank @ rotation(x=-(1 - level) * ankle - level * levelled)
    length = body.lengths
    points = np.cumsum([pelvis[:, 0] * sign * length['hip_half'], -thigh[:, 1] * length['thigh'],
                        -shank[:, 1] * length['shank'],
                        foot[:, 2] * length['foot'] * 0.75 - foot[:, 1] * length['ankle']], axis=0)
    return Limb(points, np.array([thigh, shank, foot]))


def _arm(body: Physique, chest: np.ndarray, angles: dict[str, float], sign: float) -> Limb:
    """Return an arm relative to the middle of the hanging shoulders."""
    lift, out, rotate, elbow = _angles(angles, 'raise', 'out', 'rotate', 'elbow')
    # A raised arm lifts the shoulder and takes it inwards.
    down = math.cos(math.radians(lift)) * math.cos(math.radians(out))
    shrug = max(math.degrees(math.acos(down)) - 60, 0) * 0.25
    forward = 12 * math.sin(math.radians(lift))
    upper = chest @ rotation(x=-lift) @ rotation(z=sign * out) @ rotation(y=sign * rotate)
    lower = upper @ rotation(x=-elbow)
    # A hanging hand has its palm towards the thigh.
    hand = lower @ rotation(y=sign * 90)
    length = body.lengths
    points = np.cumsum([
        (chest @ rotation(z=sign * shrug) @ rotation(y=-sign * forward))[:, 0] * sign * length['shoulder_half'],
        -upper[:, 1] * length['upper_arm'], -lower[:, 1] * length['forearm'], -hand[:, 1] * length['hand']], axis=0)
    return Limb(points, np.array([upper, lower, hand]))


def pose_body(body: Physique, pose: Pose) -> Skeleton:
    """Bend a body into a pose; the pelvis is at the origin."""
    pitch, roll, bend, side, twist, nod, tilt, look = _angles(pose.trunk, *(
        'pitch', 'roll', 'bend', 'side', 'twist', 'nod', 'tilt', 'look'))
    length = body.lengths
    pelvis = rotation(z=-roll) @ rotation(x=pitch)
    chest = pelvis @ rotation(x=bend) @ rotation(z=-side) @ rotation(y=twist)
    waist = pelvis[:, 1] * 0.5 * length['torso']
    right, left = (_arm(body, chest, angles, sign) for angles, sign in zip(pose.arms, SIDES.values(), strict=True))
    base = waist + chest[:, 1] * 0.5 * length['torso']
    # MPII's thorax is the middle of the shoulders, wherever these are lifted.
    thorax = base + (right.points[0] + left.points[0]) / 2
    turn = rotation(x=nod / 2) @ rotation(z=-tilt / 2) @ rotation(y=look / 2)
    neck = chest @ rotation(x=14) @ turn
    head = neck @ rotation(x=-14) @ turn
    top = thorax - chest[:, 2] * 0.014 * body.height + neck[:, 1] * length['neck']
    right_leg, left_leg = (_leg(body, pelvis, angles, sign)
                           for angles, sign in zip(pose.legs, SIDES.values(), strict=True))
    return Skeleton(
        body, pose.airborne, np.array([np.zeros(3), waist, thorax, top, top + head[:, 1] * 0.87 * length['head']]),
        np.array([pelvis, chest, neck, head]), (right_leg, left_leg),
        (replace(right, points=right.points + base), replace(left, points=left.points + base)))
