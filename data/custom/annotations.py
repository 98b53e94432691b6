"""The annotated people of a user's file, from any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.person import EmptySplitError, Person, Size, make_people, torso_lengths
from hourglass.crop import Extent, Location, Square
from hourglass.errors import InputError
from hourglass.joints import JointSet, convert_points

import numpy as np

#: PCK's usual thresholds: in torsos, and in the longer sides of people's boxes.
THRESHOLDS = {'torso': 0.2, 'box': 0.1}
#: Least height and width of a box around joints, in pixels.
_SMALLEST = 2.0
_TORSO = ('left shoulder', 'right hip')
#: Where there is no column of splits, every fifth image is for validation.
_FOLDS = 5
_ARRAYS = ('points', 'labelled', 'visible', 'boxes', 'squares', 'areas')


@dataclass(frozen=True)
class OwnAnnotations:
    """The N people of a file, in pixels of their images; NaN where a number is not known.

    Attributes:
        path: the file.
        joint_set: its joints.
        images: names of the N images.
        points: (N, K, 2) float64, (y, x); zero where not labelled.
        labelled, visible: (N, K) bool.
        boxes: (N, 4) float64, (y0, x0, y1, x1).
        squares: (N, 3) float64, (y, x, side) of the square to cut out, if the file states it.
        areas: (N,) float64, square pixels, for OKS.
        splits: the split of each person, if the file states it.
        sizes: width and height of images by their names, where the file states them.
    """

    path: Path
    joint_set: JointSet
    images: list[str]
    points: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray
    squares: np.ndarray
    areas: np.ndarray
    splits: list[str] | None = None
    sizes: dict[str, Size] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Sequence[int] | np.ndarray) -> OwnAnnotations:
        """Return some of the people, by their numbers."""
        chosen: dict[str, Any] = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, **chosen, images=[self.images[i] for i in rows],
                       splits=None if self.splits is None else [self.splits[i] for i in rows])

    def rename_images(self, names: dict[str, str]) -> OwnAnnotations:
        """Return the people with other names of the images; ``names`` has the new ones by the old ones."""
        return replace(self, images=[names[name] for name in self.images],
                       sizes={names[name]: size for name, size in self.sizes.items() if name in names})

    def to_joint_set(self, joint_set: JointSet) -> OwnAnnotations:
        """Return the people with other joints (:func:`hourglass.joints.convert_points`)."""
        points, labelled = convert_points(self.points, self.labelled, self.joint_set, joint_set)
        _, visible = convert_points(self.points, self.visible, self.joint_set, joint_set)
        return replace(self, joint_set=joint_set, points=points, labelled=labelled, visible=visible & labelled)

    def with_boxes(self) -> OwnAnnotations:
        """Fill in boxes and areas of people with a labelled joint, where the file has none.

        The box is the one around the labelled joints, and the area is that of the box.
        """
        known = np.where(self.labelled[..., None], self.points, np.nan)
        empty = ~self.labelled.any(axis=1)
        known[empty] = 0  # never used, but a number
        low, high = np.nanmin(known, axis=1), np.nanmax(known, axis=1)
        # One labelled joint, or all in a line, still needs a box that is not empty.
        margin = np.maximum(_SMALLEST - (high - low), 0) / 2
        around = np.concatenate([low - margin, high + margin], axis=1)
        around[empty] = np.nan
        boxes = np.where(np.isnan(self.boxes).any(axis=1, keepdims=True), around, self.boxes)
        areas = np.where(np.isnan(self.areas), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1), self.areas)
        return replace(self, boxes=boxes, areas=areas)

    def select(self, split: str) -> OwnAnnotations:
        """Return the people of a split.

        Without a column of splits every fifth image is for ``val`` (of fewer than five the last), with all its
        people.  ``trainval`` is both, ``all`` is all people.

        Raises:
            EmptySplitError: it has no people.
        """
        splits = self.splits or self.held_out()
        wanted = {'trainval': ('train', 'val'), 'all': tuple(splits)}.get(split, (split,))
        rows = [i for i, name in enumerate(splits) if name in wanted]
        if not rows:
            raise EmptySplitError(f'{self.path}: no person is in the split {split!r}; the splits are '
                                  f'{", ".join(dict.fromkeys([*splits, "trainval", "all"]))}')
        return self.take(rows)

    def held_out(self) -> list[str]:
        """Return the split of each person where the file has no column for it."""
        numbers = {name: i for i, name in enumerate(dict.fromkeys(self.images))}
        n = len(numbers)
        last = _FOLDS - 1 if n >= _FOLDS else n - 1 if n > 1 else _FOLDS
        return ['val' if numbers[name] % _FOLDS == last else 'train' for name in self.images]

    def reference_lengths(self, reference: str | None) -> tuple[str, np.ndarray]:
        """Return what PCK divides by, ``torso`` or ``box``, and (N,) lengths.

        Args:
            reference: by default the torso, from left shoulder to right hip, where the file has these joints, and
                else the longer side of the person's box.  A torso is NaN where one of the two is not labelled.

        Raises:
            InputError: there are no such joints, or no such reference.
        """
        has_torso = all(joint in self.joint_set.places for joint in _TORSO)
        chosen = reference or ('torso' if has_torso else 'box')
        if chosen == 'box':
            return chosen, (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)
        if chosen != 'torso' or not has_torso:
            raise InputError(f'{self.path}: errors cannot be divided by {chosen!r}: the joints of {self.joint_set} '
                             f'lack {" or ".join(_TORSO)}')
        return chosen, torso_lengths(self.points, self.labelled, self.joint_set)

    def to_persons(self, lengths: np.ndarray) -> list[Person]:
        """Return one record for each person, for (N,) reference lengths."""
        return make_people(self.images, self.points, self.labelled, self.visible,
                           map(self._location, range(len(self))), lengths, self.joint_set, self.joint_set)

    def _location(self, i: int) -> Location:
        square = self.squares[i]
        return Extent.of_box(self.boxes[i]) if np.isnan(square).any() else Square(*square.tolist())


def join(parts: Sequence[OwnAnnotations]) -> OwnAnnotations:
    """Return the people of several files with the same joints; splits are forgotten."""
    first, *others = parts
    for other in others:
        if other.joint_set.joints != first.joint_set.joints:
            raise InputError(f'{other.path}: its joints are not those of {first.path}')
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    images = [name for part in parts for name in part.images]
    sizes = {name: size for part in parts for name, size in part.sizes.items()}
    return replace(first, **joined, images=images, splits=None, sizes=sizes)
