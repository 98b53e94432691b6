from __future__ import annotations

from dataclasses import replace

from data.synthetic.clothes import colours, sample_clothes

import numpy as np


def test_sleeves_and_trouser_legs_end_where_they_should() -> None:
    clothes = replace(sample_clothes(np.random.default_rng(0)), sleeve_end=0.5, leg_end=1.9)
    at, angle = np.array([0.0, 0.4, 0.6, 1.8, 2.0]), np.zeros(5)
    for part, cloth, covered in (('arm', clothes.shirt, [1, 1, 0, 0, 0]), ('leg', clothes.trousers, [1, 1, 1, 1, 0])):
        colour, is_cloth = colours(part, clothes, at, angle)
        assert is_cloth.tolist() == [bool(c) for c in covered]
        np.testing.assert_array_equal(colour, np.where(is_cloth[:, None], cloth, clothes.skin))


def test_hair_is_above_the_face_and_the_shirt_above_the_trousers() -> None:
    clothes = replace(sample_clothes(np.random.default_rng(1)), stripe_width=0.0)
    colour, _ = colours('head', clothes, np.array([0.1, 0.95, 0.3]), np.array([0.0, 0.0, np.pi]))
    np.testing.assert_allclose(colour, [clothes.skin, clothes.hair, clothes.hair])
    colour, _ = colours('torso', clothes, np.array([-0.2, 0.5, 1.15]), np.zeros(3))
    np.testing.assert_array_equal(colour, [clothes.trousers, clothes.shirt, clothes.skin])
