"""Poses as tables of joint angles, and a random draw from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Range = tuple[float, float]
#: One range for both sides, or one for the right and one for the left side (before the random mirroring).
Sides = Range | tuple[Range, Range]

# Angles of the trunk in degrees: the whole body turns forwards (pitch) and to its left (roll); the spine bends forwards
# (bend), to the left (side) and turns to the left (twist); the head likewise (nod, tilt, look).
# Of a leg: thigh forwards (hip) and outwards (spread), thigh turned outwards (turn), knee bent, toes lifted (ankle);
# level is not an angle: how far the sole is made level with the ground instead, 0 to 1.
# Of an arm: upper arm forwards (raise) and outwards (out), upper arm turned outwards (rotate), elbow bent.

#: Ranges of angles that a kind of pose does not give; angles that are not here are 0.
_TRUNK_DEFAULT: dict[str, Range] = {
    'pitch': (-3, 3), 'roll': (-4, 4), 'bend': (-5, 10), 'side': (-9, 9), 'twist': (-18, 18), 'nod': (-15, 20),
    'tilt': (-12, 12), 'look': (-40, 40),
}
_LEG_DEFAULT: dict[str, Range] = {'spread': (0, 5), 'turn': (0, 15), 'ankle': (-5, 5)}

ARMS: dict[str, dict[str, Range]] = {
    'hanging': {'raise': (-12, 14), 'out': (6, 16), 'rotate': (-25, 20), 'elbow': (4, 32)},
    'swung forward': {'raise': (18, 50), 'out': (5, 16), 'rotate': (-30, 0), 'elbow': (20, 110)},
    'swung back': {'raise': (-45, -15), 'out': (8, 25), 'rotate': (-20, 10), 'elbow': (10, 95)},
    'on the hip': {'raise': (-22, -6), 'out': (40, 54), 'rotate': (-58, -44), 'elbow': (92, 112)},
    'forward': {'raise': (55, 105), 'out': (-18, 22), 'rotate': (-25, 20), 'elbow': (0, 45)},
    'low forward': {'raise': (20, 55), 'out': (-5, 22), 'rotate': (-35, 10), 'elbow': (20, 85)},
    'up': {'raise': (135, 176), 'out': (-8, 22), 'rotate': (-30, 30), 'elbow': (0, 40)},
    'up and out': {'raise': (-5, 25), 'out': (108, 160), 'rotate': (-20, 60), 'elbow': (0, 50)},
    'sideways': {'raise': (-15, 25), 'out': (58, 102), 'rotate': (-30, 60), 'elbow': (0, 50)},
    'waving': {'raise': (0, 30), 'out': (58, 100), 'rotate': (62, 90), 'elbow': (70, 125)},
    'guard': {'raise': (25, 60), 'out': (6, 28), 'rotate': (-25, 8), 'elbow': (95, 138)},
    'anyhow': {'raise': (-30, 150), 'out': (5, 90), 'rotate': (-60, 70), 'elbow': (0, 125)},
}


@dataclass(frozen=True)
class Kind:
    """A kind of pose.

    Attributes:
        weight: how often it is drawn, relative to the others.
        legs, trunk: ranges of the angles.
        arms: keys of :data:`ARMS` for the right and left arm, or None for any two.
        airborne: height of the lowest point above the ground in metres.
    """

    weight: float
    legs: dict[str, Sides]
    trunk: dict[str, Range] = field(default_factory=dict)
    arms: tuple[str, str] | None = None
    airborne: Range = (0.0, 0.0)


KINDS: dict[str, Kind] = {
    'standing': Kind(22, {'hip': (-5, 8), 'spread': (0, 8), 'knee': (0, 10), 'level': (1, 1)}),
    'at ease': Kind(8, {'hip': ((-4, 4), (4, 18)), 'spread': (2, 12), 'turn': ((0, 10), (8, 35)),
                        'knee': ((0, 4), (12, 32)), 'level': (1, 1)}),
    'astride': Kind(8, {'hip': (-4, 12), 'spread': (12, 26), 'turn': (5, 28), 'knee': (0, 22), 'level': (1, 1)},
                    {'bend': (-8, 25)}),
    'walking': Kind(12, {'hip': ((18, 34), (-20, -4)), 'knee': ((4, 22), (10, 45)), 'level': ((0.8, 1), (0.1, 0.6))},
                    {'pitch': (0, 8), 'twist': (-8, 8)}, ('swung back', 'swung forward')),
    'running': Kind(12, {'hip': ((38, 85), (-28, 2)), 'knee': ((50, 115), (8, 75)), 'ankle': (-35, 10)},
                    {'pitch': (5, 20), 'twist': (-14, 14)}, ('swung back', 'swung forward'), (0.0, 0.14)),
    'lunge': Kind(6, {'hip': ((55, 92), (-30, -8)), 'spread': (0, 12), 'knee': ((55, 100), (5, 60)),
                      'level': ((1, 1), (0.2, 0.8))}, {'pitch': (0, 15), 'bend': (-5, 30)}),
    'squat': Kind(5, {'hip': (70, 115), 'spread': (6, 26), 'turn': (5, 25), 'knee': (80, 130), 'level': (1, 1)},
                  {'pitch': (0, 18), 'bend': (5, 40)}, ('forward', 'forward')),
    'ready': Kind(8, {'hip': (25, 60), 'spread': (8, 24), 'turn': (0, 18), 'knee': (25, 65), 'level': (1, 1)},
                  {'pitch': (5, 22), 'bend': (5, 35), 'nod': (-30, 0)}),
    'kneeling': Kind(3, {'hip': ((72, 96), (-5, 15)), 'spread': (0, 14), 'knee': ((75, 100), (80, 115)),
                         'ankle': (-45, -20), 'level': ((1, 1), (0, 0))}, {'pitch': (0, 10), 'bend': (0, 20)}),
    'kicking': Kind(6, {'hip': ((35, 100), (-10, 12)), 'spread': ((0, 25), (0, 8)), 'knee': ((0, 55), (0, 25)),
                        'ankle': (-45, 0), 'level': ((0, 0), (1, 1))}, {'pitch': (-15, 5), 'twist': (-25, 25)}),
    'star jump': Kind(5, {'hip': (-12, 22), 'spread': (16, 48), 'knee': (0, 45), 'ankle': (-45, 0)},
                      {'bend': (-20, 10)}, ('up and out', 'sideways'), (0.1, 0.6)),
    'leap': Kind(5, {'hip': ((45, 95), (-42, -15)), 'spread': (0, 20), 'knee': (0, 60), 'ankle': (-45, 0)},
                 {'pitch': (-10, 20), 'bend': (-15, 15)}, None, (0.1, 0.6)),
    'bent over': Kind(4, {'hip': (20, 70), 'spread': (2, 22), 'knee': (5, 45), 'level': (1, 1)},
                      {'pitch': (15, 40), 'bend': (25, 60), 'nod': (-30, 15)}, ('low forward', 'low forward')),
    'handstand': Kind(3, {'hip': ((0, 45), (-30, 10)), 'spread': (0, 35), 'knee': (0, 40), 'ankle': (-50, -15)},
                      {'pitch': (165, 200), 'bend': (-15, 10), 'nod': (-40, 0)}, ('up', 'up')),
    'lying': Kind(2, {'hip': (0, 40), 'spread': (0, 20), 'knee': (0, 60), 'ankle': (-40, 0)}, {'pitch': (-95, -78)}),
}


@dataclass(frozen=True)
class Pose:
    """Joint angles in degrees; an angle that is not named is 0.

    Attributes:
        trunk: by name.
        legs, arms: of the right and the left one, by name.
        airborne: height of the lowest point above the ground in metres.
    """

    trunk: dict[str, float]
    legs: tuple[dict[str, float], dict[str, float]]
    arms: tuple[dict[str, float], dict[str, float]]
    airborne: float = 0.0

    def mirrored(self) -> Pose:
        """Return the pose with left and right exchanged."""
        trunk = {name: -value if name in ('roll', 'side', 'twist', 'tilt', 'look') else value
                 for name, value in self.trunk.items()}
        return Pose(trunk, self.legs[::-1], self.arms[::-1], self.airborne)


def _draw(rng: np.random.Generator, ranges: Mapping[str, Sides], side: int = 0) -> dict[str, float]:
    """Draw each angle from its range or up to a tenth beyond, more often near the middle."""
    angles = {}
    for name, given in ranges.items():
        low, high = given[side] if isinstance(given[0], tuple) else given
        share = 0.65 * rng.uniform(-0.1, 1.1) + 0.35 * rng.uniform(-0.1, 1.1)
        angles[name] = float(low + share * (high - low))
    return angles


def sample_pose(rng: np.random.Generator, name: str | None = None) -> Pose:
    """Draw a pose.

    Args:
        rng: random generator.
        name: kind of pose, a key of :data:`KINDS`; drawn by the kinds' weights if not given.
    """
    weights = np.array([kind.weight for kind in KINDS.values()])
    kind = KINDS[name or list(KINDS)[rng.choice(len(weights), p=weights / weights.sum())]]
    arms = kind.arms or rng.choice(list(ARMS), 2)
    right_leg, left_leg = (_draw(rng, _LEG_DEFAULT | kind.legs, side) for side in (0, 1))
    right_arm, left_arm = (_draw(rng, ARMS[arm]) for arm in arms)
    trunk = _draw(rng, _TRUNK_DEFAULT | kind.trunk)
    pose = Pose(trunk, (right_leg, left_leg), (right_arm, left_arm), float(rng.uniform(*kind.airborne)))
    return pose if rng.random() < 0.5 else pose.mirrored()
