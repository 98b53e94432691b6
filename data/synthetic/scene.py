"""Scenes: people in a place in front of a camera, and their annotations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.synthetic.background import Place, sample_place
from data.synthetic.body import Part, body_parts
from data.synthetic.camera import Camera, frame, look_at
from data.synthetic.clothes import Clothes, sample_clothes
from data.synthetic.pose import sample_pose
from data.synthetic.skeleton import Skeleton, pose_body, rotation, sample_physique

import numpy as np

#: A scene with fewer joints in the picture is drawn again.
_FEWEST_LABELLED = 8


@dataclass(frozen=True)
class Figure:
    """A person in a scene: the body in the world, the clothes and the surface."""

    skeleton: Skeleton
    clothes: Clothes
    parts: list[Part]


@dataclass(frozen=True)
class Scene:
    """A scene: everything that a picture depends on.

    Attributes:
        size: (height, width) of the picture.
        camera: in its pixels.
        figures: the people.
        place: the background.
        lamp: (3,) unit vector towards the lamp or the sun.
        noise: standard deviation of the camera's noise, in grey levels.
        blur: of the camera, standard deviation in pixels.
    """

    size: tuple[int, int]
    camera: Camera
    figures: list[Figure]
    place: Place
    lamp: np.ndarray
    noise: float = 0.0
    blur: float = 0.0

    @property
    def parts(self) -> list[Part]:
        return [part for figure in self.figures for part in figure.parts]


@dataclass(frozen=True)
class Annotation:
    """The annotation of a person in a picture; (y, x) in pixels, pixel centres are whole numbers from 0.

    Attributes:
        points: (16, 2) float32, MPII's joints, exact by projection.
        labelled: (16,) bool; whether the joint lies inside the picture.
        box: (y0, x0, y1, x1), extent of the whole person, hidden parts included, clipped to the picture.
    """

    points: np.ndarray
    labelled: np.ndarray
    box: tuple[float, float, float, float]


def make_figure(owner: int, place: np.ndarray, yaw: float, skeleton: Skeleton, clothes: Clothes) -> Figure:
    """Turn a posed body about its height by degrees, dress it and put it on the ground, or above it if it jumps."""
    turned = skeleton.moved(rotation(y=yaw), np.zeros(3))
    parts = body_parts(turned, clothes, owner)
    lowest = min(float(part.vertices[:, :, 1].min()) for part in parts)
    shift = place - [0, lowest - skeleton.airborne, 0]
    return Figure(turned.moved(np.eye(3), shift), clothes,
                  [replace(part, vertices=part.vertices + shift) for part in parts])


def sample_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Draw a scene with one person, at least half of whose joints are in the picture.

    Args:
        rng: random generator.
        size: (height, width) of the picture.
    """
    while True:
        scene = _sample(rng, size)
        joints = scene.camera.project(scene.figures[0].skeleton.joints())[:, 1::-1]
        if ((joints > 0) & (joints < np.array(size) - 1)).all(axis=1).sum() >= _FEWEST_LABELLED:
            return scene


def _sample(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    body = sample_physique(rng)
    yaw = rng.normal(0, 50) if rng.random() < 0.45 else rng.uniform(-180, 180)
    figure = make_figure(0, np.zeros(3), yaw, pose_body(body, sample_pose(rng)), sample_clothes(rng))
    joints = figure.skeleton.joints()
    target = (joints.min(axis=0) + joints.max(axis=0)) / 2
    distance = float(np.exp(rng.uniform(np.log(2.6), np.log(9)))) + float(np.ptp(joints[:, 0])) * 0.5
    elevation = rng.uniform(20, 55) if rng.random() < 0.1 else rng.normal(5, 9)
    # The camera stays above the ground.
    lowest = np.degrees(np.arcsin(np.clip((0.2 - target[1]) / distance, -1, 1)))
    camera = look_at(target, distance, float(max(elevation, lowest)), rng.normal(0, 2.5))
    x, y = rng.uniform(-0.6, 0.6, 2)
    # In some pictures the border cuts the person off.
    share = rng.uniform(0.9, 1.3) if rng.random() < 0.06 else rng.uniform(0.55, 0.9)
    camera = frame(camera, joints, size, (share, max(share, 0.88)), (x, y))
    place = sample_place(rng)
    furthest = min(float(part.vertices[:, :, 2].min()) for part in figure.parts)
    height, azimuth = np.radians(rng.uniform(25, 75)), np.radians(rng.normal(0, 60))
    lamp = np.array([np.cos(height) * np.sin(azimuth), np.sin(height), np.cos(height) * np.cos(azimuth)])
    blur = float(rng.uniform(0, 0.9)) * max(size[0] / 256, 0.5)
    return Scene(size, camera, [figure], replace(place, distance=max(place.distance, 0.8 - furthest)), lamp,
                 float(rng.uniform(0, 6)), blur)


def annotate(scene: Scene) -> list[Annotation]:
    """Return the annotation of each person in a scene."""
    height, width = scene.size
    annotations = []
    for figure in scene.figures:
        projected = scene.camera.project(figure.skeleton.joints())
        xy, ahead = projected[:, :2], projected[:, 2]
        labelled = ((xy >= -0.5) & (xy < [width - 0.5, height - 0.5])).all(axis=1) & (ahead > 0.05)
        outline = np.concatenate([scene.camera.project(part.vertices)[:, :, 1::-1].reshape(-1, 2)
                                  for part in figure.parts])
        y0, x0, y1, x1 = np.clip([outline.min(axis=0), outline.max(axis=0) + 1], 0, [height, width]).ravel().tolist()
        annotations.append(Annotation(xy[:, ::-1].astype(np.float32), labelled, (y0, x0, y1, x1)))
    return annotations
