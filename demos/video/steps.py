"""The steps for each frame of a video: find people, find their joints, track, smooth and draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from demos.video.config import VideoConfig
from demos.video.reader import Frame
from demos.video.smoothing import BETA, MIN_CUTOFF, OneEuroFilter
from demos.video.tracking import Tracker
from hourglass.draw import draw_numbered
from hourglass.people import PeoplePredictor, PersonPose

import numpy as np

#: How long a person may be out of sight: seconds, and a minimum number of the frames in which people are looked for.
_MEMORY, _LEAST_MISSING = 1.0, 3


@dataclass(frozen=True)
class TrackedPerson:
    """A person of a frame: pose, box and scores there, and the number that the person has in every frame, from 1."""

    track: int
    person: PersonPose


@dataclass(frozen=True)
class DrawnFrame:
    """A frame after all steps.

    Attributes:
        frame: number and time, and the frame as it was.
        people: those found in it; ``None`` if people were not looked for.
        drawing: (H, W, 3) uint8, RGB.
    """

    frame: Frame
    people: list[TrackedPerson] | None
    drawing: np.ndarray


class _Recognition:
    """The step that tracks, smooths and draws people; it needs the frames in order."""

    def __init__(self, predictor: PeoplePredictor, rate: float, config: VideoConfig) -> None:
        self.joint_set = predictor.predictor.spec.joint_set
        self.config = config
        self.tracker = Tracker(self.joint_set, max(_LEAST_MISSING, round(_MEMORY * rate / config.frame_stride)))
        #: By the number of the track; the unit is the height of the person's box.
        self.filters: dict[int, OneEuroFilter] = defaultdict(partial(
            OneEuroFilter, MIN_CUTOFF if config.smooth_cutoff is None else config.smooth_cutoff,
            BETA if config.smooth_beta is None else config.smooth_beta))
        self._shown: list[TrackedPerson] = []

    def _recognise(self, people: list[PersonPose], seconds: float) -> list[TrackedPerson]:
        boxes, points = [person.box for person in people], [person.points for person in people]
        tracks = self.tracker.update(boxes, points, [person.scores for person in people])
        if self.config.smooth:
            points = [self.filters[track](where, seconds, y1 - y0)
                      for track, where, (y0, _, y1, _) in zip(tracks, points, boxes, strict=True)]
            # A camera has no last frame.
            for track in self.filters.keys() - self.tracker.numbers:
                del self.filters[track]
        return [TrackedPerson(track, replace(person, pose=replace(person.pose, points=where)))
                for track, person, where in zip(tracks, people, points, strict=True)]

    def __call__(self, item: tuple[Frame, list[PersonPose] | None]) -> DrawnFrame:
        frame, found = item
        people = None if found is None else self._recognise(found, frame.time)
        if people is not None:
            self._shown = people
        drawing = frame.pixels.copy()
        poses = [tracked.person.pose for tracked in self._shown]
        draw_numbered(drawing, [pose.points for pose in poses], [tracked.track for tracked in self._shown],
                      self.joint_set, scores=[pose.scores for pose in poses], **self.config.drawing())
        return DrawnFrame(frame, people, drawing)


def frame_steps(predictor: PeoplePredictor, rate: float, config: VideoConfig) -> list[Callable[[Any], Any]]:
    """Return the steps from a :class:`Frame` to a :class:`DrawnFrame`; each needs every frame, in order."""
    def detect(frame: Frame) -> tuple[Frame, np.ndarray | None, Any]:
        if frame.number % config.frame_stride:
            return frame, None, None
        image = frame.image
        return frame, image, predictor.detector.detect([image], [str(frame.number)])

    def find_joints(item: tuple[Frame, np.ndarray | None, Any]) -> tuple[Frame, list[PersonPose] | None]:
        frame, image, found = item
        return frame, None if image is None else list(predictor.predict_boxes([image], found)[0])

    return [detect, find_joints, _Recognition(predictor, rate, config)]
