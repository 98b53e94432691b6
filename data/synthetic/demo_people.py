"""The picture that the demo for several people draws when it is given none."""

from __future__ import annotations

from data.synthetic.annotation import Annotation, annotate
from data.synthetic.body import sample_physique
from data.synthetic.camera import look_at
from data.synthetic.outfit import sample_outfit
from data.synthetic.render import draw
from data.synthetic.scene import Scene, frame, make_figure
from data.synthetic.shading import Light
from data.synthetic.skeleton import sample_skeleton

import numpy as np

#: Where people stand, (x, z) in metres, towards where they are turned, in degrees, and their kind of pose.
_PEOPLE = (((-1.7, -0.3), 25, 'walking'), ((-0.5, 0.2), -15, 'standing'), ((0.65, -0.6), 10, 'walking'),
           ((1.75, 0.0), -30, 'at ease'))


def demo_people(size: tuple[int, int] = (480, 720), seed: int = 7) -> tuple[np.ndarray, list[Annotation]]:
    """Draw four people beside each other.

    Args:
        size: (height, width).
        seed: decides their bodies, clothes, poses and the place; the same seed gives the same picture.

    Returns:
        The picture (3, H, W) uint8, RGB, and the annotations of the people, from left to right.
    """
    rng = np.random.default_rng(seed)
    figures = []
    for owner, ((x, z), yaw, kind) in enumerate(_PEOPLE):
        body = sample_physique(rng, sturdy=1.0)
        figures.append(make_figure(owner, np.array([x, 0.0, z]), yaw, sample_skeleton(rng, body, kind),
                                   sample_outfit(rng, body.female > 0.5)))
    joints = np.concatenate([figure.skeleton.joints() for figure in figures])
    camera = frame(look_at(np.array([0.0, 0.9, 0.0]), 6.5, 4), joints, size, (0.8, 0.84))
    light = Light(np.array([0.45, 0.72, 0.53]), np.array([0.82, 0.80, 0.74]), np.array([0.52, 0.56, 0.62]),
                  np.array([0.28, 0.27, 0.24]), 0.35)
    scene = Scene(size, camera, figures, [], light, int(rng.integers(2 ** 62)), 'open air', 30.0, clean=True)
    return draw(scene), annotate(scene)
