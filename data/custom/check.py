"""What there is of a user's own data set."""

from __future__ import annotations

from pathlib import Path

from data.contents import Contents, table
from data.custom.annotations import Annotations
from data.custom.dataset import SPLIT, OwnDataset, read_files
from data.disk import Picture, pictures_of
from hourglass.joints import JointSet
from hourglass.wording import counted

import numpy as np


def _parts(files: list[Annotations], is_one_each: bool) -> list[tuple[str, Annotations]]:
    """Return the splits by their names, or the files by theirs where each is a split."""
    if is_one_each:
        return [(part.path.name, part) for part in files]
    people, = files
    splits = people.splits or people.held_out()
    return [(name, people.select(name)) for name in dict.fromkeys(splits)]


def _joint_rows(joint_set: JointSet, files: list[Annotations]) -> list[tuple[str, int, int, str]]:
    """Return how often each joint is labelled and visible, and what its mirror image is."""
    mirrored = dict(pair for a, b in joint_set.pairs or () for pair in ((a, b), (b, a)))
    labelled, visible = (sum(getattr(part, name).sum(axis=0) for part in files) for name in ('labelled', 'visible'))
    rows = []
    for i, joint in enumerate(joint_set.joints):
        known = joint_set.same_as.get(joint)
        note = f'{mirrored.get(joint, "-")}' + (f'  (the same as {known})' if known else '')
        rows.append((joint, int(labelled[i]), int(visible[i]), note))
    return rows


def read_contents(
    kind: type[OwnDataset], root: Path, images: str | None = None, joints: JointSet | None = None,
) -> Contents:
    """Read a user's data set as a whole.

    Args:
        kind: the data set's class.
        root: the file, or several by ``{split}``.
        images: folder of the images, if it is not the usual one.
        joints: what the joints are called.

    Raises:
        InputError: a file is missing or wrong.
    """
    files = read_files(root, 'all', kind.read)
    if joints is not None:
        files = [part.to_joint_set(joints) for part in files]
    rows = []
    for name, part in _parts(files, SPLIT in str(root)):
        chosen = part.take(np.flatnonzero(part.labelled.any(axis=1)))
        rows.append((name, len(set(chosen.images)), len(chosen)))
    pictures: list[Picture] = []
    for part in files:
        folder, people = kind.locate_images(part, images)
        places = {name: f'{part.path.name}, {place}' for name, place in
                  zip(reversed(people.images), reversed(people.places), strict=True)}
        pictures += pictures_of(folder, people.images, people.points, people.labelled, people.sizes, places=places)
    first = files[0]
    reference, _ = first.with_boxes().reference_lengths(None)
    lines = [
        *table(('split', 'images', 'people'), rows),
        *table(('joint', 'labelled', 'visible', 'mirrored'), _joint_rows(first.joint_set, files)),
        f'PCK divides errors by {"torsos" if reference == "torso" else "the sides of boxes"}']
    empty = sum(not row[-1] for row in rows)
    problems = [counted(empty, 'split without people', 'splits without people')] if empty else []
    return Contents(lines, pictures, problems, is_upright=True)
