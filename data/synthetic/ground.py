"""The ground: textures on a plane seen in perspective."""

from __future__ import annotations

from collections.abc import Callable

from data.synthetic.fabric import clothes_colour, linear
from data.synthetic.noise import fractal, look_up

import numpy as np


def colour_near(rng: np.random.Generator, *anchors: tuple[int, int, int], spread: float = 0.06) -> np.ndarray:
    """Draw light intensities (3, 1, 1) float32 about one of some sRGB colours."""
    anchor = np.array(anchors[rng.integers(len(anchors))]) / 255
    return planes(np.clip(anchor * rng.normal(1, spread) + rng.normal(0, spread / 2, 3), 0.01, 1))


def planes(colour: np.ndarray) -> np.ndarray:
    """Return the light intensities (3, 1, 1) float32 of an sRGB colour (3,)."""
    return linear(colour).astype(np.float32)[:, None, None]


WHITE = planes(np.full(3, 0.93))


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return a + (b - a) * share, with share (H, W) and colours (3, 1, 1) or (3, H, W)."""
    return a + (b - a) * share


# Ground: functions of the random source, of the position (H, W) in metres to the side and away from the camera, and
# of the size of a pixel there in metres (H, W); they return light intensities (3, H, W).

def _grain(x: np.ndarray, z: np.ndarray, per_metre: float, texel: np.ndarray) -> np.ndarray:
    """Return noise, which fades where it is finer than the pixels."""
    return look_up(fractal(0.75), x * per_metre, z * per_metre) * np.minimum(1.5 / (per_metre * texel), 1)


def grass(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (86, 120, 54), (104, 132, 62), (70, 104, 52), (136, 138, 80))
    shade = 1 + 0.28 * _grain(x, z, 90, texel) + 0.12 * _grain(x, z, 6, texel)
    if rng.random() < 0.4:
        shade = shade * (1 + 0.09 * np.sign(np.sin(x * rng.uniform(0.5, 1.5) + rng.uniform(0, 6))))
    return colour * np.clip(shade, 0.2, 2)


def earth(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (150, 116, 84), (206, 184, 146), (128, 104, 84), (224, 214, 196), (180, 110, 76),
                     (236, 240, 246))
    return colour * np.clip(1 + 0.14 * _grain(x, z, 70, texel) + 0.08 * _grain(x, z, 5, texel),
                            0.2, 2)


def lines(values: np.ndarray, spacing: float, width: float, texel: np.ndarray | float) -> np.ndarray:
    """Return the share of every pixel that is covered by lines of a width at the multiples of a spacing."""
    distance = np.abs(values - np.rint(values / spacing) * spacing)
    return np.clip((width / 2 - distance) / texel + 0.5, 0, 1) * np.minimum(width / texel, 1)


def asphalt(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (92, 92, 96), (120, 118, 116), (70, 72, 76), (150, 150, 148))
    ground = colour * np.clip(1 + 0.12 * _grain(x, z, 120, texel) + 0.08 * _grain(x, z, 7, texel),
                              0.2, 2)
    if rng.random() < 0.5:
        angle = rng.uniform(-0.6, 0.6)
        line = lines(x * np.cos(angle) + z * np.sin(angle) + rng.uniform(-2, 2), rng.uniform(2, 6), 0.10, texel)
        ground = mix(ground, colour_near(rng, (230, 230, 225), (220, 180, 50)), line * 0.8)
    return ground


def court(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (50, 100, 150), (60, 120, 90), (168, 84, 60), (40, 64, 110), (196, 150, 96))
    other = colour_near(rng, (60, 120, 90), (168, 84, 60), (90, 96, 120), (60, 130, 160))
    angle = rng.uniform(-0.8, 0.8)
    u, v = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
    ground = mix(colour, other, (np.mod(u + rng.uniform(0, 9), 9) < 3.5).astype(np.float32))
    white = np.maximum(lines(u + rng.uniform(0, 9), 4.5, 0.06, texel), lines(v + rng.uniform(0, 9), 5.5, 0.06, texel))
    return mix(ground * (1 + 0.05 * _grain(x, z, 60, texel)),
                WHITE, white * 0.9)


def boards(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (176, 128, 82), (206, 166, 116), (128, 88, 58), (96, 68, 50), (190, 180, 168))
    if rng.random() < 0.5:
        x, z = z, x
    width = rng.uniform(0.07, 0.2)
    board = np.floor(x / width)
    tone = np.mod(np.sin(board * 12.9898) * 43758.5, 1)
    sharp = np.clip(width / 8 / texel, 0, 1)
    grain = look_up(fractal(0.6), x * 200, z * 18 + board * 97)
    gap = lines(x, width, 0.006, texel)
    return colour * (1 + (0.3 * tone - 0.15 + 0.10 * grain) * sharp - 0.4 * gap)


def tiles(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = colour_near(rng, (190, 186, 178), (150, 146, 140), (220, 214, 204), (140, 110, 96), (90, 96, 104))
    size = rng.uniform(0.2, 0.8)
    checker = np.mod(np.floor(x / size) + np.floor(z / size), 2) * rng.choice([0.0, 0.0, 0.5])
    joint = np.maximum(lines(x, size, 0.014, texel), lines(z, size, 0.014, texel))
    shade = (1 - 0.45 * joint) * (1 - checker) * (1 + 0.06 * _grain(x, z, 25, texel))
    return colour * shade


def carpet(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, texel: np.ndarray) -> np.ndarray:
    colour = planes(clothes_colour(rng))
    return colour * (1 + 0.06 * _grain(x, z, 200, texel) + 0.05 * _grain(x, z, 6, texel))


Ground = Callable[[np.random.Generator, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
