"""What a person wears, as far as it changes the shape: sleeves, trouser legs, skirts, shoes and hair."""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.skeleton import rotation

import numpy as np

#: Angles from the front at which the tables of hairlines give a height on the head (0 chin, 1 crown).
_HAIRLINE_ANGLES = np.array([0.0, 0.55, 0.95, 1.35, 1.75, np.pi])

#: (thickness in metres, heights of the hairline) by style; what is above the line is covered.
HAIR = {
    'bald': (0.000, (2.0, 2.0, 2.0, 2.0, 2.0, 2.0)),
    'shaved': (0.002, (0.84, 0.83, 0.74, 0.52, 0.36, 0.20)),
    'short': (0.012, (0.83, 0.81, 0.72, 0.50, 0.36, 0.18)),
    'full': (0.022, (0.80, 0.78, 0.64, 0.40, 0.26, 0.10)),
    'bob': (0.024, (0.76, 0.72, 0.52, 0.14, 0.05, 0.03)),
    'long': (0.020, (0.82, 0.76, 0.58, 0.16, 0.05, 0.03)),
    'tied back': (0.008, (0.85, 0.83, 0.70, 0.46, 0.34, 0.22)),
    'bun': (0.009, (0.85, 0.83, 0.70, 0.46, 0.34, 0.22)),
    'afro': (0.055, (0.76, 0.74, 0.62, 0.40, 0.26, 0.12)),
    'cap': (0.014, (0.72, 0.72, 0.68, 0.62, 0.60, 0.58)),
    'woollen hat': (0.018, (0.70, 0.68, 0.52, 0.42, 0.34, 0.26)),
    'helmet': (0.036, (0.74, 0.72, 0.60, 0.46, 0.36, 0.24)),
}
HATS = ('cap', 'woollen hat', 'helmet')

#: Ellipsoids that stand out from the head: position (left, up from the chin, front), half axes, pitch in degrees.
_EXTRAS = {
    'bob': (('hair', (0, 0.07, -0.055), (0.078, 0.090, 0.055), 0),),
    'long': (('hair', (0, 0.02, -0.070), (0.076, 0.150, 0.045), 8),),
    'tied back': (('hair', (0, 0.090, -0.140), (0.026, 0.100, 0.028), 18),),
    'bun': (('hair', (0, 0.185, -0.105), (0.040, 0.040, 0.040), 0),),
    'cap': (('cap', (0, 0.164, 0.120), (0.066, 0.007, 0.070), 12),),
}


@dataclass(frozen=True)
class _Kind:
    """A kind of clothing: how often it is drawn, the ranges of the values in :class:`Outfit`, and who wears it."""

    weight: float
    sleeve: tuple[float, float] = (0.25, 0.65)
    leg: tuple[float, float] = (1.95, 2.06)
    hem: tuple[float, float] = (-0.12, 0.06)
    shirt_loose: tuple[float, float] = (0.1, 0.7)
    leg_loose: tuple[float, float] = (0.0, 0.7)
    skirt: tuple[float, float] = (0.0, 0.0)
    female: bool | None = None


#: Ends are positions on the limb (1 elbow or knee, 2 wrist or ankle); a hem of 2 is a bare chest.
KINDS = {
    'casual': _Kind(16),
    'long sleeves': _Kind(14, sleeve=(1.7, 2.0)),
    'sports': _Kind(26, leg=(0.45, 0.95), leg_loose=(0.2, 0.9), shirt_loose=(0.2, 0.9)),
    'long sleeves, shorts': _Kind(4, sleeve=(1.6, 2.0), leg=(0.45, 1.0), leg_loose=(0.2, 0.9)),
    'track suit': _Kind(7, sleeve=(1.85, 2.0), shirt_loose=(0.3, 1.0), leg_loose=(0.3, 1.0)),
    'close-fitting': _Kind(7, sleeve=(-0.3, 2.0), leg=(0.15, 2.06), shirt_loose=(0, 0), leg_loose=(0, 0)),
    'vest, shorts': _Kind(12, sleeve=(-0.3, -0.3), leg=(0.15, 0.8), leg_loose=(0.0, 0.7), shirt_loose=(0, 0.4)),
    'vest, leggings': _Kind(5, sleeve=(-0.3, -0.3), leg=(1.3, 2.06), leg_loose=(0, 0.05), shirt_loose=(0, 0.2)),
    'bare chest': _Kind(6, sleeve=(-0.4, -0.4), leg=(0.3, 1.1), leg_loose=(0.1, 0.8), hem=(2, 2), female=False),
    'swimsuit': _Kind(3, sleeve=(-0.3, -0.3), leg=(-0.1, -0.1), shirt_loose=(0, 0), leg_loose=(0, 0), female=True),
    'dress': _Kind(5, sleeve=(-0.3, 0.6), leg=(-0.1, -0.1), skirt=(0.6, 1.7), female=True),
    'skirt': _Kind(4, sleeve=(-0.3, 2.0), leg=(-0.1, -0.1), skirt=(0.4, 1.3), female=True),
}

_HAIR_WEIGHTS = {
    False: {'bald': 5, 'shaved': 10, 'short': 40, 'full': 18, 'long': 2, 'tied back': 1, 'afro': 2, 'cap': 10,
            'woollen hat': 4, 'helmet': 6},
    True: {'short': 6, 'full': 8, 'bob': 18, 'long': 24, 'tied back': 26, 'bun': 10, 'afro': 2, 'cap': 4,
           'woollen hat': 3, 'helmet': 4},
}


@dataclass(frozen=True)
class Outfit:
    """Clothes and hair of a person; positions are those of the tables in :mod:`data.synthetic.body`.

    Attributes:
        kind: a key of :data:`KINDS`.
        sleeve_end, leg_end: where sleeves and trouser legs end on the limb; below -0.2 there are none.
        hem: where the shirt ends on the trunk; 2 is a bare chest.
        shirt_loose, leg_loose: 0 close-fitting to 1 wide.
        skirt: length on the thigh and shank, 0 for none.
        skirt_flare: how much wider it gets, 0 to 1.
        shoe: thickness of the shoes, 0 for bare feet.
        hair: a key of :data:`HAIR`.
        hair_thickness: in metres.
    """

    kind: str
    sleeve_end: float
    leg_end: float
    hem: float
    shirt_loose: float
    leg_loose: float
    skirt: float
    skirt_flare: float
    shoe: float
    hair: str
    hair_thickness: float

    @property
    def covers_ears(self) -> bool:
        return self.hair in ('bob', 'long', 'afro', 'helmet', 'woollen hat')

    def hairline(self, angles: np.ndarray) -> np.ndarray:
        """Return the height on the head above which hair or hat covers it, by the angle from the front."""
        return np.interp(np.abs(angles), _HAIRLINE_ANGLES, HAIR[self.hair][1])

    def head_extras(self) -> list[tuple[str, tuple[float, float, float, tuple[float, float, float], np.ndarray]]]:
        """Return name and (left, up, front, half axes, rotation) of what stands out from the head."""
        return [(name, (*place, half, rotation(x=pitch))) for name, place, half, pitch in _EXTRAS.get(self.hair, ())]


def sample_outfit(rng: np.random.Generator, female: bool, kind: str | None = None) -> Outfit:
    """Draw clothes and hair.

    Args:
        rng: source of all variation.
        female: some kinds of clothing and hair go with one sex.
        kind: a key of :data:`KINDS`; drawn if not given.
    """
    if kind is None:
        names = [name for name, entry in KINDS.items() if entry.female in (None, female)]
        weights = np.array([KINDS[name].weight for name in names])
        kind = names[rng.choice(len(names), p=weights / weights.sum())]
    entry = KINDS[kind]
    hair = list(_HAIR_WEIGHTS[female])
    hair_weights = np.array(list(_HAIR_WEIGHTS[female].values()))
    style = hair[rng.choice(len(hair), p=hair_weights / hair_weights.sum())]
    sleeve, leg, hem, shirt_loose, leg_loose, skirt = (
        float(rng.uniform(*limits)) for limits in (
            entry.sleeve, entry.leg, entry.hem, entry.shirt_loose, entry.leg_loose, entry.skirt))
    is_barefoot = rng.random() < (0.7 if kind in ('swimsuit', 'bare chest', 'close-fitting') else 0.08)
    return Outfit(kind, sleeve, leg, hem, shirt_loose, leg_loose, skirt, float(rng.uniform(0.1, 1)),
                  0.0 if is_barefoot else float(rng.uniform(0.6, 1.4)), style,
                  HAIR[style][0] * float(rng.uniform(0.8, 1.3)))
