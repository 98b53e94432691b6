"""Poses in frames, described for the page and for scripts."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demos.video.tracking import Tracker
from demos.webcam.picture import decode_picture
from hourglass.crop import corners
from hourglass.draw import HEAD, PERSON_COLOURS, limb_colours
from hourglass.follow import Follower
from hourglass.locate import locate
from hourglass.options import CLEAR_SCORE
from hourglass.people import PeoplePredictor
from hourglass.predictor import Pose
from hourglass.results import rectangle
from hourglass.spec import ModelSpec

import numpy as np

#: Modes of the search, with their names on the page.
MODES = {
    'middle': 'One person in the middle',
    'anywhere': 'One person anywhere',
    'people': 'All people',
}

#: In place of a joint: the maximum over the heatmaps of all joints.
ALL_JOINTS = 'all'


@dataclass(frozen=True)
class Settings:
    """Settings of a client.

    Attributes:
        mode: a key of :data:`MODES`.
        heatmap: the joint whose heatmap is returned, or :data:`ALL_JOINTS`; empty for none.
    """

    mode: str = 'middle'
    heatmap: str = ''


class Memory:
    """The state from a client's earlier frames: the place of the one person, and the numbers of all people.

    Args:
        spec: of the weights.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.follower = Follower(spec)
        self.tracker = Tracker(spec.joint_set)


class PoseFinder:
    """Find poses in pictures, and describe them as data for JSON.

    Args:
        people: finds all people; its predictor finds one person, with the help of its detector.
    """

    def __init__(self, people: PeoplePredictor) -> None:
        self.people = people
        self.predictor = people.predictor
        self.joint_set = people.predictor.spec.joint_set

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Check the settings of a client; ``ValueError`` if one is wrong."""
        unknown = sorted(set(values) - {'mode', 'heatmap'})
        if unknown:
            raise ValueError(f'{unknown[0]!r} is not a setting; the settings are mode and heatmap')
        mode, heatmap = values.get('mode', 'middle'), values.get('heatmap', '')
        for name, value, allowed in (('mode', mode, tuple(MODES)),
                                     ('heatmap', heatmap, ('', ALL_JOINTS, *self.joint_set.joints))):
            if value not in allowed:
                raise ValueError(f'{name} is {value!r}, not one of {", ".join(map(repr, allowed))}')
        return Settings(mode, heatmap)

    def description(self) -> dict[str, Any]:
        """Return what the page must know: joints, how they are drawn (:mod:`hourglass.draw`), and modes.

        ``limbs`` are (joint, joint, colours): the colour if one person is searched for, then those of person 1, 2 ...
        """
        shades = [limb_colours(self.joint_set, colour) for colour in (None, *PERSON_COLOURS)]
        limbs = [[a, b, ['#{:02x}{:02x}{:02x}'.format(*shade[i][2]) for shade in shades]]
                 for i, (a, b, _) in enumerate(shades[0])]
        places = self.joint_set.places
        return {'joint_set': self.joint_set.name, 'joints': list(self.joint_set.joints), 'limbs': limbs,
                'heads': [places[name] for name in HEAD if name in places], 'clear_score': CLEAR_SCORE,
                'modes': MODES}

    def poses(self, image: np.ndarray, mode: str, memory: Memory | None = None) -> list[tuple[Pose, dict]]:
        """Find people in an image (3, H, W) float32, RGB in [0, 255].

        Args:
            image: the image.
            mode: a key of :data:`MODES`.
            memory: of the frames before; it is updated.  Without it, the mode ``anywhere`` searches the whole image,
                which takes about 30 times as long, and ``people`` are numbered by their scores.

        Returns:
            Poses, each with a dictionary of further facts about the person.
        """
        if mode == 'people':
            people = self.people.predict(image)
            numbers = list(range(1, len(people) + 1))
            if memory is not None:
                numbers = memory.tracker.update(*([getattr(person, name) for person in people]
                                                  for name in ('box', 'points', 'scores')))
            return [(person.pose, {'number': number, 'score': round(float(person.score), 4),
                                   'box': rectangle(person.box)})
                    for number, person in zip(numbers, people, strict=True)]
        if mode != 'anywhere':
            return [(pose, {}) for pose in self.predictor.poses([image])]
        find = locate if memory is None else memory.follower.find
        return [(find(self.predictor, image, self.people.detector), {})]

    def find(self, data: bytes, settings: Settings, max_pixels: int, memory: Memory | None = None,
             ) -> dict[str, Any]:
        """Decode a picture and describe who is in it.

        Args:
            data: a picture file.
            settings: what is wanted.
            max_pixels: larger pictures are refused.
            memory: as for :meth:`poses`.

        Returns:
            ``width`` and ``height`` of the picture; ``people``: joints (name, x and y in pixels of the picture,
            score) of each, the rectangle ``seen`` by the network, and in the mode ``people`` the ``number``;
            ``heatmaps``, if wanted; ``milliseconds`` that it took.

        Raises:
            InputError: the picture cannot be used (:func:`demos.webcam.picture.decode_picture`).
        """
        start = time.perf_counter()
        image = decode_picture(data, max_pixels)
        poses = self.poses(image, settings.mode, memory)
        answer: dict[str, Any] = {
            'width': image.shape[2], 'height': image.shape[1],
            'people': [{**pose.to_dict(), **more} for pose, more in poses],
        }
        if settings.heatmap:
            answer['heatmaps'] = [self._heatmap(pose, settings.heatmap) for pose, _ in poses]
        answer['milliseconds'] = round(1000 * (time.perf_counter() - start), 1)
        return answer

    def _heatmap(self, pose: Pose, joint: str) -> dict[str, Any]:
        """Describe a heatmap: its peak, and its values relative to that as bytes, row by row, in base64."""
        maps = pose.heatmaps if joint == ALL_JOINTS else pose.heatmaps[[self.joint_set.index(joint)]]
        pixels = (255 * combined(maps)).astype(np.uint8)
        rows, columns = pixels.shape
        return {'joint': joint, 'peak': round(float(maps.max()), 4), 'box': rectangle(corners(pose.box)),
                'rows': rows, 'columns': columns, 'values': base64.b64encode(pixels.tobytes()).decode('ascii')}


def combined(heatmaps: np.ndarray) -> np.ndarray:
    """Return the highest of some heatmaps (K, H, W) at each cell, (H, W) in [0, 1].

    As in the drawings of heatmaps, each is scaled to its own maximum, so that weak ones are visible.
    """
    values = np.clip(np.nan_to_num(heatmaps), 0, None)
    return (values / np.maximum(values.max(axis=(1, 2), keepdims=True), 0.05)).max(axis=0)
