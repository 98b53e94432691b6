"""Poses as data: joint angles, their limits, and the kinds of pose that are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Range = tuple[float, float]
#: A range for both sides, or one for the leading and one for the trailing side.
Sides = Range | tuple[Range, Range]

#: Angles of the trunk in degrees, with their limits: turning the whole body forwards (``pitch``) and to its left
#: (``roll``); bending the spine forwards, to the left, and turning it to the left; the same for neck and head.
TRUNK_LIMITS: dict[str, Range] = {
    'pitch': (-360, 360), 'roll': (-360, 360), 'bend': (-35, 85), 'side': (-35, 35), 'twist': (-45, 45),
    'nod': (-45, 45), 'tilt': (-35, 35), 'look': (-70, 70),
}
#: Angles of a leg: thigh forwards, thigh outwards, thigh turned outwards, knee bent, foot lifted against the
#: shank; and how far the foot is levelled to the ground instead (0 to 1).
LEG_LIMITS: dict[str, Range] = {
    'hip': (-45, 130), 'spread': (-25, 80), 'turn': (-40, 60), 'knee': (0, 150), 'ankle': (-50, 30), 'level': (0, 1),
}
#: Angles of an arm: upper arm forwards, upper arm outwards, upper arm turned outwards, elbow bent, forearm turned
#: thumb outwards, wrist bent towards the palm, fingers bent; and the shoulder lifted.
ARM_LIMITS: dict[str, Range] = {
    'raise': (-55, 180), 'out': (-40, 175), 'rotate': (-85, 90), 'elbow': (0, 150), 'pronate': (-80, 85),
    'wrist': (-60, 70), 'curl': (0, 100), 'shrug': (-8, 35),
}


@dataclass(frozen=True)
class Legs:
    """A kind of pose, but for the arms; ranges in degrees.

    Attributes:
        weight: how often it is drawn, against the others.
        angles: ranges by the names in :data:`LEG_LIMITS`; the first of two belongs to the leading leg.
        trunk: ranges by the names in :data:`TRUNK_LIMITS`.
        arms: names in :data:`ARMS` that go with it; an entry ``'a/b'`` gives the leading and the trailing side.
        airborne: height of the lowest point above the ground in metres.
        seat: whether there is something to sit on.
    """

    weight: float
    angles: dict[str, Sides]
    trunk: dict[str, Range] = field(default_factory=dict)
    arms: tuple[str, ...] = ('any',)
    airborne: Range = (0.0, 0.0)
    seat: bool = False


ARMS: dict[str, dict[str, Range]] = {
    'hanging': {'raise': (-12, 14), 'out': (6, 16), 'rotate': (-25, 20), 'elbow': (4, 32), 'curl': (15, 50)},
    'forward swing': {'raise': (18, 40), 'out': (2, 12), 'rotate': (-20, 5), 'elbow': (10, 45), 'curl': (15, 60)},
    'back swing': {'raise': (-35, -15), 'out': (5, 18), 'rotate': (-20, 10), 'elbow': (5, 35), 'curl': (15, 60)},
    'run forward': {'raise': (25, 60), 'out': (5, 20), 'rotate': (-35, -5), 'elbow': (80, 120), 'curl': (60, 95)},
    'run back': {'raise': (-50, -22), 'out': (10, 28), 'rotate': (-20, 10), 'elbow': (65, 105), 'curl': (60, 95)},
    'on the hip': {'raise': (-22, -6), 'out': (40, 54), 'rotate': (-58, -44), 'elbow': (92, 112), 'wrist': (20, 50),
                   'curl': (10, 60)},
    'before the chest': {'raise': (30, 50), 'out': (5, 16), 'rotate': (-62, -46), 'elbow': (88, 108),
                         'curl': (20, 60)},
    'forward': {'raise': (55, 105), 'out': (-18, 22), 'rotate': (-25, 20), 'elbow': (0, 45), 'curl': (5, 70)},
    'up': {'raise': (135, 176), 'out': (-8, 22), 'rotate': (-30, 30), 'elbow': (0, 40), 'curl': (5, 60),
           'shrug': (8, 30)},
    'up and out': {'raise': (-5, 25), 'out': (108, 160), 'rotate': (-20, 60), 'elbow': (0, 50), 'curl': (5, 60),
                   'shrug': (5, 28)},
    'sideways': {'raise': (-15, 25), 'out': (58, 102), 'rotate': (-30, 60), 'elbow': (0, 50), 'curl': (5, 50)},
    'waving': {'raise': (0, 30), 'out': (58, 100), 'rotate': (62, 90), 'elbow': (70, 125), 'curl': (5, 25)},
    'guard': {'raise': (25, 60), 'out': (6, 28), 'rotate': (-25, 8), 'elbow': (95, 138), 'curl': (75, 100)},
    'at the head': {'raise': (45, 85), 'out': (35, 75), 'rotate': (5, 40), 'elbow': (118, 142), 'curl': (20, 60)},
    'behind': {'raise': (-50, -20), 'out': (6, 25), 'rotate': (-40, 20), 'elbow': (0, 60), 'curl': (15, 60)},
    'throwing': {'raise': (-20, 20), 'out': (80, 118), 'rotate': (45, 88), 'elbow': (50, 105), 'curl': (40, 80)},
    'low forward': {'raise': (20, 55), 'out': (-5, 22), 'rotate': (-35, 10), 'elbow': (20, 85), 'curl': (20, 90)},
    'down on the ground': {'raise': (70, 105), 'out': (0, 18), 'rotate': (-15, 15), 'elbow': (0, 30), 'curl': (0, 15),
                           'wrist': (-55, -30)},
    'anyhow': {'raise': (-30, 150), 'out': (5, 90), 'rotate': (-60, 70), 'elbow': (0, 125), 'curl': (0, 90)},
}
_FREE = ('hanging', 'hanging', 'hanging', 'on the hip', 'before the chest', 'forward', 'up', 'up and out', 'sideways',
         'waving', 'guard', 'at the head', 'behind', 'throwing', 'low forward', 'anyhow', 'anyhow')
_WALK = ('back swing/forward swing', 'back swing/forward swing', 'hanging/hanging', 'any')
_RUN = ('run back/run forward', 'run back/run forward', 'run back/run forward', 'any')

LEGS: dict[str, Legs] = {
    'standing': Legs(20, {'hip': (-5, 8), 'spread': (0, 8), 'turn': (0, 20), 'knee': (0, 10), 'level': (1, 1)},
                     {'pitch': (-4, 5), 'bend': (-6, 8)}),
    'at ease': Legs(8, {'hip': ((-4, 4), (4, 18)), 'spread': (2, 12), 'turn': ((0, 10), (8, 35)),
                        'knee': ((0, 4), (12, 32)), 'level': (1, 1)}, {'roll': (-4, 4), 'side': (-10, 10)}),
    'astride': Legs(7, {'hip': (-4, 12), 'spread': (12, 26), 'turn': (5, 28), 'knee': (0, 22), 'level': (1, 1)},
                    {'bend': (-8, 25)}),
    'walking': Legs(12, {'hip': ((18, 34), (-20, -4)), 'spread': (-1, 4), 'turn': (0, 8), 'knee': ((4, 22), (10, 45)),
                         'level': ((0.8, 1), (0.1, 0.6)), 'ankle': (-12, 5)}, {'pitch': (0, 8), 'twist': (-8, 8)},
                    _WALK),
    'running': Legs(12, {'hip': ((38, 85), (-28, 2)), 'spread': (-2, 5), 'knee': ((50, 115), (8, 75)),
                         'ankle': (-35, 10), 'level': ((0, 0.3), (0, 0.4))}, {'pitch': (5, 20), 'twist': (-14, 14)},
                    _RUN, airborne=(0.0, 0.14)),
    'lunge': Legs(6, {'hip': ((55, 92), (-30, -8)), 'spread': (0, 12), 'knee': ((55, 100), (5, 60)),
                      'level': ((1, 1), (0.2, 0.8))}, {'pitch': (0, 15), 'bend': (-5, 30)}),
    'squat': Legs(4, {'hip': (70, 115), 'spread': (6, 26), 'turn': (5, 25), 'knee': (80, 130), 'level': (1, 1)},
                  {'pitch': (0, 18), 'bend': (5, 40)}, ('forward/forward', 'low forward/low forward', 'any')),
    'ready': Legs(8, {'hip': (25, 60), 'spread': (8, 24), 'turn': (0, 18), 'knee': (25, 65), 'level': (1, 1)},
                  {'pitch': (5, 22), 'bend': (5, 35), 'nod': (-30, 0)},
                  ('low forward/low forward', 'low forward/throwing', 'guard/guard', 'any')),
    'batting': Legs(5, {'hip': (5, 35), 'spread': (12, 26), 'turn': (0, 30), 'knee': (10, 45), 'level': (0.6, 1)},
                    {'pitch': (0, 15), 'bend': (0, 25), 'twist': (-40, 40)},
                    ('forward/before the chest', 'throwing/forward', 'up/forward', 'sideways/low forward')),
    'sitting': Legs(7, {'hip': (72, 96), 'spread': (2, 20), 'turn': (0, 18), 'knee': (62, 105), 'level': (0.6, 1)},
                    {'pitch': (-12, 8), 'bend': (-3, 30)},
                    ('low forward/low forward', 'hanging/hanging', 'low forward/at the head', 'any'), seat=True),
    'kneeling': Legs(3, {'hip': ((72, 96), (-5, 15)), 'spread': (0, 14), 'knee': ((75, 100), (80, 115)),
                         'level': ((1, 1), (0, 0)), 'ankle': (-45, -20)}, {'pitch': (0, 10), 'bend': (0, 20)}),
    'kicking': Legs(6, {'hip': ((35, 100), (-10, 12)), 'spread': ((0, 25), (0, 8)), 'knee': ((0, 55), (0, 25)),
                        'level': ((0, 0), (1, 1)), 'ankle': (-45, 0)}, {'pitch': (-15, 5), 'twist': (-25, 25)},
                    ('back swing/sideways', 'guard/guard', 'sideways/sideways', 'any')),
    'side kick': Legs(3, {'hip': ((0, 40), (-5, 8)), 'spread': ((45, 78), (0, 10)), 'knee': ((0, 40), (0, 20)),
                          'level': ((0, 0), (1, 1)), 'ankle': (-30, 10)}, {'side': (-25, 10), 'roll': (-10, 20)},
                      ('guard/guard', 'sideways/sideways', 'any')),
    'balance': Legs(4, {'hip': ((-42, -20), (20, 75)), 'spread': (0, 12), 'turn': (0, 30), 'knee': ((0, 40), (0, 12)),
                        'ankle': ((-50, -30), (0, 0)), 'level': ((0, 0), (1, 1))}, {'pitch': (15, 60), 'nod': (-40, 0)},
                    ('sideways/sideways', 'forward/sideways', 'up/behind', 'up and out/up and out')),
    'star jump': Legs(4, {'hip': (-12, 22), 'spread': (16, 48), 'knee': (0, 45), 'ankle': (-45, 0)},
                      {'bend': (-20, 10)}, ('up and out/up and out', 'sideways/sideways', 'up/up'),
                      airborne=(0.1, 0.6)),
    'tuck jump': Legs(4, {'hip': (55, 110), 'spread': (0, 18), 'knee': (65, 125), 'ankle': (-40, 5)},
                      {'pitch': (-15, 25), 'bend': (5, 40)}, ('forward/forward', 'up/up', 'any'),
                      airborne=(0.15, 0.7)),
    'leap': Legs(5, {'hip': ((45, 95), (-42, -15)), 'spread': (0, 20), 'knee': ((0, 60), (0, 60)), 'ankle': (-45, 0)},
                 {'pitch': (-10, 20), 'bend': (-15, 15)},
                 ('up and out/up and out', 'sideways/forward', 'up/sideways', 'any'), airborne=(0.1, 0.6)),
    'reaching jump': Legs(4, {'hip': (-25, 15), 'spread': (0, 14), 'knee': ((10, 90), (0, 50)), 'ankle': (-45, -10)},
                          {'bend': (-25, 5), 'nod': (-35, -5)}, ('up/up', 'up/sideways', 'up/forward', 'throwing/up'),
                          airborne=(0.1, 0.6)),
    'bent over': Legs(4, {'hip': (20, 70), 'spread': (2, 22), 'knee': (5, 45), 'level': (1, 1)},
                      {'pitch': (15, 40), 'bend': (25, 60), 'nod': (-30, 15)},
                      ('forward/forward', 'low forward/low forward', 'any')),
    'plank': Legs(2, {'hip': (-5, 35), 'spread': (0, 14), 'knee': ((0, 40), (0, 20)), 'ankle': (-5, 25)},
                  {'pitch': (62, 88), 'nod': (-40, -5)}, ('down on the ground/down on the ground',)),
    'handstand': Legs(2.5, {'hip': ((0, 45), (-30, 10)), 'spread': (0, 35), 'knee': (0, 40), 'ankle': (-50, -15)},
                      {'pitch': (165, 200), 'bend': (-15, 10), 'nod': (-40, 0)}, ('up/up',), airborne=(0.0, 0.0)),
    'cartwheel': Legs(2, {'hip': (-15, 30), 'spread': (20, 60), 'knee': (0, 30), 'ankle': (-50, -10)},
                      {'roll': (70, 180)}, ('up and out/up and out', 'up/up')),
    'somersault': Legs(1.5, {'hip': (30, 120), 'spread': (0, 20), 'knee': (0, 120), 'ankle': (-50, 0)},
                       {'pitch': (40, 320), 'bend': (0, 50)}, ('low forward/low forward', 'any'), airborne=(0.4, 1.2)),
    'lying': Legs(1.5, {'hip': (0, 40), 'spread': (0, 20), 'knee': (0, 60), 'ankle': (-40, 0)}, {'pitch': (-95, -78)}),
}

#: Where a kind of pose says nothing.
_TRUNK_DEFAULT: dict[str, Range] = {
    'pitch': (-3, 3), 'roll': (-4, 4), 'bend': (-5, 10), 'side': (-9, 9), 'twist': (-18, 18),
    'nod': (-15, 20), 'tilt': (-12, 12), 'look': (-40, 40),
}
_LEG_DEFAULT: dict[str, Range] = {
    'hip': (0, 0), 'spread': (0, 5), 'turn': (0, 15), 'knee': (0, 0), 'ankle': (-5, 5), 'level': (0, 0),
}
_ARM_DEFAULT: dict[str, Range] = {
    'raise': (0, 0), 'out': (0, 0), 'rotate': (0, 0), 'elbow': (0, 0), 'pronate': (-35, 45), 'wrist': (-15, 25),
    'curl': (10, 60), 'shrug': (-3, 6),
}


@dataclass(frozen=True)
class Pose:
    """Angles in degrees by the names above; of a pair, the first belongs to the right side.

    Attributes:
        name: kind of pose, a key of :data:`LEGS`.
        trunk: angles of the trunk.
        legs: angles of the right and of the left leg.
        arms: angles of the right and of the left arm.
        airborne: height of the lowest point above the ground in metres.
        seat: whether there is something to sit on.
    """

    name: str
    trunk: dict[str, float]
    legs: tuple[dict[str, float], dict[str, float]]
    arms: tuple[dict[str, float], dict[str, float]]
    airborne: float = 0.0
    seat: bool = False

    def mirrored(self) -> Pose:
        """Return the pose with left and right exchanged."""
        turned = {name: -value if name in ('roll', 'side', 'twist', 'tilt', 'look') else value
                  for name, value in self.trunk.items()}
        return Pose(self.name, turned, self.legs[::-1], self.arms[::-1], self.airborne, self.seat)


def _draw(ranges: dict[str, Range], default: dict[str, Range], limits: dict[str, Range],
          rng: np.random.Generator) -> dict[str, float]:
    """Draw every angle about the middle of its range, rarely beyond its ends, never beyond the joint's limits."""
    rows = np.array([ranges.get(name, default[name]) for name in limits])
    low, high = np.array(list(limits.values())).T
    # The sum of two uniform numbers reaches past the range by a tenth of it at either end.
    share = rng.uniform(-0.1, 1.1, len(rows)) * 0.65 + rng.uniform(-0.1, 1.1, len(rows)) * 0.35
    values = np.clip(rows[:, 0] + share * (rows[:, 1] - rows[:, 0]), low, high)
    return dict(zip(limits, values.tolist(), strict=True))


def _of_side(ranges: dict[str, Sides], side: int) -> dict[str, Range]:
    return {name: value[side] if isinstance(value[0], tuple) else value
            for name, value in ranges.items()}


def sample_pose(rng: np.random.Generator, name: str | None = None) -> Pose:
    """Draw a pose.

    Args:
        rng: source of all variation.
        name: kind of pose, a key of :data:`LEGS`; drawn by the kinds' weights if not given.
    """
    if name is None:
        weights = np.array([kind.weight for kind in LEGS.values()])
        name = list(LEGS)[rng.choice(len(weights), p=weights / weights.sum())]
    kind = LEGS[name]
    arms = kind.arms[rng.integers(len(kind.arms))]
    if arms == 'any':
        arms = '/'.join(_FREE[i] for i in rng.integers(len(_FREE), size=2))
    leading, trailing = (_draw(_of_side(kind.angles, side), _LEG_DEFAULT, LEG_LIMITS, rng) for side in (0, 1))
    first, second = (_draw(ARMS[arm], _ARM_DEFAULT, ARM_LIMITS, rng) for arm in arms.split('/'))
    pose = Pose(name, _draw(kind.trunk, _TRUNK_DEFAULT, TRUNK_LIMITS, rng), (leading, trailing), (first, second),
                rng.uniform(*kind.airborne), kind.seat)
    return pose if rng.random() < 0.5 else pose.mirrored()
