from __future__ import annotations

from demos.video.drawing import TrackedPerson, draw_tracks, track_colour
from hourglass.crop import CropBox
from hourglass.draw import PERSON_COLOURS
from hourglass.joints import LSP
from hourglass.people import PersonPose
from hourglass.predictor import Pose

import numpy as np


def _person(track: int, top: float, left: float) -> TrackedPerson:
    points = np.array([top, left]) + np.linspace(4, 40, len(LSP))[:, None] * [1, 0.5]
    pose = Pose(points, np.full(len(LSP), 0.5, np.float32), np.zeros((len(LSP), 0, 0)), CropBox(0, 0, 1, 1), LSP,
                np.zeros((3, 9, 9), np.float32))
    return TrackedPerson(track, PersonPose(pose, (top, left, top + 50, left + 30), 0.9, 0.45))


def _colours(drawing: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in drawing.reshape(-1, 3).tolist()}


def test_the_colour_belongs_to_the_track() -> None:
    frame = np.full((80, 120, 3), 30, np.uint8)
    both = draw_tracks(frame, [_person(1, 5, 5), _person(2, 20, 60)], LSP, 2)
    one = draw_tracks(frame, [_person(2, 20, 60)], LSP, 2)
    assert {track_colour(1), track_colour(2)} <= _colours(both)
    assert track_colour(2) in _colours(one)
    assert track_colour(1) not in _colours(one)
    assert (frame == 30).all()
    assert track_colour(len(PERSON_COLOURS) + 1) == track_colour(1)


def test_no_people_and_people_beyond_the_border() -> None:
    frame = np.full((40, 60, 3), 30, np.uint8)
    np.testing.assert_array_equal(draw_tracks(frame, [], LSP), frame)
    assert draw_tracks(frame, [_person(12345, -200, -300), _person(3, 500, 900)], LSP).shape == frame.shape


def test_limbs_that_score_too_little_are_left_out() -> None:
    frame = np.full((80, 120, 3), 30, np.uint8)
    number_only = draw_tracks(frame, [_person(1, 5, 5)], LSP, 2, threshold=0.6)
    with_limbs = draw_tracks(frame, [_person(1, 5, 5)], LSP, 2, threshold=0.4)
    assert (number_only != frame).any(axis=2).sum() < (with_limbs != frame).any(axis=2).sum()
