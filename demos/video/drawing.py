"""Drawing people who keep their colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hourglass.draw import PERSON_COLOURS, draw_limbs, person_line_width
from hourglass.joints import JointSet
from hourglass.people import PersonPose

import cv2
import numpy as np


@dataclass(frozen=True)
class TrackedPerson:
    """A person of a frame.

    Attributes:
        track: number that the person has in every frame, from 1.
        person: pose, box and scores in this frame.
    """

    track: int
    person: PersonPose


def track_colour(track: int) -> tuple[int, int, int]:
    """Return the colour, RGB, of a track."""
    return PERSON_COLOURS[(track - 1) % len(PERSON_COLOURS)]


def draw_tracks(pixels: np.ndarray, people: Sequence[TrackedPerson], joint_set: JointSet,
                line_width: int | None = None, threshold: float = 0.0) -> np.ndarray:
    """Draw people and their numbers into a frame.

    Args:
        pixels: (H, W, 3) uint8, RGB; it is not changed.
        people: those of the frame.
        joint_set: names the limbs.
        line_width, threshold: as for :func:`hourglass.draw.draw_people`.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    canvas = pixels.copy()
    # The best person, who comes first, on top.
    for tracked in reversed(people):
        pose = tracked.person.pose
        width = line_width or person_line_width(pixels.shape, pose.points)
        draw_limbs(canvas, pose.points, joint_set, width, pose.scores, threshold, track_colour(tracked.track))
    size = max(pixels.shape[:2]) / 1200
    for tracked in people:
        top, left = (int(max(value, 0)) for value in tracked.person.box[:2])
        place = left, top + round(24 * size)
        for colour, width in (((0, 0, 0), 4), (track_colour(tracked.track), 2)):
            cv2.putText(canvas, str(tracked.track), place, cv2.FONT_HERSHEY_SIMPLEX, size, colour,
                        max(1, round(width * size)), cv2.LINE_AA)
    return canvas
