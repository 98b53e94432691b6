"""Rendered people as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.person import Person, PersonDataset, make_people, torso_lengths
from data.synthetic.render import draw
from data.synthetic.scene import Scene, annotate, sample_scene
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import MPII, JointSet

import numpy as np

#: For each split, the default number of people and a number that keeps its people apart from those of other splits.
SPLITS = {'train': (20_000, 0), 'val': (1_000, 1), 'test': (1_000, 2)}


class _People(Sequence[Person]):
    """The annotations of a :class:`SyntheticDataset`, computed on access; a slice is a list."""

    def __init__(self, dataset: SyntheticDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return self._dataset.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        i = range(len(self))[index]
        return self._dataset.annotated(self._dataset.scene(i), i)


class SyntheticDataset(PersonDataset):
    """Rendered people, one in each image, with exact joints; nothing is read from disk.

    An entry depends only on the seed, the split, the size and its index, not on the order or the process in which
    entries are read.  ``people`` computes annotations without drawing.  A joint in the image is labelled and
    counts as visible, whatever is in front of it.  A person is where the labelled joints are
    (:class:`hourglass.crop.Extent`); the reference length is the torso, from left shoulder to right hip, NaN if one of
    the two is not labelled.

    Args:
        n: number of people; by default the split's (:data:`SPLITS`).
        seed: another seed gives other people.
        size: (height, width) of the images.
        joint_set: joints wanted; those that MPII lacks are derived or unlabelled.
        split: ``train``, ``val`` or ``test``; they have no person in common.

    Raises:
        InputError: there is no such split, or ``n`` is out of its range.
    """

    has_image_files = False

    def __init__(self, n: int | None = None, seed: int = 0, size: tuple[int, int] = (256, 256),
                 joint_set: JointSet = MPII, split: str = 'train') -> None:
        if split not in SPLITS:
            raise InputError(f'the synthetic data set has no split {split!r}; it has {", ".join(SPLITS)}')
        default, self._stream = SPLITS[split]
        self.n = default if n is None else n
        if not 0 < self.n < 2 ** 31:
            raise InputError(f'a synthetic data set has at least one person and at most {2 ** 31 - 1:,}, not {n}')
        self.seed = seed
        self.size = size
        super().__init__(f'synthetic {split}', joint_set, _People(self), Path())

    def scene(self, index: int) -> Scene:
        """Return the scene of an entry."""
        return sample_scene(np.random.default_rng([self.seed, self._stream, index]), self.size)

    def annotated(self, scene: Scene, index: int) -> Person:
        """Return the person of an entry's scene."""
        annotation, = annotate(scene)
        points, labelled = annotation.points[None], annotation.labelled[None]
        person, = make_people(
            [f'{index:06d}.png'], points, labelled, labelled, map(Extent.of_points, points, labelled),
            torso_lengths(points, labelled, MPII), MPII, self.joint_set)
        return person

    def get_example(self, i: int) -> tuple[np.ndarray, Person]:
        index = range(self.n)[i]
        scene = self.scene(index)
        return draw(scene).astype(np.float32), self.annotated(scene, index)
