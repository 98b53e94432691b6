from __future__ import annotations

from data.synthetic.walk import walking_clip
from hourglass.joints import MPII

import numpy as np


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
    # Half-way the one behind is hidden, at the ends everybody is seen whole.
    assert clip[2][1][1].visible.sum() < 8
    for _, people in (clip[0], clip[-1]):
        assert all(person.labelled.all() for person in people)
        assert all(person.visible.sum() > 8 for person in people)


def test_the_legs_take_turns() -> None:
    hips = MPII.index('right hip'), MPII.index('left hip')
    ankles = MPII.index('right ankle'), MPII.index('left ankle')
    ahead = []
    for _, (person, _) in walking_clip((64, 64), 12):
        right, left = (person.points[ankle, 1] - person.points[hip, 1]
                       for hip, ankle in zip(hips, ankles, strict=True))
        ahead.append(right > left)
    assert 3 <= sum(ahead) <= 9


def test_the_same_seed_gives_the_same_clip() -> None:
    first, again, other = (next(walking_clip((64, 64), 3, seed))[0] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
