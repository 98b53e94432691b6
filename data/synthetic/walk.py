"""A clip for tests and measurements of videos: two people who walk past each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from data.synthetic.annotation import Annotation, annotate
from data.synthetic.body import Physique, sample_physique
from data.synthetic.camera import look_at
from data.synthetic.look import Look, sample_look
from data.synthetic.outfit import Outfit, sample_outfit
from data.synthetic.pose import Pose
from data.synthetic.render import draw
from data.synthetic.scene import Figure, Scene, frame, make_figure
from data.synthetic.shading import Light
from data.synthetic.skeleton import pose_body

import numpy as np

#: Metres from the middle at which a walk begins and ends, metres between the two ways, and those of a full stride.
_REACH, _GAP, _STRIDE = 1.6, 0.9, 1.3
#: What the camera shows, (x, y, z) in metres.
_VIEW = np.array([[-2.2, 0, 0], [2.2, 0, 0], [0, 1.9, 0], [0, 0, -_GAP]])
_TRUNK = dict.fromkeys(('pitch', 'roll', 'side', 'twist', 'nod', 'tilt', 'look'), 0.0)


def _step(phase: float) -> Pose:
    """Return the pose of somebody who walks, at a phase of the stride in radians."""
    def leg(phase: float) -> dict[str, float]:
        # The knee is bent while the leg swings to the front.
        return {'hip': 24 * math.sin(phase), 'spread': 3, 'turn': 5, 'knee': 8 + 45 * max(0.0, math.cos(phase)),
                'ankle': 0, 'level': 0.6}

    def arm(phase: float) -> dict[str, float]:
        return {'raise': 26 * math.sin(phase), 'out': 8, 'rotate': -10, 'elbow': 25, 'pronate': 0, 'wrist': 0,
                'curl': 30, 'shrug': 0}

    other = phase + math.pi
    return Pose('walking', {**_TRUNK, 'bend': 4.0}, (leg(phase), leg(other)), (arm(other), arm(phase)))


def _walker(owner: int, person: tuple[Physique, Outfit, Look], share: float) -> Figure:
    """Return a person who has gone a share of the way: the first to the right in front, the second to the left."""
    body, outfit, look = person
    sign = 1 - 2 * owner
    gone = 2 * _REACH * share
    place = np.array([sign * (gone - _REACH), 0.0, -_GAP * owner])
    figure = make_figure(owner, place, sign * 80, pose_body(body, _step(2 * math.pi * gone / _STRIDE + owner)), outfit)
    return replace(figure, look=look)


def walking_clip(size: tuple[int, int], n_frames: int, seed: int = 7) -> Iterator[tuple[np.ndarray, list[Annotation]]]:
    """Draw two people who walk past each other; half-way one hides the other.

    Args:
        size: (height, width) of the frames.
        n_frames: number of frames from one side of the picture to the other.
        seed: decides the people and the place; the same seed gives the same clip.

    Yields:
        A frame (3, H, W) uint8, RGB, and the annotations of the two, the one in front first.
    """
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(2):
        body = sample_physique(rng, sturdy=1.0)
        outfit = sample_outfit(rng, body.female > 0.5)
        people.append((body, outfit, sample_look(rng, outfit, body.female > 0.5)))
    camera = frame(look_at(np.array([0.0, 0.9, -_GAP / 2]), 6.0, 5), _VIEW, size, (0.9, 0.95))
    light = Light(np.array([0.45, 0.72, 0.53]), np.array([0.82, 0.80, 0.74]), np.array([0.52, 0.56, 0.62]),
                  np.array([0.28, 0.27, 0.24]), 0.35)
    look_seed = int(rng.integers(2 ** 62))
    for i in range(n_frames):
        figures = [_walker(owner, person, i / max(n_frames - 1, 1)) for owner, person in enumerate(people)]
        scene = Scene(size, camera, figures, [], light, look_seed, 'town', 20.0, clean=True)
        yield draw(scene), annotate(scene)
