"""Sizes of a human body: lengths of its segments and how thick they are, with the variation between people.

Lengths are fractions of the stature from Drillis and Contini, *Body Segment Parameters*, 1966, as given by Winter,
*Biomechanics and Motor Control of Human Movement*.  Thicknesses are our own, chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Physique:
    """One person's body; lengths in metres, the other values are factors about 1.

    Attributes:
        height: stature, from the soles to the crown.
        thigh, shank, ankle_height, foot: hip to knee, knee to ankle, ankle to sole, heel to toe.
        hip_half, shoulder_half: from the middle of the body to a hip and to a shoulder joint.
        torso: pelvis (middle of the hips) to thorax (middle of the shoulders).
        neck: thorax to upper neck (the base of the skull).
        head: chin to crown.
        upper_arm, forearm, hand: shoulder to elbow, elbow to wrist, wrist to finger tips.
        leg_width, arm_width, hip_width, waist_width, chest_width: thickness against the average.
        belly, bust: how far these stand out, in metres.
        female: 0 to 1, how far shapes are those of a woman.
    """

    height: float
    thigh: float
    shank: float
    ankle_height: float
    foot: float
    hip_half: float
    shoulder_half: float
    torso: float
    neck: float
    head: float
    upper_arm: float
    forearm: float
    hand: float
    leg_width: float
    arm_width: float
    hip_width: float
    waist_width: float
    chest_width: float
    belly: float
    bust: float
    female: float

    @property
    def unit(self) -> float:
        """The stature against the 1.75 m for which the tables of thicknesses are made."""
        return self.height / 1.75


def sample_physique(rng: np.random.Generator, sturdy: float | None = None) -> Physique:
    """Draw a person: a woman or a man, now and then a child.

    Args:
        rng: source of all variation.
        sturdy: thickness of the whole body against the average; drawn if not given.
    """
    female = float(rng.random() < 0.45)
    is_child = rng.random() < 0.08
    height = rng.uniform(1.15, 1.5) if is_child else float(np.clip(rng.normal(1.77 - 0.12 * female, 0.07), 1.5, 2.02))
    build = float(np.clip(rng.normal(1.0, 0.09), 0.84, 1.28)) if sturdy is None else sturdy
    vary = dict(zip(('leg', 'arm', 'hip', 'waist', 'chest'), rng.normal(1, 0.035, 5), strict=True))
    length = dict(zip(('thigh', 'shank', 'upper_arm', 'forearm', 'torso'), rng.normal(1, 0.025, 5), strict=True))
    # A child's head is large against its body, and what it gains the legs and the trunk lose.
    child = (1.5 - height) / 0.35 if is_child else 0.0
    fat = max(build - 1, 0)
    return Physique(
        height=height,
        thigh=0.245 * height * length['thigh'] * (1 - 0.04 * child),
        shank=0.246 * height * length['shank'] * (1 - 0.04 * child),
        ankle_height=0.039 * height,
        foot=0.152 * height,
        hip_half=(0.050 + 0.003 * female) * height,
        shoulder_half=(0.110 - 0.009 * female) * height * vary['chest'],
        torso=0.288 * height * length['torso'],
        neck=0.064 * height,
        head=0.130 * height * (1 + 0.22 * child) * rng.uniform(0.97, 1.04),
        upper_arm=0.180 * height * length['upper_arm'],
        forearm=0.148 * height * length['forearm'],
        hand=0.104 * height,
        leg_width=build * vary['leg'] * (1 + 0.02 * female),
        arm_width=build * vary['arm'] * (1 - 0.12 * female),
        hip_width=(0.75 + 0.25 * build) * vary['hip'] * (1 + 0.05 * female),
        waist_width=build * vary['waist'] * (1 - 0.07 * female),
        chest_width=(0.6 + 0.4 * build) * vary['chest'] * (1 - 0.08 * female),
        belly=0.25 * fat,
        bust=0.0 if is_child else female * rng.uniform(0.012, 0.04),
        female=female,
    )


@dataclass(frozen=True)
class Profile:
    """Thickness along a part of the body, in metres for a stature of 1.75 m.

    Attributes:
        at: (M,) position along the part, increasing.
        half_width: (M,) to the sides.
        front, back: (M,) towards the front and the back.
    """

    at: np.ndarray
    half_width: np.ndarray
    front: np.ndarray
    back: np.ndarray


def _profile(*rows: tuple[float, ...]) -> Profile:
    """Read rows of (position, half width, front, back), the lengths in millimetres."""
    table = np.array(rows)
    return Profile(table[:, 0], *(table[:, 1:] / 1000).T)


#: 0 is the hip, 1 the knee, 2 the ankle; the rounded end above the hip lies in the trunk.
LEG = _profile(
    (-0.20, 4, 4, 4), (-0.18, 44, 40, 44), (-0.13, 68, 62, 68), (-0.06, 80, 76, 84), (0.02, 86, 84, 96),
    (0.10, 87, 86, 94), (0.20, 84, 86, 86), (0.32, 79, 83, 77), (0.45, 73, 77, 69), (0.60, 65, 68, 61),
    (0.75, 57, 58, 55), (0.86, 52, 52, 50), (0.94, 51, 54, 48), (1.00, 50, 55, 48), (1.06, 48, 51, 50),
    (1.14, 48, 46, 57), (1.24, 52, 43, 68), (1.34, 53, 42, 71), (1.45, 51, 41, 65), (1.58, 44, 38, 52),
    (1.70, 37, 34, 42), (1.82, 32, 31, 36), (1.92, 31, 31, 36), (2.00, 33, 33, 40), (2.06, 30, 30, 36),
    (2.09, 4, 4, 4))

#: 0 is the shoulder, 1 the elbow, 2 the wrist.
ARM = _profile(
    (-0.16, 4, 4, 4), (-0.145, 24, 26, 26), (-0.10, 37, 39, 39), (-0.03, 46, 47, 47), (0.06, 51, 52, 51),
    (0.18, 50, 53, 50), (0.30, 46, 51, 48), (0.45, 43, 49, 45), (0.60, 42, 47, 42), (0.75, 39, 42, 40),
    (0.88, 37, 37, 38), (1.00, 38, 35, 40), (1.08, 41, 38, 40), (1.18, 44, 41, 40), (1.30, 43, 39, 38),
    (1.45, 39, 35, 34), (1.60, 34, 30, 29), (1.75, 30, 25, 24), (1.88, 28, 21, 20), (1.96, 28, 20, 19),
    (2.02, 27, 19, 18), (2.06, 4, 4, 4))

#: 0 is the pelvis, 1 the thorax.
TORSO = _profile(
    (-0.25, 6, 6, 8), (-0.23, 50, 36, 50), (-0.19, 95, 62, 84), (-0.13, 138, 86, 108), (-0.06, 162, 100, 124),
    (0.02, 169, 106, 128), (0.10, 167, 108, 120), (0.19, 158, 108, 104), (0.28, 149, 105, 92), (0.38, 142, 101, 87),
    (0.48, 143, 101, 90), (0.58, 150, 106, 98), (0.68, 158, 113, 107), (0.77, 165, 116, 113), (0.85, 172, 112, 114),
    (0.92, 176, 98, 108), (0.98, 178, 80, 98), (1.03, 172, 64, 84), (1.065, 153, 55, 74), (1.095, 122, 50, 66),
    (1.125, 90, 48, 60), (1.155, 66, 47, 56), (1.185, 54, 44, 52), (1.20, 5, 5, 5))

#: 0 is the thorax, 1 the upper neck.
NECK = _profile(
    (-0.40, 5, 5, 5), (-0.35, 62, 56, 62), (0.0, 62, 56, 62), (0.35, 58, 54, 58), (0.7, 56, 54, 57),
    (1.0, 56, 55, 58), (1.3, 56, 54, 58), (1.5, 5, 5, 5))

#: 0 is the chin, 1 the crown; front and back are measured from an axis through the ears.
HEAD = _profile(
    (0.00, 4, 80, -66), (0.015, 22, 88, -52), (0.05, 38, 93, -20), (0.11, 50, 95, 18), (0.18, 58, 95, 46),
    (0.26, 64, 95, 66), (0.34, 68, 95, 80), (0.42, 71, 94, 90), (0.50, 73, 92, 97), (0.58, 75, 94, 101),
    (0.66, 76, 96, 103), (0.74, 76, 93, 102), (0.81, 73, 86, 96), (0.87, 67, 76, 87), (0.92, 57, 62, 73),
    (0.96, 44, 46, 55), (0.985, 28, 28, 34), (1.00, 3, 3, 3))

#: 0 is the wrist, 1 the finger tips; width across the palm, front is the back of the hand.
HAND = _profile(
    (-0.08, 4, 4, 4), (-0.05, 23, 15, 15), (0.05, 27, 16, 16), (0.18, 35, 16, 17), (0.32, 41, 15, 18),
    (0.45, 42, 14, 15), (0.55, 41, 12, 12), (0.68, 40, 10, 11), (0.80, 38, 9, 10), (0.90, 33, 8, 9),
    (0.97, 24, 7, 7), (1.00, 4, 3, 3))

THUMB = _profile(
    (0.0, 4, 4, 4), (0.05, 13, 13, 13), (0.4, 13, 12, 12), (0.75, 11, 10, 10), (0.95, 8, 7, 7), (1.0, 2, 2, 2))

#: 0 is the heel, 1 the tip of the toes; front is the height of the instep above the sole, back the sole.
FOOT = _profile(
    (0.00, 4, 40, -20), (0.015, 18, 55, -6), (0.06, 29, 74, 0), (0.14, 34, 92, 0), (0.24, 36, 100, 0),
    (0.34, 36, 96, 0), (0.45, 38, 78, 0), (0.57, 42, 60, 0), (0.70, 47, 46, 0), (0.82, 46, 36, 0),
    (0.91, 39, 31, 0), (0.97, 26, 26, -2), (1.00, 4, 16, -8))
