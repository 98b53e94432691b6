"""Looking through a user's own data set: ``python -m data check csv --root FILE``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.custom.annotations import Annotations
from data.custom.dataset import SPLIT, OwnDataset, check_images, read_files
from data.disk import damage, listing
from hourglass.joints import JointSet
from hourglass.wording import counted

import numpy as np


@dataclass(frozen=True)
class OwnReport:
    """What :func:`check_own` found.

    Attributes:
        parts: name, number of images and number of people with a labelled joint, for each split.
        joint_set: the joints.
        labelled, visible: (K,) how often each joint is.
        missing: the images that are not there, with the place of their first person.
        damaged: one line for each image that is there and cannot be read.
        reference: what PCK divides by.
    """

    parts: tuple[tuple[str, int, int], ...]
    joint_set: JointSet
    labelled: np.ndarray
    visible: np.ndarray
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    reference: str

    @property
    def problems(self) -> list[str]:
        """What is wrong, a phrase each."""
        counts = ((len(self.missing), 'missing image'), (len(self.damaged), 'damaged image'),
                  (sum(not people for _, _, people in self.parts), 'split without people', 'splits without people'))
        return [counted(n, *words) for n, *words in counts if n]

    def __str__(self) -> str:
        lines = [f'{"split":<12} {"images":>8} {"people":>8}']
        lines += [f'{name:<12} {images:>8} {people:>8}' for name, images, people in self.parts]
        mirrored = dict(pair for a, b in self.joint_set.pairs or () for pair in ((a, b), (b, a)))
        width = max(map(len, (*self.joint_set.joints, 'joint')))
        lines.append(f'{"joint":<{width}} {"labelled":>9} {"visible":>8}  mirrored')
        for i, joint in enumerate(self.joint_set.joints):
            known = self.joint_set.same_as.get(joint)
            row = f'{joint:<{width}} {self.labelled[i]:>9} {self.visible[i]:>8}  {mirrored.get(joint, "-")}'
            lines.append(row + (f'  (the same as {known})' if known else ''))
        lines.append(f'PCK divides errors by {"torsos" if self.reference == "torso" else "the sides of boxes"}')
        lines += listing('missing image', self.missing) + listing('damaged image', self.damaged)
        return '\n'.join(lines)


def _parts(files: list[Annotations], is_one_each: bool) -> list[tuple[str, Annotations]]:
    """Return the splits by their names, or the files by theirs where each is a split."""
    if is_one_each:
        return [(part.path.name, part) for part in files]
    people, = files
    splits = people.splits or people.held_out()
    return [(name, people.select(name)) for name in dict.fromkeys(splits)]


def check_own(
    kind: type[OwnDataset], root: Path, images: str | None = None, joints: JointSet | None = None,
    read_images: bool = False, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> OwnReport:
    """Look whether a user's data set can be used: read it all, and count splits, joints and images.

    Args:
        kind: the data set's class.
        root: the file, or several by ``{split}``.
        images: folder of the images, if it is not the usual one.
        joints: what the joints are called.
        read_images: also read every image; otherwise one only has to be there and not empty.
        progress: wraps the images while they are looked at, for a progress bar.

    Raises:
        InputError: a file is missing or wrong.
    """
    files = read_files(root, 'all', kind.read)
    if joints is not None:
        files = [part.to_joint_set(joints) for part in files]
    parts = []
    for name, part in _parts(files, SPLIT in str(root)):
        chosen = part.take(np.flatnonzero(part.labelled.any(axis=1)))
        parts.append((name, len(set(chosen.images)), len(chosen)))
    missing, damaged = [], []
    for part in files:
        folder = kind.image_folder_of(part, images)
        absent = dict(check_images(part, folder))
        missing += [f'{folder / name} ({part.path.name}, {place})' for name, place in absent.items()]
        for name in progress([name for name in dict.fromkeys(part.images) if name not in absent]):
            if (problem := damage(folder / name, read_images)) is not None:
                damaged.append(problem)
    first = files[0]
    reference, _ = first.with_boxes().reference_lengths(None)
    return OwnReport(tuple(parts), first.joint_set, sum(part.labelled.sum(axis=0) for part in files),
                     sum(part.visible.sum(axis=0) for part in files), tuple(missing), tuple(damaged), reference)
