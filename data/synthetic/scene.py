"""Scenes: people and things before a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.synthetic.background import sample_place
from data.synthetic.body import sample_physique
from data.synthetic.camera import Camera, look_at
from data.synthetic.look import Look
from data.synthetic.outfit import Outfit, sample_outfit
from data.synthetic.props import held_thing, scattered_thing, seat_under
from data.synthetic.shading import Light, sample_light
from data.synthetic.skeleton import Skeleton, rotation, sample_skeleton
from data.synthetic.surface import Part, body_parts

import numpy as np


@dataclass(frozen=True)
class Figure:
    """A person in a scene: the body in the world, its clothes and its surface; colours are drawn if not given."""

    skeleton: Skeleton
    outfit: Outfit
    parts: list[Part]
    look: Look | None = None


@dataclass(frozen=True)
class Scene:
    """Everything that decides a picture.

    Attributes:
        size: (height, width) of the picture.
        camera: in its pixels.
        figures: the people.
        things: what else there is.
        light: the light.
        look_seed: seed of all that is only colour.
        place: kind of background, a key of :data:`data.synthetic.background.PLACES`.
        distance: to the backdrop, from the origin, in metres.
        clean: neither blur nor noise.
    """

    size: tuple[int, int]
    camera: Camera
    figures: list[Figure]
    things: list[Part]
    light: Light
    look_seed: int
    place: str
    distance: float
    clean: bool = False

    @property
    def parts(self) -> list[Part]:
        return [part for figure in self.figures for part in figure.parts] + self.things


#: Kinds of pose that leave the hands free to hold something.
_NO_THING_IN = ('plank', 'handstand', 'cartwheel', 'lying', 'somersault')


def make_figure(owner: int, place: np.ndarray, yaw: float, skeleton: Skeleton,
                outfit: Outfit) -> Figure:
    """Turn a posed body about its height, put it on the ground (or above it, as its pose says) and dress it."""
    turned = skeleton.moved(rotation(y=yaw), np.zeros(3))
    parts = body_parts(turned, outfit, owner)
    lowest = min(float(part.vertices[:, :, 1].min()) for part in parts)
    shift = place - [0, lowest - skeleton.pose.airborne, 0]
    return Figure(turned.moved(np.eye(3), shift), outfit,
                  [replace(part, vertices=part.vertices + shift) for part in parts])


def _places(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """Draw where people stand: the first at the origin, nobody within 0.7 m of another."""
    places = [np.zeros(3)]
    while len(places) < n:
        reach = 0.6 + 0.45 * n
        place = np.array([rng.uniform(-reach, reach), 0.0, rng.uniform(-1.4 * reach, 0.6 * reach)])
        if min(float(np.linalg.norm(place - other)) for other in places) > 0.7:
            places.append(place)
    return places


def frame(camera: Camera, joints: np.ndarray, size: tuple[int, int], share: tuple[float, float],
          offset: tuple[float, float] = (0.0, 0.0), zoom: float = 1.0) -> Camera:
    """Set focal length and middle of a camera so that joints fill a part of the picture.

    Args:
        camera: gives position and direction.
        joints: (N, 3) in the world.
        size: (height, width) of the picture.
        share: how much of the height and of the width they may fill; one of the two is then filled.
        offset: how far they are off the middle, in x and y: -1 to 1 is as far as the border lets them.
        zoom: enlarges what would fill the share.
    """
    xy = replace(camera, focal=1.0, middle=(0.0, 0.0)).project(joints)[:, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = np.array([size[1], size[0]], float)
    # Somebody who is seen along the body's axis must not fill the picture.
    extent = np.maximum(high - low, 0.3 * float((high - low).max()))
    focal = zoom * min(share[0] * room[1] / extent[1], share[1] * room[0] / extent[0])
    slack = np.abs(room - extent * focal) / 2
    x, y = (room - 1) / 2 + np.array(offset) * slack - (low + high) / 2 * focal
    return replace(camera, focal=float(focal), middle=(float(x), float(y)))


def _aim(rng: np.random.Generator, joints: np.ndarray, size: tuple[int, int]) -> Camera:
    """Choose a camera that shows all joints (N, 3), off the middle, 55 to 90 % of the picture high."""
    target = (joints.min(axis=0) + joints.max(axis=0)) / 2
    distance = float(np.exp(rng.uniform(np.log(2.6), np.log(9)))) + float(np.ptp(joints[:, 0])) * 0.5
    elevation = rng.uniform(20, 55) if rng.random() < 0.1 else rng.normal(5, 9)
    lowest = np.degrees(np.arcsin(np.clip((0.2 - target[1]) / distance, -1, 1)))
    camera = look_at(target, distance, float(max(elevation, lowest)), rng.normal(0, 2.5))
    # Now and then the picture cuts somebody off.
    zoom = rng.uniform(1.1, 1.5) if rng.random() < 0.06 else 1.0
    x, y = rng.uniform(-0.6, 0.6, 2)
    return frame(camera, joints, size, (rng.uniform(0.55, 0.9), 0.88), (x, y), zoom)


def _things(rng: np.random.Generator, figures: Sequence[Figure], camera_position: np.ndarray,
            distance: float) -> list[Part]:
    """Draw what stands about; seldom something stands in front of somebody."""
    feet = [figure.skeleton.joints().mean(axis=0) * [1, 0, 1] for figure in figures]
    things: list[Part] = []
    for _ in range(int(rng.poisson(0.9))):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 4.5)
        place = np.array([np.cos(angle) * reach, 0.0, -abs(np.sin(angle)) * reach])
        if place[2] > 0.7 - distance and min(float(np.linalg.norm(place - foot)) for foot in feet) > 0.95:
            things += scattered_thing(place, rng)
    if rng.random() < 0.12:
        towards = camera_position * [1, 0, 1] - feet[0]
        length = float(np.linalg.norm(towards))
        place = feet[0] + towards / length * rng.uniform(0.75, 1.1) + [rng.uniform(-0.45, 0.45), 0, 0]
        if length > 2.5:
            things += scattered_thing(place, rng, 0.6)
    return things


def sample_scene(rng: np.random.Generator, size: tuple[int, int], n_people: int = 1, pose: str | None = None) -> Scene:
    """Draw a scene: bodies, poses, clothes' shapes, things, camera and light.  Nothing is painted yet.

    Args:
        rng: source of all variation.
        size: (height, width) of the picture.
        n_people: number of people.
        pose: kind of pose of everybody, a key of :data:`data.synthetic.pose.LEGS`; drawn if not given.
    """
    if n_people < 1 or min(size) < 1:
        raise ValueError(f'cannot draw {n_people} people on {size[0]} by {size[1]} pixels')
    figures, things = [], []
    for owner, place in enumerate(_places(rng, n_people)):
        body = sample_physique(rng)
        skeleton = sample_skeleton(rng, body, pose)
        outfit = sample_outfit(rng, body.female > 0.5)
        yaw = rng.normal(0, 50) if rng.random() < 0.45 else rng.uniform(-180, 180)
        figure = make_figure(owner, place, yaw, skeleton, outfit)
        figures.append(figure)
        if figure.skeleton.pose.seat:
            things += seat_under(figure.skeleton, figure.parts, rng)
        if rng.random() < 0.16 and figure.skeleton.pose.name not in _NO_THING_IN:
            things += held_thing(figure.skeleton, rng)
    camera = _aim(rng, np.concatenate([figure.skeleton.joints() for figure in figures]), size)
    kind, distance = sample_place(rng)
    # Nobody stands in the wall.
    furthest = min(float(part.vertices[:, :, 2].min()) for figure in figures for part in figure.parts)
    distance = max(distance, 0.8 - furthest)
    things += _things(rng, figures, camera.position, distance)
    return Scene(size, camera, figures, things, sample_light(rng), int(rng.integers(2 ** 62)), kind, distance)
