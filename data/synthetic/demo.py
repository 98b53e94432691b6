"""The picture that the demo draws when it is given none."""

from __future__ import annotations

from dataclasses import replace

from data.synthetic.body import sample_physique
from data.synthetic.camera import look_at
from data.synthetic.fabric import Fabric
from data.synthetic.look import sample_look
from data.synthetic.outfit import HAIR, Outfit
from data.synthetic.pose import Pose
from data.synthetic.render import RenderedPerson, annotated_picture
from data.synthetic.scene import Scene, frame, make_figure
from data.synthetic.shading import Light
from data.synthetic.skeleton import pose_body

import numpy as np

#: One arm raised, the other hand on the hip: every joint is seen, and left and right differ.
_POSE = Pose(
    'astride',
    {'pitch': 0, 'roll': 0, 'bend': -3, 'side': 4, 'twist': -6, 'nod': -3, 'tilt': -4, 'look': 0},
    ({'hip': 6, 'spread': 18, 'turn': 20, 'knee': 12, 'ankle': 0, 'level': 1},
     {'hip': 6, 'spread': 18, 'turn': 20, 'knee': 10, 'ankle': 0, 'level': 1}),
    ({'raise': -12, 'out': 46, 'rotate': -52, 'elbow': 98, 'pronate': 0, 'wrist': 30, 'curl': 20, 'shrug': 2},
     {'raise': 10, 'out': 120, 'rotate': 25, 'elbow': 45, 'pronate': 0, 'wrist': 0, 'curl': 12, 'shrug': 10}))

_OUTFIT = Outfit('sports', 0.5, 0.9, -0.06, 0.35, 0.5, 0.0, 0.5, 1.0, 'tied back', HAIR['tied back'][0])

_SHIRT = Fabric(np.array([0.80, 0.16, 0.15]), np.array([0.95, 0.94, 0.92]))
_SHORTS = Fabric(np.array([0.13, 0.18, 0.32]), np.array([0.95, 0.94, 0.92]))


def demo_person(size: tuple[int, int] = (480, 480), seed: int = 14) -> RenderedPerson:
    """Draw a person in the middle of a picture whose height is 1.25 times that of the person with the raised hand.

    Args:
        size: (height, width).
        seed: decides the body, its colours and the place; the same seed gives the same picture.
    """
    rng = np.random.default_rng(seed)
    body = sample_physique(rng, sturdy=1.0)
    look = replace(sample_look(rng, _OUTFIT, female=True), shirt=_SHIRT, trousers=_SHORTS, number='', glasses=0.0)
    figure = replace(make_figure(0, np.zeros(3), -12, pose_body(body, _POSE), _OUTFIT), look=look)
    joints = figure.skeleton.joints()
    camera = look_at(joints.mean(axis=0), 5.0, 4)
    camera = frame(camera, joints, size, (0.8, 0.8))
    light = Light(np.array([0.45, 0.72, 0.53]), np.array([0.82, 0.80, 0.74]), np.array([0.52, 0.56, 0.62]),
                  np.array([0.28, 0.27, 0.24]), 0.35)
    scene = Scene(size, camera, [figure], [], light, int(rng.integers(2 ** 62)), 'open air', 30.0, clean=True)
    return annotated_picture(scene)


def demo_scene(size: tuple[int, int] = (480, 480), seed: int = 14) -> np.ndarray:
    """Return the picture of :func:`demo_person` as data sets return theirs: (3, H, W) float32, RGB in [0, 255]."""
    return demo_person(size, seed).image.astype(np.float32)
