from data.synthetic import demo_person, walking_clip
from hourglass.joints import MPII

import numpy as np
import pytest


def test_the_demo_picture_shows_every_joint_in_the_middle() -> None:
    person = demo_person()
    assert person.labelled.all()
    low, high = person.points.min(axis=0), person.points.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 239.5, atol=0.01)
    assert (high - low).max() == pytest.approx(480 / 1.25, abs=0.01)


def test_two_people_walk_past_each_other() -> None:
    clip = list(walking_clip((72, 128), 5))
    assert [image.shape for image, _ in clip] == [(3, 72, 128)] * 5
    assert {image.dtype for image, _ in clip} == {np.dtype(np.uint8)}
    pelvis = MPII.index('pelvis')
    front, back = (np.array([people[k].points[pelvis, 1] for _, people in clip]) for k in (0, 1))
    assert (np.diff(front) > 10).all()
    assert (np.diff(back) < -10).all()
    assert front[0] < back[0]
    assert front[-1] > back[-1]
    # Half-way the person behind is hidden; at the ends both are seen whole.
    assert abs(front[2] - back[2]) < 5
    assert all(person.labelled.all() for _, people in (clip[0], clip[-1]) for person in people)
