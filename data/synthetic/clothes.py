"""Clothes, hair and skin of rendered people: their extent, and the colour of each place of a body."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: sRGB of skin, from which colours between neighbours are drawn, and of hair.
_SKIN = np.array([(250, 214, 190), (238, 194, 164), (222, 172, 138), (198, 146, 108), (166, 114, 80), (128, 84, 58),
                  (92, 60, 44), (66, 44, 34)]) / 255
_HAIR = np.array([(24, 20, 18), (40, 28, 20), (70, 46, 28), (110, 72, 40), (150, 106, 62), (204, 166, 106),
                  (150, 70, 36), (128, 124, 120)]) / 255
_SOLE = np.array([0.85, 0.85, 0.85])


@dataclass(frozen=True)
class Clothes:
    """Shirt, trousers, shoes, hair and skin of a person; colours are sRGB (3,) in [0, 1].

    Attributes:
        sleeve_end, leg_end: where sleeves and trouser legs end (1 elbow or knee, 2 wrist or ankle).
        loose: 0 close-fitting to 1 wide.
        skin, hair, shirt, trousers, shoe: colours.
        stripe: second colour of the shirt.
        stripe_width: of the shirt's rings, relative to the torso; 0 for a plain shirt.
        hair_thickness: in metres.
    """

    sleeve_end: float
    leg_end: float
    loose: float
    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    trousers: np.ndarray
    shoe: np.ndarray
    stripe: np.ndarray
    stripe_width: float
    hair_thickness: float

    def hairline(self, angles: np.ndarray) -> np.ndarray:
        """Return the height on the head (0 chin, 1 crown) above which there is hair, by the angle from the front."""
        return np.interp(np.abs(angles), [0.0, 0.55, 0.95, 1.35, 1.75, np.pi], [0.83, 0.80, 0.68, 0.50, 0.36, 0.18])


def linear(colour: np.ndarray) -> np.ndarray:
    """Return light intensities for sRGB values in [0, 1]: their squares, close to the standard and fast."""
    return np.square(np.maximum(colour, 0))


def sample_colour(rng: np.random.Generator) -> np.ndarray:
    """Draw an sRGB colour (3,) in [0, 1]: a grey, a muted one, or a bright one."""
    hue, saturation, value = rng.uniform(0, 360), rng.choice([0.04, 0.35, 0.8]), rng.uniform(0.1, 0.95)
    return cv2.cvtColor(np.array([[[hue, saturation, value]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0].astype(float)


def sample_clothes(rng: np.random.Generator) -> Clothes:
    """Draw lengths and colours of the clothes, skin and hair."""
    tone = rng.beta(0.9, 1.3) * (len(_SKIN) - 1)
    skin = np.array([np.interp(tone, np.arange(len(_SKIN)), _SKIN[:, i]) for i in range(3)])
    return Clothes(
        sleeve_end=float(rng.uniform(*((0.25, 0.65) if rng.random() < 0.65 else (1.6, 1.95)))),
        leg_end=float(rng.uniform(*((0.4, 0.95) if rng.random() < 0.5 else (1.8, 2.06)))),
        loose=float(rng.uniform(0, 1)), skin=skin * rng.normal(1, 0.03),
        hair=_HAIR[rng.integers(len(_HAIR) if tone < 2.5 else 2)], shirt=sample_colour(rng),
        trousers=sample_colour(rng), shoe=sample_colour(rng), stripe=sample_colour(rng),
        stripe_width=float(rng.uniform(0.1, 0.3)) if rng.random() < 0.25 else 0.0,
        hair_thickness=float(rng.uniform(0.004, 0.022)))


def _spot(at: np.ndarray, angle: np.ndarray, middle: tuple[float, float], half: tuple[float, float]) -> np.ndarray:
    """Return (P, 1), 1 inside an ellipse on the head and its mirror image, 0 outside, with a soft edge."""
    distance = np.hypot((at - middle[0]) / half[0], (np.abs(angle) - middle[1]) / half[1])
    return np.clip(1.5 - distance, 0, 1)[:, None]


def _head(clothes: Clothes, at: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return the colours (P, 3) of a head: sockets, eyes, pupils, brows, nostrils, lips, mouth, and hair."""
    skin = clothes.skin
    colour = np.broadcast_to(skin, (len(at), 3))
    for middle, half, paint, share in (
            ((0.475, 0.42), (0.05, 0.24), skin * 0.72, 0.7), ((0.475, 0.42), (0.026, 0.17), np.full(3, 0.88), 1.0),
            ((0.475, 0.42), (0.028, 0.085), np.full(3, 0.1), 1.0),
            ((0.562, 0.43), (0.016, 0.23), clothes.hair * 0.8, 0.8), ((0.285, 0.11), (0.012, 0.06), skin * 0.45, 0.8),
            ((0.185, 0.0), (0.026, 0.24), skin * [0.8, 0.5, 0.5], 0.85),
            ((0.185, 0.0), (0.007, 0.22), skin * 0.35, 0.8)):
        colour = colour + (paint - colour) * _spot(at, angle, middle, half) * share
    return colour + (clothes.hair - colour) * np.clip((at - clothes.hairline(angle)) / 0.03 + 0.5, 0, 1)[:, None]


def colours(name: str, clothes: Clothes, at: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of places on a part of the body.

    Args:
        name: of the part (:class:`data.synthetic.body.Part`).
        clothes: of the person.
        at: (P,) positions along the part.
        angle: (P,) angles around it.

    Returns:
        sRGB (P, 3) in [0, 1], and (P,) bool: whether it is cloth, which folds.
    """
    def where(condition: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
        return np.where(condition[:, None], yes, no)

    skin, nowhere = np.broadcast_to(clothes.skin, (len(at), 3)), np.zeros(len(at), bool)
    if name == 'torso':
        rings = np.mod(at / (clothes.stripe_width or np.inf), 1) >= 0.5
        shirt = at < np.minimum(0.97 + 0.12 * angle ** 2, 1.1)
        top = where(shirt, where(rings, clothes.stripe, clothes.shirt), skin)
        return where(at < -0.06, clothes.trousers, top), shirt
    if name in ('arm', 'leg'):
        covered = at <= (clothes.sleeve_end if name == 'arm' else clothes.leg_end)
        return where(covered, clothes.shirt if name == 'arm' else clothes.trousers, skin), covered
    if name == 'foot':
        return where(np.abs(angle) > 1.75, _SOLE, where((at > 0.12) & (at < 0.36) & (np.abs(angle) < 0.5), skin,
                                                       clothes.shoe)), nowhere
    if name == 'head':
        return _head(clothes, at, angle), nowhere
    return skin, nowhere
