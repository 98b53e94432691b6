"""From joint angles to positions: forward kinematics of the 16 MPII joints and the parts between them.

The world is in metres, x, y, z, with y up and the ground at y = 0.  A person who is not turned looks along +z, with
the left hand towards +x.  A frame is a rotation matrix whose columns are the body part's own left, up and front.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from data.synthetic.body import Physique
from data.synthetic.pose import Pose, sample_pose
from hourglass.joints import MPII

import numpy as np

#: Sign of x on a side of the body; the right side comes first, as in MPII's order.
SIDES = {'right': -1.0, 'left': 1.0}


def rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """Return the rotation (3, 3) by z, then x, then y, about fixed axes, in degrees, counter-clockwise."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    return np.array([
        [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx],
        [cx * sz, cx * cz, -sx],
        [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx],
    ])


@dataclass
class Limb:
    """An arm or a leg.

    Attributes:
        points: (4, 3): shoulder, elbow, wrist, finger tips; or hip, knee, ankle, toes.
        frames: (3, 3, 3): of the upper and the lower part, and of the hand or foot; the last part of a limb runs
            along its frame's -y (hand) or +z (foot), the others along -y.
        curl: bend of the fingers in degrees.
    """

    points: np.ndarray
    frames: np.ndarray
    curl: float = 0.0

    def moved(self, turn: np.ndarray, shift: np.ndarray) -> Limb:
        return Limb(self.points @ turn.T + shift, turn @ self.frames, self.curl)


@dataclass
class Skeleton:
    """A posed body in the world.

    Attributes:
        physique: its sizes.
        pose: its angles.
        spine: (4, 3): pelvis, two points of the spine, thorax.
        spine_frames: (3, 3, 3): of pelvis, waist and chest.
        neck: (3, 3): thorax, upper neck, crown.
        neck_frames: (2, 3, 3): of neck and head.
        legs, arms: right and left.
    """

    physique: Physique
    pose: Pose
    spine: np.ndarray
    spine_frames: np.ndarray
    neck: np.ndarray
    neck_frames: np.ndarray
    legs: list[Limb]
    arms: list[Limb]

    def moved(self, turn: np.ndarray, shift: np.ndarray) -> Skeleton:
        """Return the skeleton turned about the origin and shifted."""
        return Skeleton(
            self.physique, self.pose, self.spine @ turn.T + shift, turn @ self.spine_frames,
            self.neck @ turn.T + shift, turn @ self.neck_frames,
            [limb.moved(turn, shift) for limb in self.legs], [limb.moved(turn, shift) for limb in self.arms])

    def joints(self) -> np.ndarray:
        """Return the joints in MPII's order, (16, 3) float64."""
        places = {'pelvis': self.spine[0], 'thorax': self.spine[3],
                  'upper neck': self.neck[1], 'head top': self.neck[2]}
        for side, leg, arm in zip(SIDES, self.legs, self.arms, strict=True):
            names = (f'{side} {joint}' for joint in ('hip', 'knee', 'ankle', 'shoulder', 'elbow', 'wrist'))
            places.update(zip(names, (*leg.points[:3], *arm.points[:3]), strict=True))
        return np.array([places[joint] for joint in MPII.joints])


def _level_foot(shank: np.ndarray, angle: float, level: float) -> float:
    """Mix the given angle of the foot with the one that makes its sole level, in degrees."""
    _, up_y, up_z = shank[1]
    levelled = math.degrees(math.atan2(-up_z, up_y))
    return (1 - level) * angle + level * min(max(levelled, -50), 35)


def _leg(body: Physique, pelvis: np.ndarray, angles: dict[str, float], sign: float) -> Limb:
    thigh = (pelvis @ rotation(x=-angles['hip']) @ rotation(z=sign * angles['spread'])
             @ rotation(y=sign * angles['turn']))
    shank = thigh @ rotation(x=angles['knee'])
    foot = shank @ rotation(x=-_level_foot(shank, angles['ankle'], angles['level']))
    hip = pelvis[:, 0] * sign * body.hip_half
    knee = hip - thigh[:, 1] * body.thigh
    ankle = knee - shank[:, 1] * body.shank
    toes = ankle + foot[:, 2] * body.foot * 0.75 - foot[:, 1] * body.ankle_height
    return Limb(np.array([hip, knee, ankle, toes]), np.array([thigh, shank, foot]))


def _shoulder(body: Physique, chest: np.ndarray, angles: dict[str, float], sign: float) -> np.ndarray:
    """Return a shoulder against the middle of both when they hang: a raised arm lifts it and takes it inwards."""
    # Height of the upper arm above hanging: 0 to 180 degrees.
    down = math.cos(math.radians(angles['raise'])) * math.cos(math.radians(angles['out']))
    lift = angles['shrug'] + max(math.degrees(math.acos(max(-1.0, min(1.0, down)))) - 60, 0) * 0.22
    forward = 12 * math.sin(math.radians(angles['raise']))
    direction = chest @ rotation(z=sign * lift) @ rotation(y=-sign * forward)
    return direction[:, 0] * sign * body.shoulder_half


def _arm(body: Physique, chest: np.ndarray, angles: dict[str, float], sign: float, shoulder: np.ndarray) -> Limb:
    upper = (chest @ rotation(x=-angles['raise']) @ rotation(z=sign * angles['out'])
             @ rotation(y=sign * angles['rotate']))
    lower = upper @ rotation(x=-angles['elbow'])
    # A hand that is not turned has its palm towards the thigh and the thumb in front.
    hand = lower @ rotation(y=sign * (90 + angles['pronate'])) @ rotation(x=angles['wrist'])
    elbow = shoulder - upper[:, 1] * body.upper_arm
    wrist = elbow - lower[:, 1] * body.forearm
    return Limb(np.array([shoulder, elbow, wrist, wrist - hand[:, 1] * body.hand]), np.array([upper, lower, hand]),
                angles['curl'])


def pose_body(body: Physique, pose: Pose) -> Skeleton:
    """Bend a body into a pose; the pelvis is at the origin and the feet have not found the ground yet."""
    trunk = pose.trunk
    pelvis = rotation(z=-trunk['roll']) @ rotation(x=trunk['pitch'])
    bend = rotation(x=trunk['bend'] / 2) @ rotation(z=-trunk['side'] / 2) @ rotation(y=trunk['twist'] / 2)
    waist = pelvis @ bend
    chest = waist @ bend
    spine = np.cumsum([np.zeros(3), pelvis[:, 1] * 0.34 * body.torso, waist[:, 1] * 0.36 * body.torso,
                       chest[:, 1] * 0.30 * body.torso], axis=0)
    shoulders = np.array([_shoulder(body, chest, angles, sign)
                          for angles, sign in zip(pose.arms, SIDES.values(), strict=True)]) + spine[3]
    # MPII's thorax is the middle of the shoulders, wherever these are lifted.
    spine[3] = shoulders.mean(axis=0)
    turn = rotation(x=trunk['nod'] / 2) @ rotation(z=-trunk['tilt'] / 2) @ rotation(y=trunk['look'] / 2)
    neck = chest @ rotation(x=14) @ turn
    head = neck @ rotation(x=-14) @ turn
    top = spine[3] - chest[:, 2] * 0.014 * body.height + neck[:, 1] * body.neck
    crown = top + head @ np.array([0.0, 0.87, 0.0]) * body.head
    return Skeleton(
        body, pose, spine, np.array([pelvis, waist, chest]), np.array([spine[3], top, crown]), np.array([neck, head]),
        [_leg(body, pelvis, angles, sign) for angles, sign in zip(pose.legs, SIDES.values(), strict=True)],
        [_arm(body, chest, angles, sign, shoulder)
         for angles, sign, shoulder in zip(pose.arms, SIDES.values(), shoulders, strict=True)])


def _along(points: np.ndarray, n: int = 5) -> np.ndarray:
    """Return (2 n, 3) positions along the two main parts of a limb."""
    share = np.linspace(0.1, 1, n)[:, None]
    return np.concatenate([points[0] + (points[1] - points[0]) * share, points[1] + (points[2] - points[1]) * share])


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the least distance between two sets of positions."""
    return float(np.sqrt(((a[:, None] - b) ** 2).sum(axis=2).min()))


def is_possible(skeleton: Skeleton) -> bool:
    """Whether no limb runs through the trunk, the head or another limb."""
    body = skeleton.physique
    unit = body.unit
    legs = [_along(leg.points) for leg in skeleton.legs]
    # From the middle of the upper arm to the knuckles.
    hands = [np.concatenate([_along(arm.points)[2:], [(arm.points[2] + arm.points[3]) / 2]]) for arm in skeleton.arms]
    if _gap(legs[0][3:], legs[1][3:]) < 0.10 * unit * body.leg_width or _gap(hands[0][4:], hands[1][4:]) < 0.05 * unit:
        return False
    head = (skeleton.neck[1] + skeleton.neck[2])[None] / 2
    for hand in hands:
        if _gap(hand[4:], head) < 0.135 * unit or any(_gap(hand[2:], leg) < 0.095 * unit for leg in legs):
            return False
        for height, width, depth, frame in ((0.12, 0.185, 0.135, 0), (0.45, 0.175, 0.13, 1), (0.75, 0.185, 0.14, 2)):
            middle = skeleton.spine[0] + (skeleton.spine[3] - skeleton.spine[0]) * height
            local = (hand - middle) @ skeleton.spine_frames[frame]
            scaled = local / np.array([width * body.hip_width, 0.17, depth * body.waist_width]) / unit
            if ((scaled ** 2).sum(axis=1) < 1).any():
                return False
    return True


def sample_skeleton(rng: np.random.Generator, body: Physique, name: str | None = None) -> Skeleton:
    """Draw a pose of a body in which no limb runs through another, as far as a few attempts find one."""
    for _ in range(12):
        skeleton = pose_body(body, sample_pose(rng, name))
        if is_possible(skeleton):
            break
        name = skeleton.pose.name
    return skeleton
