"""Colours and textures of a person: skin, face, hair and clothes, painted on the unrolled parts of the body."""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.body import ARM, FOOT, HEAD, LEG, TORSO
from data.synthetic.fabric import ANGLES, TEXTURE_SHAPE, Fabric, clothes_colour, linear, sample_fabric
from data.synthetic.outfit import HATS, Outfit
from data.synthetic.surface import Part

import cv2
import numpy as np

#: sRGB of skin and hair, from which colours between neighbours are drawn.
_SKIN = np.array([(250, 214, 190), (238, 194, 164), (222, 172, 138), (198, 146, 108), (166, 114, 80), (128, 84, 58),
                  (92, 60, 44), (66, 44, 34)]) / 255
_HAIR = np.array([(24, 20, 18), (40, 28, 20), (70, 46, 28), (110, 72, 40), (150, 106, 62), (204, 166, 106),
                  (150, 70, 36), (128, 124, 120), (200, 198, 194)]) / 255
_HAIR_WEIGHTS = np.array([26, 24, 18, 10, 6, 6, 3, 4, 3]) / 100


def _rows(at: np.ndarray, height: int = TEXTURE_SHAPE[0]) -> np.ndarray:
    """Return the position of every row of a texture on a part whose rows of corners lie at ``at``."""
    return np.interp(np.linspace(0, len(at) - 1, height), np.arange(len(at)), at)


_ARM_ROWS, _LEG_ROWS, _TORSO_ROWS, _HEAD_ROWS, _FOOT_ROWS = (_rows(p.at) for p in (ARM, LEG, TORSO, HEAD, FOOT))


def _soft(distance: np.ndarray, width: float) -> np.ndarray:
    """Return 1 where ``distance`` is negative, 0 where it is positive, with a ramp."""
    return np.clip(0.5 - distance / width, 0, 1)


def _spot(at: float, angle: float, half_height: float, half_angle: float) -> np.ndarray:
    """Return (H, W): an ellipse on the head, 1 inside."""
    y = (_HEAD_ROWS[:, None] - at) / half_height
    x = (ANGLES[None] - angle) / half_angle
    return _soft(np.sqrt(x ** 2 + y ** 2) - 1, 0.7)


@dataclass(frozen=True)
class Look:
    """Everything about a person's appearance that is colour.

    Attributes:
        skin, hair, hat, shoe, sole, sock, eye: sRGB.
        shirt, trousers: the clothes.
        sock_end: how far socks reach up the leg (1 knee, 2 ankle).
        beard: darkness of the beard, 0 to 1.
        glasses: 0 none, 1 dark.
        number: printed on the shirt, if any.
        neckline: height of the shirt's edge on the trunk in front (1 is the thorax).
    """

    skin: np.ndarray
    hair: np.ndarray
    hat: np.ndarray
    shoe: np.ndarray
    sole: np.ndarray
    sock: np.ndarray
    eye: np.ndarray
    shirt: Fabric
    trousers: Fabric
    sock_end: float
    beard: float
    glasses: float
    number: str
    neckline: float


def sample_look(rng: np.random.Generator, outfit: Outfit, female: bool) -> Look:
    """Draw colours that go with an outfit."""
    tone = rng.beta(0.9, 1.3) * (len(_SKIN) - 1)
    skin = np.array([np.interp(tone, np.arange(len(_SKIN)), _SKIN[:, i]) for i in range(3)])
    fair = tone < 2.5
    hair = _HAIR[rng.choice(len(_HAIR), p=_HAIR_WEIGHTS) if fair else rng.integers(0, 2)]
    shirt, trousers = sample_fabric(rng), sample_fabric(rng)
    if rng.random() < 0.7 and trousers.pattern != 'side stripe':
        trousers = Fabric(trousers.first, trousers.second)
    if outfit.kind in ('dress', 'swimsuit') or (outfit.kind in ('close-fitting', 'track suit') and rng.random() < 0.6):
        trousers = shirt
    shoe = clothes_colour(rng)
    return Look(
        skin=np.clip(skin * rng.normal(1, 0.03, 3), 0, 1), hair=np.clip(hair * rng.normal(1, 0.08), 0, 1),
        hat=clothes_colour(rng), shoe=shoe, sole=np.full(3, 0.85) if rng.random() < 0.6 else shoe * 0.6,
        sock=np.full(3, rng.uniform(0.75, 0.95)) if rng.random() < 0.6 else clothes_colour(rng),
        eye=np.array([(0.16, 0.10, 0.06), (0.2, 0.3, 0.4), (0.2, 0.26, 0.14)][rng.integers(3) if fair else 0]),
        shirt=shirt, trousers=trousers,
        sock_end=float(rng.choice([2.3, 1.88, 1.8, 1.15], p=[0.2, 0.35, 0.25, 0.2])) if outfit.shoe > 0 else 2.3,
        beard=0.0 if female or rng.random() < 0.6 else float(rng.uniform(0.2, 0.85)),
        glasses=float(rng.random() < 0.06), number=str(rng.integers(1, 30)) if rng.random() < 0.28 else '',
        neckline=float(rng.uniform(0.84, 1.03) if female else rng.uniform(0.93, 1.05)))


class Painter:
    """Paint the parts of one person.

    A texture is (H, W, 4) float32: light intensities of R, G, B in [0, 1], and 1 where it is cloth that folds.
    """

    def __init__(self, look: Look, outfit: Outfit, rng: np.random.Generator) -> None:
        self.look = look
        self.outfit = outfit
        self._done: dict[str, np.ndarray] = {}
        blotches = rng.normal(0, 1, (8, 8)).astype(np.float32)
        self._skin_noise = cv2.resize(blotches, TEXTURE_SHAPE, interpolation=cv2.INTER_CUBIC)[:, :, None] * 0.035
        strands = rng.normal(0, 1, (6, TEXTURE_SHAPE[1])).astype(np.float32)
        self._strands = cv2.resize(strands, TEXTURE_SHAPE, interpolation=cv2.INTER_LINEAR)[:, :, None] * 0.22

    def paint(self, part: Part) -> np.ndarray:
        """Return the texture of a part; both hands and both feet have the same one."""
        if part.name not in self._done:
            by_name = {
                'torso': self._torso, 'neck': self._bare, 'head': self._head, 'ear': self._bare, 'hair': self._hair,
                'cap': self._hat, 'hand': self._hand, 'thumb': self._bare, 'right arm': self._arm,
                'left arm': self._arm, 'right leg': self._leg, 'left leg': self._leg, 'foot': self._foot,
                'skirt': self._skirt,
            }
            texture = np.empty((*TEXTURE_SHAPE, 4), np.float32)
            colour, texture[:, :, 3] = by_name[part.name]()
            texture[:, :, :3] = linear(colour)
            self._done[part.name] = texture
        return self._done[part.name]

    def _skin(self) -> np.ndarray:
        return self.look.skin * (1 + self._skin_noise)

    def _bare(self) -> tuple[np.ndarray, np.ndarray]:
        return self._skin(), np.zeros(TEXTURE_SHAPE)

    def _hair_colour(self) -> np.ndarray:
        return np.clip(self.look.hair * (1 + self._strands) + self._strands * 0.03, 0.01, 1)

    def _hair(self) -> tuple[np.ndarray, np.ndarray]:
        return self._hair_colour(), np.full(TEXTURE_SHAPE, 0.5)

    def _hat(self) -> tuple[np.ndarray, np.ndarray]:
        return np.broadcast_to(self.look.hat, (*TEXTURE_SHAPE, 3)), np.full(TEXTURE_SHAPE, 0.1)

    def _dressed(self, skin: np.ndarray, covered: np.ndarray, cloth: np.ndarray,
                 folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put cloth on where ``covered`` (H, W) is 1 or true; between 0 and 1 is its edge."""
        return skin + (cloth - skin) * covered[:, :, None], np.where(covered > 0.5, 1.0, folds)

    def _arm(self) -> tuple[np.ndarray, np.ndarray]:
        skin, folds = self._bare()
        covered = np.broadcast_to((self.outfit.sleeve_end >= _ARM_ROWS)[:, None], TEXTURE_SHAPE)
        # Sleeves go on with the pattern of the trunk; a yoke covers the whole sleeve.
        return self._dressed(skin, covered, self.look.shirt.paint(0.95 - 0.5 * _ARM_ROWS), folds)

    def _leg(self) -> tuple[np.ndarray, np.ndarray]:
        skin, folds = self._bare()
        rows = _LEG_ROWS[:, None]
        sock = np.broadcast_to(rows >= self.look.sock_end, TEXTURE_SHAPE)
        skin, folds = np.where(sock[:, :, None], self.look.sock, skin), np.where(sock, 0.3, folds)
        end = max(self.outfit.leg_end, 0.1 if self.outfit.skirt > 0 else -1)
        return self._dressed(skin, np.broadcast_to(rows <= end, TEXTURE_SHAPE),
                             self.look.trousers.paint(1 - _LEG_ROWS), folds)

    def _torso(self) -> tuple[np.ndarray, np.ndarray]:
        skin, folds = self._bare()
        rows = _TORSO_ROWS[:, None]
        # Pectoral muscles and navel show on a bare chest.
        lines = (_soft(np.abs(rows - 0.62 + 0.02 * np.cos(ANGLES * 4)) - 0.006, 0.04) * (np.abs(ANGLES) < 1.0)
                 + _soft(np.hypot((rows - 0.27) / 0.012, ANGLES / 0.07) - 1, 1.0)
                 + _soft(np.abs(ANGLES) - 0.02, 0.1) * (rows > 0.3) * (rows < 0.85) * 0.5)
        skin = skin * (1 - 0.22 * np.clip(lines, 0, 1))[:, :, None]
        low = self.look.neckline
        edge = np.minimum(low + (1.09 - low) * (ANGLES / 1.0) ** 2, 1.10)
        below_neck = cv2.GaussianBlur(_soft(rows - edge[None], 0.02), (3, 3), 0.5)
        if self.outfit.sleeve_end < -0.25:
            # Without sleeves the shirt has straps: it is cut out under the arms.
            below_neck = below_neck * (1 - _soft(0.82 - rows, 0.05) * _soft(
                np.abs(np.abs(ANGLES) - np.pi / 2) - 0.5, 0.15))
        shirt = self.look.shirt.paint(_TORSO_ROWS)
        if self.look.number:
            shirt = self._with_number(shirt)
        colour, folds = self._dressed(skin, below_neck * (rows >= self.outfit.hem), shirt, folds)
        waistband = 0.16 if self.outfit.kind != 'swimsuit' else -0.3
        trousers = np.broadcast_to(rows < min(self.outfit.hem, waistband), TEXTURE_SHAPE)
        return self._dressed(colour, trousers, self.look.trousers.paint(1 + _TORSO_ROWS), folds)

    def _with_number(self, shirt: np.ndarray) -> np.ndarray:
        """Print the number on the back and on the chest."""
        height, width = TEXTURE_SHAPE
        scale, (text_width, text_height) = 0.62, cv2.getTextSize(self.look.number, 0, 0.62, 2)[0]
        mask = np.zeros(TEXTURE_SHAPE, np.uint8)
        # Rows go upwards and angles to the person's left: what is to be read has to be painted turned by 180 degrees.
        cv2.putText(mask, self.look.number, ((width - text_width) // 2, (height + text_height) // 2), 0, scale, 255, 2)
        mask = np.roll(mask[::-1], round(np.interp(0.66, _TORSO_ROWS, np.arange(height))) - height // 2, axis=0)
        share = np.maximum(mask, np.roll(mask, width // 2, axis=1))[:, :, None] / 255
        ink = 0.92 if self.look.shirt.first.mean() < 0.45 else 0.08
        return shirt + (ink - shirt) * share

    def _hand(self) -> tuple[np.ndarray, np.ndarray]:
        rows = np.linspace(0, 1, TEXTURE_SHAPE[0])[:, None]
        fingers = np.minimum(np.abs(np.mod(np.sin(ANGLES) * 2 + 0.5, 1) - 0.5) * 8, 1)
        return self._skin() * np.where(rows > 0.55, 0.72 + 0.28 * fingers, 1)[:, :, None], np.zeros(TEXTURE_SHAPE)

    def _foot(self) -> tuple[np.ndarray, np.ndarray]:
        if self.outfit.shoe == 0:
            return self._bare()
        colour = np.broadcast_to(self.look.shoe, (*TEXTURE_SHAPE, 3)).copy()
        laces = (_FOOT_ROWS[:, None] > 0.42) & (_FOOT_ROWS[:, None] < 0.62) & (np.abs(ANGLES) < 0.4)
        colour[laces] = self.look.sole
        colour[:, np.abs(ANGLES) > 1.75] = self.look.sole
        ankle = (_FOOT_ROWS[:, None] > 0.12) & (_FOOT_ROWS[:, None] < 0.36) & (np.abs(ANGLES) < 0.5)
        colour[ankle] = self.look.sock if self.look.sock_end < 2.1 else self.look.skin
        return colour, np.full(TEXTURE_SHAPE, 0.15)

    def _skirt(self) -> tuple[np.ndarray, np.ndarray]:
        return self.look.trousers.paint(np.linspace(1, 0, TEXTURE_SHAPE[0])), np.full(TEXTURE_SHAPE, 1.0)

    def _head(self) -> tuple[np.ndarray, np.ndarray]:
        look = self.look
        colour = self._skin()

        def lay(mask: np.ndarray, over: np.ndarray, strength: float = 1.0) -> None:
            nonlocal colour
            colour = colour + (over - colour) * (mask * strength)[:, :, None]

        for side in (-1, 1):
            lay(_spot(0.33, side * 0.62, 0.10, 0.3), look.skin * [1.0, 0.80, 0.78], 0.35)
            lay(_spot(0.478, side * 0.42, 0.048, 0.24), look.skin * 0.72, 0.7)
            lay(_spot(0.475, side * 0.42, 0.026, 0.17), np.full(3, 0.88))
            lay(_spot(0.475, side * 0.42, 0.028, 0.085), look.eye * 0.6)
            lay(_spot(0.562, side * 0.43, 0.016, 0.23), look.hair * 0.8, 0.8)
            lay(_spot(0.285, side * 0.11, 0.012, 0.06), look.skin * 0.45, 0.8)
        jaw = _soft(_HEAD_ROWS[:, None] - 0.27 - 0.25 * np.clip(np.abs(ANGLES) - 0.7, 0, 0.7), 0.06)
        lay(jaw * (np.abs(ANGLES) < 1.45), look.hair, look.beard)
        lay(_spot(0.185, 0, 0.026, 0.24), look.skin * [0.82, 0.55, 0.52], 0.85)
        lay(_spot(0.185, 0, 0.007, 0.22), look.skin * 0.35, 0.8)
        if look.glasses:
            for side in (-1, 1):
                lay(_spot(0.475, side * 0.42, 0.075, 0.30), np.full(3, 0.04))
            lay(_soft(np.abs(_HEAD_ROWS[:, None] - 0.50) - 0.02, 0.02) * (np.abs(ANGLES) < 1.6), np.full(3, 0.05))
        is_hat = self.outfit.hair in HATS
        natural = np.interp(np.abs(ANGLES), [0, 0.55, 0.95, 1.35, 1.75, np.pi], [0.84, 0.82, 0.72, 0.5, 0.36, 0.2])
        line = self.outfit.hairline(ANGLES)
        if is_hat:
            lay(_soft(natural[None] - _HEAD_ROWS[:, None], 0.03), self._hair_colour())
        cover = _soft(line[None] - _HEAD_ROWS[:, None], 0.03)
        lay(cover, self._hat()[0] if is_hat else self._hair_colour(), 0.75 if self.outfit.hair == 'shaved' else 1.0)
        return colour, cover * (0.1 if is_hat else 0.5)
