from __future__ import annotations

from demos.video.tracking import Tracker
from hourglass.joints import LSP

import numpy as np
import pytest

#: A person who stands, by share of the box: (14, 2), (y, x).
_STANDING = np.array([
    [.95, .40], [.72, .42], [.50, .42], [.50, .58], [.72, .58], [.95, .60], [.50, .25], [.38, .28], [.22, .36],
    [.22, .64], [.38, .72], [.50, .75], [.16, .50], [.02, .50]])

People = list[tuple[float, float]]


def _update(tracker: Tracker, people: People, stance: np.ndarray = _STANDING, score: float = 0.9) -> list[int]:
    """Show the tracker people of 100 x 40 pixels at (y, x) of their boxes' upper left corners."""
    corners = np.array(people, float).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + np.array([100, 40])], axis=1)
    points = corners[:, None] + stance * [100, 40]
    return tracker.update(boxes, points, np.full(points.shape[:2], score))


def test_numbers_stay_whatever_the_order() -> None:
    tracker = Tracker(LSP)
    assert _update(tracker, [(50, 10), (50, 200)]) == [1, 2]
    assert _update(tracker, [(52, 204), (50, 14)]) == [2, 1]
    assert _update(tracker, [(50, 18), (52, 208), (0, 400)]) == [1, 2, 3]


def _walk(i: int, rng: np.random.Generator) -> People:
    """Places of two people who walk towards and past each other, meeting at i = 20, and whose boxes tremble."""
    places = np.array([(50.0, 10.0 + 5 * i), (50.0, 210.0 - 5 * i)]) + rng.normal(0, 1.5, (2, 2))
    return [tuple(place) for place in places]


def test_crossing_people_whose_boxes_tremble() -> None:
    tracker, rng = Tracker(LSP), np.random.default_rng(0)
    for i in range(41):
        numbers = _update(tracker, _walk(i, rng))
        # They cannot be distinguished where they are the same.
        if abs(i - 20) > 1:
            assert numbers == [1, 2]


@pytest.mark.parametrize('seen', [0, 1])
def test_crossing_while_one_hides_the_other(seen: int) -> None:
    tracker, rng = Tracker(LSP, max_missing=10), np.random.default_rng(0)
    for i in range(41):
        people = _walk(i, rng)
        if abs(i - 20) < 4:
            assert _update(tracker, [people[seen]]) == [seen + 1]
        else:
            assert _update(tracker, people) == [1, 2]


@pytest.mark.parametrize(('gap', 'number'), [(5, 1), (6, 2)])
def test_a_person_may_be_missing_for_a_while(gap: int, number: int) -> None:
    tracker = Tracker(LSP, max_missing=5)
    _update(tracker, [(50, 10)])
    for _ in range(gap):
        assert _update(tracker, []) == []
    assert _update(tracker, [(50, 10)]) == [number]
    assert tracker.numbers == {number}


def test_a_person_who_walks_on_unseen_keeps_the_number() -> None:
    tracker = Tracker(LSP, max_missing=10)
    for i in range(5):
        _update(tracker, [(50, 10 + 12 * i)])
    for _ in range(8):
        _update(tracker, [])
    assert _update(tracker, [(50, 10 + 12 * 13)]) == [1]


def test_the_pose_decides_where_boxes_do_not() -> None:
    # Two people in the same box: one stands, one has turned round with the arms up.
    other = np.clip(1 - _STANDING + [0, 0.1], 0, 1)
    boxes = np.tile([50.0, 10.0, 150.0, 50.0], (2, 1))
    points = np.stack([_STANDING, other]) * [100, 40] + [50, 10]
    scores = np.full((2, 14), 0.9)
    tracker = Tracker(LSP)
    assert tracker.update(boxes, points, scores) == [1, 2]
    assert tracker.update(boxes, points[::-1], scores) == [2, 1]


def test_joints_that_were_not_found_do_not_count() -> None:
    tracker, rng = Tracker(LSP), np.random.default_rng(1)
    for _ in range(5):
        # Without the poses only the overlap is left.
        assert _update(tracker, [(50, 10)], rng.uniform(0, 1, (14, 2)), score=0.05) == [1]
