from __future__ import annotations

from data.synthetic import demo_person, demo_scene

import numpy as np
import pytest


def test_the_demo_picture_shows_every_joint_in_the_middle() -> None:
    person = demo_person()
    assert person.labelled.all()
    assert person.visible.all()
    low, high = person.points.min(axis=0), person.points.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 239.5, atol=0.01)
    assert (high - low).max() == pytest.approx(480 / 1.25, abs=0.01)


def test_the_demo_picture_is_always_the_same() -> None:
    image = demo_scene((120, 90))
    assert image.shape == (3, 120, 90)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 255
    np.testing.assert_array_equal(image, demo_scene((120, 90)))
    assert (image != demo_scene((120, 90), seed=3)).any()
