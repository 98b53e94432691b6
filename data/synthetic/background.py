"""What is behind the people: the ground in perspective and, beyond it, a wall, a landscape or a crowd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data.synthetic.camera import Camera
from data.synthetic.fabric import clothes_colour, hsv, linear
from data.synthetic.ground import (
    WHITE,
    Ground,
    asphalt,
    boards,
    carpet,
    colour_near,
    court,
    earth,
    grass,
    lines,
    mix,
    planes,
    tiles,
)
from data.synthetic.noise import piece

import cv2
import numpy as np


def _on_canvas(colour: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return (H, W, 3), an image that OpenCV can draw on, of one colour (3, 1, 1) or a picture (3, H, W)."""
    return np.ascontiguousarray(np.broadcast_to(colour, (3, *size)).transpose(1, 2, 0), np.float32)


# Backdrops: functions of the random source, the image's size, the row of the horizon, and the position (H, W) in
# metres on a wall, to the side and up; they return light intensities (3, H, W).

@dataclass(frozen=True)
class _Wall:
    """Position in metres on a wall at a distance: to the side and up, (H, W) each, and pixels per metre."""

    x: np.ndarray
    y: np.ndarray
    scale: float


def _sky(rng: np.random.Generator, size: tuple[int, int], horizon: float) -> np.ndarray:
    top = colour_near(rng, (90, 140, 210), (120, 160, 215), (190, 200, 210), (220, 222, 226), (60, 100, 180),
                      (150, 150, 158))
    low = mix(top, WHITE, np.float32(rng.uniform(0.3, 0.9)))
    height = size[0]
    rise = np.clip((horizon - np.arange(height, dtype=np.float32)) / (0.9 * height), 0, 1)
    sky = mix(low, top, np.broadcast_to(rise[:, None], size))
    clouds = np.clip(piece(rng, size, rng.uniform(0.8, 2.5), 0.55) * 0.5 + rng.uniform(-0.5, 0.4), 0, 1)
    return mix(sky, WHITE, clouds * 0.8)


def _skyline(rng: np.random.Generator, size: tuple[int, int], horizon: float, height: float, cells: int) -> np.ndarray:
    """Return (1, W): a row above the horizon that goes up and down."""
    values = rng.normal(0, 1, (1, cells)).astype(np.float32)
    return horizon - height * (1 + 0.35 * cv2.resize(values, (size[1], 1), interpolation=cv2.INTER_CUBIC))


def _landscape(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    picture = _sky(rng, size, horizon)
    rows = np.arange(size[0], dtype=np.float32)[:, None]
    for share in (0.16, 0.10, 0.05)[rng.integers(3):]:
        line = _skyline(rng, size, horizon, size[0] * share * rng.uniform(0.5, 1.6), int(rng.integers(4, 16)))
        bumpy = line + piece(rng, size, 1.0, 0.8)[:1] * size[0] * 0.012
        colour = colour_near(rng, (66, 88, 52), (48, 70, 46), (96, 110, 80), (110, 124, 134), (140, 120, 90))
        texture = 1 + 0.35 * piece(rng, size, rng.uniform(0.6, 1.4), 0.75)
        picture = mix(picture, colour * np.clip(texture, 0.2, 2), np.clip(rows - bumpy, 0, 1))
    return picture


def _town(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    picture = _on_canvas(_sky(rng, size, horizon), size)
    height, width = size
    x = -rng.uniform(0, 0.2) * width
    while x < width:
        house = rng.uniform(0.12, 0.4) * width
        top = horizon - rng.uniform(0.15, 0.8) * height
        colour = colour_near(rng, (160, 150, 138), (128, 84, 66), (196, 188, 176), (110, 112, 120), (90, 80, 74))
        cv2.rectangle(picture, (int(x), int(top)), (int(x + house), height), tuple(colour.ravel().tolist()), cv2.FILLED)
        step = rng.uniform(0.04, 0.09) * height
        window = tuple((colour * rng.uniform(0.25, 0.6)).ravel().tolist())
        for wy in np.arange(top + step * 0.5, min(horizon, height) - step * 0.5, step * 1.5)[:10]:
            for wx in np.arange(x + step * 0.4, x + house - step * 0.8, step * 1.3)[:10]:
                cv2.rectangle(picture, (int(wx), int(wy)), (int(wx + step * 0.6), int(wy + step * 0.8)), window,
                              cv2.FILLED)
        x += house * rng.uniform(0.9, 1.4)
    return picture.transpose(2, 0, 1)


def _brick(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    colour = colour_near(rng, (150, 84, 64), (176, 116, 88), (196, 186, 170), (120, 110, 104))
    height = rng.uniform(0.08, 0.3)
    row = np.floor(wall.y / height)
    x = wall.x / (height * 2.6) + 0.5 * np.mod(row, 2)
    tone = np.mod(np.sin(np.floor(x) * 78.233 + row * 12.9898) * 43758.5, 1)
    texel = 1 / wall.scale
    joint = np.maximum(lines(wall.y, height, 0.014, texel), lines(x * height * 2.6, height * 2.6, 0.014, texel))
    return mix(colour * (0.8 + 0.35 * tone + 0.08 * piece(rng, size, 0.8)),
                colour_near(rng, (180, 174, 166), (90, 86, 82)), joint * 0.8)


def _room(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    colour = colour_near(rng, (226, 220, 208), (200, 206, 210), (184, 176, 150), (150, 168, 180), (210, 186, 160),
                     (236, 236, 236), (120, 70, 64), (90, 104, 96))
    picture = colour * (1 + 0.03 * piece(rng, size, 3.0))
    if rng.random() < 0.35:
        stripe = (np.mod(wall.x / rng.uniform(0.15, 0.6), 1) < 0.5).astype(np.float32)
        picture = mix(picture, colour * rng.uniform(0.75, 0.95), stripe)
    picture = mix(picture, colour * rng.choice([0.4, 1.25]), ((wall.y < 0.12) & (wall.y > 0)).astype(np.float32))
    for _ in range(int(rng.integers(0, 5))):
        left, low = rng.uniform(-4, 4), rng.uniform(0, 1.9) if rng.random() < 0.6 else 0.0
        width, height = rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.5)
        inside = ((wall.x > left) & (wall.x < left + width) & (wall.y > low) & (wall.y < low + height))
        frame = inside & ((wall.x < left + 0.05) | (wall.x > left + width - 0.05) | (wall.y < low + 0.05)
                          | (wall.y > low + height - 0.05))
        filling = planes(clothes_colour(rng)) * np.clip(
            1 + rng.uniform(0, 0.5) * piece(rng, size, rng.uniform(0.8, 4)), 0.2, 2)
        picture = mix(picture, filling, inside.astype(np.float32))
        picture = mix(picture, filling * rng.choice([0.3, 1.8]), frame.astype(np.float32))
    return picture


def _crowd(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    """Rows of spectators: a head and shoulders each, out of focus, behind a board."""
    height, width = size
    picture = _on_canvas(colour_near(rng, (60, 60, 66), (90, 84, 80), (40, 44, 56)), size)
    reach = rng.uniform(0.022, 0.045) * height
    end = min(horizon, height)
    for y in np.arange(end - 14 * reach, end + reach, 2.4 * reach):
        xs = np.arange(rng.uniform(-2, 0) * reach, width + reach, 2.3 * reach)
        xs = xs + rng.normal(0, 0.35 * reach, len(xs))
        for x, wobble in zip(xs[rng.random(len(xs)) < 0.88], rng.normal(0, 0.2 * reach, len(xs)), strict=False):
            shirt, skin = linear(clothes_colour(rng)) * 0.7, _SPECTATORS[rng.integers(len(_SPECTATORS))]
            place = int(x * 8), int((y + wobble) * 8)
            cv2.circle(picture, (place[0], place[1] + int(reach * 14)), int(reach * 8.5), shirt.tolist(), cv2.FILLED,
                       cv2.LINE_8, 3)
            cv2.circle(picture, place, int(reach * 4.6), skin.tolist(), cv2.FILLED, cv2.LINE_8, 3)
    picture = cv2.GaussianBlur(picture, (0, 0), reach * rng.uniform(0.25, 0.6)).transpose(2, 0, 1)
    if rng.random() < 0.6:
        board = horizon - rng.uniform(0.05, 0.2) * height
        share = np.clip(np.arange(height, dtype=np.float32) - board, 0, 1)[:, None]
        picture = mix(picture, planes(clothes_colour(rng)), share)
    return picture


def _studio(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    colour = colour_near(rng, (200, 200, 200), (120, 124, 130), (60, 60, 64), (236, 236, 236), (150, 170, 190))
    falloff = np.exp(-((wall.x / 4) ** 2 + ((wall.y - 1.5) / 4) ** 2))
    return colour * (0.5 + 0.6 * falloff)


def _shapes(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    height, width = size
    picture = _on_canvas(colour_near(rng, (140, 140, 140), (90, 110, 90), (170, 150, 130)), size)
    for _ in range(int(rng.integers(6, 26))):
        centre, reach = rng.uniform(0, (width, height)), rng.uniform(0.05, 0.4) * height
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        corners = centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        colour = linear(hsv(rng.uniform(0, 360), rng.uniform(0, 0.5) ** 1.3, rng.uniform(0.1, 0.9)))
        cv2.fillPoly(picture, [corners.astype(np.int32)], tuple(colour.tolist()))
    return picture.transpose(2, 0, 1) * np.clip(1 + 0.2 * piece(rng, size, 1.5), 0.3, 2)


def _foliage(rng: np.random.Generator, size: tuple[int, int], horizon: float, wall: _Wall) -> np.ndarray:
    dark = colour_near(rng, (28, 44, 24), (40, 48, 30))
    light = colour_near(rng, (110, 140, 70), (150, 160, 96), (120, 130, 60))
    leaves = np.clip(0.4 + 0.35 * piece(rng, size, rng.uniform(0.5, 1.5), 0.85), 0, 1)
    return mix(dark, light, leaves) * (1 + 0.25 * piece(rng, size, 4.0))


_SPECTATORS = linear(np.array([(228, 186, 160), (206, 160, 130), (150, 104, 76), (96, 66, 50)]) / 255) * 0.8

Backdrop = Callable[[np.random.Generator, tuple[int, int], float, _Wall], np.ndarray]

#: Kinds of place: weight, grounds, backdrops, and the distance in metres at which the backdrop meets the ground.
PLACES: dict[str, tuple[float, tuple[Ground, ...], tuple[Backdrop, ...], tuple[float, float]]] = {
    'open air': (24, (grass, grass, earth), (_landscape, _foliage, _landscape), (12, 60)),
    'town': (14, (asphalt, tiles), (_town, _brick, _landscape), (4, 30)),
    'stadium': (20, (grass, court, court, earth), (_crowd, _crowd, _shapes), (6, 25)),
    'room': (20, (boards, carpet, tiles), (_room, _room, _brick), (1.2, 4)),
    'hall': (10, (boards, court), (_brick, _room, _shapes), (4, 12)),
    'studio': (5, (carpet,), (_studio,), (1.5, 3)),
    'clutter': (7, (carpet, earth), (_shapes,), (2, 8)),
}


@dataclass(frozen=True)
class Background:
    """A drawn background.

    Attributes:
        colour: (3, H, W) float32, light intensities.
        ground: (H, W) bool, where the ground is seen.
    """

    colour: np.ndarray
    ground: np.ndarray


def sample_place(rng: np.random.Generator) -> tuple[str, float]:
    """Draw a kind of place, a key of :data:`PLACES`, and the distance in metres from the origin to its backdrop."""
    weights = np.array([entry[0] for entry in PLACES.values()])
    place = list(PLACES)[rng.choice(len(weights), p=weights / weights.sum())]
    return place, float(rng.uniform(*PLACES[place][3]))


def draw_background(rng: np.random.Generator, camera: Camera, size: tuple[int, int], place: str, distance: float,
                    sharp: bool = False) -> Background:
    """Draw the place where the people are.

    Args:
        rng: source of all variation.
        camera: in pixels of the image.
        size: (height, width).
        place: a key of :data:`PLACES`.
        distance: to the backdrop, from the origin, in metres.
        sharp: no blur by depth of field.
    """
    _, grounds, backdrops, _ = PLACES[place]
    rays = camera.rays(np.arange(size[1]), np.arange(size[0])[:, None])
    eye = camera.position.astype(np.float32)
    # Ground and wall are planes: y = 0, and z = -distance.
    with np.errstate(divide='ignore', invalid='ignore'):
        to_ground = np.where(rays[1] < -1e-4, -eye[1] / rays[1], np.float32(1e4))
        to_wall = np.where(rays[2] < -1e-4, (-np.float32(distance) - eye[2]) / rays[2], np.float32(1e4))
    ground = to_ground < to_wall
    reach = np.minimum(to_ground, 1e3)
    x, z = eye[0] + reach * rays[0], eye[2] + reach * rays[2]
    # Seen at a flat angle, a pixel is long in one direction: something between its width and its length.
    texel = (reach / camera.focal * np.sqrt(np.maximum(reach / eye[1], 1))).astype(np.float32)
    side = np.minimum(to_wall, 1e3)
    wall = _Wall(eye[0] + side * rays[0], eye[1] + side * rays[1],
                 camera.focal / float(eye[2] + distance))
    horizon = float(np.interp(0.5, ground.mean(axis=1), np.arange(size[0]))) if ground.any() else float(size[0])

    backdrop = backdrops[rng.integers(len(backdrops))](rng, size, horizon, wall)
    blur = 0.0 if sharp else rng.uniform(0, 0.008) * size[0] * (rng.random() < 0.6)
    if blur > 0.4:
        backdrop = np.stack([cv2.GaussianBlur(np.float32(plane), (0, 0), blur) for plane in backdrop])
    surface = grounds[rng.integers(len(grounds))](rng, x, z, texel)
    # Where wall and floor meet, less light arrives.
    if distance < 6:
        corner = 1 - 0.35 * np.exp(-np.abs(wall.y) / 0.25)
        backdrop = backdrop * corner
        surface = surface * (1 - 0.35 * np.exp(-np.abs(z + distance) / 0.35))
    share = cv2.GaussianBlur(ground.astype(np.float32), (3, 3), 0)
    return Background(mix(backdrop, surface, share).astype(np.float32), ground)
