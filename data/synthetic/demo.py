"""The pictures that the demos draw without ``--image``, a clip for tests of videos, and people for 8-bit engines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from data.synthetic.background import meadow
from data.synthetic.camera import frame, look_at
from data.synthetic.clothes import sample_clothes
from data.synthetic.pose import Pose, sample_pose
from data.synthetic.render import draw
from data.synthetic.scene import Annotation, Figure, Scene, annotate, make_figure, sample_scene
from data.synthetic.skeleton import pose_body, sample_physique
from hourglass.crop import Extent, Location

import numpy as np

_LAMP = np.array([0.45, 0.72, 0.53])

#: One arm is raised, and the other hand is on the hip: every joint is visible, and left and right differ.
_POSE = Pose(
    {'bend': -3, 'side': 4, 'twist': -6, 'nod': -3, 'tilt': -4},
    ({'hip': 6, 'spread': 18, 'turn': 20, 'knee': 12, 'level': 1},
     {'hip': 6, 'spread': 18, 'turn': 20, 'knee': 10, 'level': 1}),
    ({'raise': -12, 'out': 46, 'rotate': -52, 'elbow': 98}, {'raise': 10, 'out': 120, 'rotate': 25, 'elbow': 45}))

#: Position (x, z) in metres, direction in degrees and kind of pose of each of the four people.
_PEOPLE = (((-1.7, -0.3), 25, 'walking'), ((-0.5, 0.2), -15, 'standing'), ((0.65, -0.6), 10, 'walking'),
           ((1.75, 0.0), -30, 'at ease'))

#: Metres of the clip: from the middle to the ends of the two paths, between the paths, and of a full stride.
_REACH, _GAP, _STRIDE = 1.6, 0.9, 1.3
#: Points that the camera of the clip shows, (x, y, z) in metres.
_VIEW = np.array([[-2.2, 0, 0], [2.2, 0, 0], [0, 1.9, 0], [0, 0, -_GAP]])


@dataclass(frozen=True)
class RenderedPerson(Annotation):
    """An annotated person with the picture: ``image``, (3, H, W) uint8, RGB."""

    image: np.ndarray


def demo_person(size: tuple[int, int] = (480, 480)) -> RenderedPerson:
    """Draw a person in the middle of a picture whose height is 1.25 times that of the person with the raised hand.

    Args:
        size: (height, width).
    """
    rng = np.random.default_rng(2)
    body = sample_physique(rng, build=1.0)
    clothes = replace(sample_clothes(rng), sleeve_end=0.5, leg_end=0.9, loose=0.3, stripe_width=0.0,
                      shirt=np.array([0.80, 0.16, 0.15]), trousers=np.array([0.13, 0.18, 0.32]),
                      hair=np.array([0.16, 0.11, 0.08]), shoe=np.array([0.12, 0.12, 0.14]))
    figure = make_figure(0, np.zeros(3), -12, pose_body(body, _POSE), clothes)
    joints = figure.skeleton.joints()
    camera = frame(look_at(joints.mean(axis=0), 5.0, 4), joints, size, (0.8, 0.8))
    scene = Scene(size, camera, [figure], meadow(2), _LAMP)
    person, = annotate(scene)
    return RenderedPerson(**vars(person), image=draw(scene))


def demo_scene(size: tuple[int, int] = (480, 480)) -> np.ndarray:
    """Return the picture of :func:`demo_person` as data sets return theirs: (3, H, W) float32, RGB in [0, 255]."""
    return demo_person(size).image.astype(np.float32)


def demo_people(size: tuple[int, int] = (480, 720)) -> tuple[np.ndarray, list[Annotation]]:
    """Draw four people beside each other.

    Args:
        size: (height, width).

    Returns:
        The picture (3, H, W) uint8, RGB, and the annotations of the people, from left to right.
    """
    rng = np.random.default_rng(21)
    figures = []
    for owner, ((x, z), yaw, kind) in enumerate(_PEOPLE):
        body = sample_physique(rng, build=1.0)
        figures.append(make_figure(owner, np.array([x, 0.0, z]), yaw, pose_body(body, sample_pose(rng, kind)),
                                   sample_clothes(rng)))
    joints = np.concatenate([figure.skeleton.joints() for figure in figures])
    camera = frame(look_at(np.array([0.0, 0.9, 0.0]), 6.5, 4), joints, size, (0.8, 0.84))
    scene = Scene(size, camera, figures, meadow(21), _LAMP)
    return draw(scene), annotate(scene)


def _step(phase: float) -> Pose:
    """Return the pose of a walking person, at a phase of the stride in radians."""
    def leg(phase: float) -> dict[str, float]:
        # The knee is bent while the leg swings to the front.
        return {'hip': 24 * math.sin(phase), 'spread': 3, 'turn': 5, 'knee': 8 + 45 * max(0.0, math.cos(phase)),
                'level': 0.6}

    def arm(phase: float) -> dict[str, float]:
        return {'raise': 26 * math.sin(phase), 'out': 8, 'rotate': -10, 'elbow': 25}

    other = phase + math.pi
    return Pose({'bend': 4.0}, (leg(phase), leg(other)), (arm(other), arm(phase)))


def walking_clip(size: tuple[int, int], n_frames: int) -> Iterator[tuple[np.ndarray, list[Annotation]]]:
    """Draw two people who walk past each other; half-way one hides the other.

    Args:
        size: (height, width) of the frames.
        n_frames: number of frames from one side of the picture to the other.

    Yields:
        A frame (3, H, W) uint8, RGB, and the annotations of the two, the one in front first.
    """
    rng = np.random.default_rng(7)
    bodies = [sample_physique(rng, build=1.0) for _ in range(2)]
    clothes = [sample_clothes(rng) for body in bodies]
    camera = frame(look_at(np.array([0.0, 0.9, -_GAP / 2]), 6.0, 5), _VIEW, size, (0.9, 0.95))

    def walker(owner: int, gone: float) -> Figure:
        """Return a person after some metres: the first walks to the right in front, the second to the left."""
        sign = 1 - 2 * owner
        skeleton = pose_body(bodies[owner], _step(2 * math.pi * gone / _STRIDE + owner))
        return make_figure(owner, np.array([sign * (gone - _REACH), 0.0, -_GAP * owner]), sign * 80, skeleton,
                           clothes[owner])

    for i in range(n_frames):
        gone = 2 * _REACH * i / max(n_frames - 1, 1)
        scene = Scene(size, camera, [walker(0, gone), walker(1, gone)], meadow(7), _LAMP)
        yield draw(scene), annotate(scene)


def rendered_people(n: int) -> Iterator[tuple[np.ndarray, Location]]:
    """Yield ``n`` rendered people, on which the ranges of 8-bit engines are measured: the first of the data set.

    Yields:
        The picture, (3, H, W) float32, RGB in [0, 255], and where the person is.
    """
    for i in range(n):
        scene = sample_scene(np.random.default_rng([0, 0, i]), (256, 256))
        person, = annotate(scene)
        yield draw(scene).astype(np.float32), Extent.of_points(person.points, person.labelled)
