"""A user's own annotated people as a Chainer data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from data.custom.annotations import THRESHOLDS, OwnAnnotations, join
from data.custom.coco_file import find_images, read_coco_file
from data.custom.csv_table import read_csv
from data.person import EmptySplitError, PersonDataset
from hourglass.errors import InputError
from hourglass.joints import JointSet
from hourglass.wording import counted

import numpy as np

#: Stands for the split in the name of a data set that is several files.
SPLIT = '{split}'


def read_files(
    root: str | os.PathLike[str], split: str, read: Callable[[Path], OwnAnnotations],
) -> list[OwnAnnotations]:
    """Return the people of a split: of one file, or of a file for each split.

    Args:
        root: the file; ``people_{split}.csv`` stands for ``people_train.csv`` and so on.
        split: name of the split; of several files ``trainval`` and ``all`` are ``train`` and ``val``.
        read: reads a file.

    Raises:
        InputError: a file cannot be used, or the split has no people.
    """
    if SPLIT not in str(root):
        return [read(Path(root)).select(split)]
    names = ('train', 'val') if split in ('trainval', 'all') else (split,)
    if any(os.sep in name or name.startswith('.') for name in names):
        raise InputError(f'{root}: {split!r} is not the name of a split')
    return [read(_file_of(root, name)) for name in names]


def _file_of(root: str | os.PathLike[str], split: str) -> Path:
    """Return the file of a split; Roboflow calls ``val`` ``valid``."""
    path, other = (Path(str(root).replace(SPLIT, name)) for name in (split, f'{split}id'))
    return other if split == 'val' and not path.exists() and other.exists() else path


class OwnDataset(PersonDataset):
    """People of a user's file, whatever its format; :class:`CSVDataset` has the arguments."""

    #: Programs for annotation show images as viewers do.
    is_upright = True
    read: Callable[[Path], OwnAnnotations]

    def __init__(
        self, root: str | os.PathLike[str], split: str = 'train', joint_set: JointSet | None = None, *,
        images: str | os.PathLike[str] | None = None, joints: JointSet | None = None, reference: str | None = None,
    ) -> None:
        located = [self.locate_images(part, images) for part in read_files(root, split, type(self).read)]
        for folder, part in located:
            names = dict.fromkeys(part.images)
            if missing := [name for name in names if not (folder / name).is_file()]:
                raise InputError(f'{part.path}: no such image {folder / missing[0]} ({len(missing):,} of '
                                 f'{counted(len(names), "image")} are missing; --images names their folder)')
        folders = {folder for folder, _ in located}
        parts = [part for _, part in located]
        if len(folders) > 1:
            parts = [part.rename_images({name: str(folder / name) for name in part.images}) for folder, part in located]
        own = join(parts).with_boxes()
        if joints is not None:
            own = own.to_joint_set(joints)
        self.reference, lengths = own.reference_lengths(reference)
        self.threshold = THRESHOLDS[self.reference]
        wanted = own.to_joint_set(joint_set or own.joint_set)
        rows = np.flatnonzero(wanted.labelled.any(axis=1))
        if not len(rows):
            raise EmptySplitError(f'{root}: no person in the split {split!r} has a joint of {wanted.joint_set}; the '
                                  f'joints there are {", ".join(own.joint_set.joints)}')
        wanted = wanted.take(rows)
        self.areas = wanted.areas
        super().__init__(f'{Path(root).name} {split}', wanted.joint_set, wanted.to_persons(lengths[rows]),
                         folders.pop() if len(folders) == 1 else Path(), wanted.sizes)

    @classmethod
    def joints_of(cls, root: str | os.PathLike[str]) -> JointSet:
        """Return the joints that a file has."""
        return cls.read(Path(str(root).replace(SPLIT, 'train'))).joint_set

    @classmethod
    def locate_images(
        cls, people: OwnAnnotations, images: str | os.PathLike[str] | None,
    ) -> tuple[Path, OwnAnnotations]:
        """Return the folder that the images' names begin at, and the people with these names."""
        return people.path.parent if images is None else Path(images), people


class CSVDataset(OwnDataset):
    """People of a user's table (:mod:`data.custom.csv_table`).

    Args:
        root: the file; ``people_{split}.csv`` stands for ``people_train.csv`` and ``people_val.csv``.
        split: ``train``, ``val``, ``trainval`` (both), ``all``, or a word of the column ``split``; without that column
            every fifth image is for ``val``.
        joint_set: joints wanted; by default those of the table.
        images: where images' names begin, by default the table's folder.
        joints: the joint set of the table; by default from the names of its joints.
        reference: what PCK divides by, ``torso`` or ``box`` (the longer side); by default the torso if the table has
            left shoulder and right hip.

    Attributes:
        reference: as the argument, after the default is chosen.
        threshold: largest error of a correct joint in such lengths (:data:`data.custom.annotations.THRESHOLDS`).
        areas: (N,) float64, area of each person's box in square pixels.

    Coordinates are taken as they are, 0-based, in the image turned as its EXIF entry says.

    Raises:
        InputError: the table is missing or wrong (the text names line and column), an image is not there, or the
            split has no people.
    """

    read = staticmethod(read_csv)


class COCOFileDataset(OwnDataset):
    """People of a user's file in COCO's format (:mod:`data.custom.coco_file`).

    Arguments, attributes and errors are those of :class:`CSVDataset`.  Images are searched in the usual folders beside
    the file, or in ``images``, also by the last parts of their names.  ``areas`` are those of the file if it has them.
    """

    read = staticmethod(read_coco_file)

    @classmethod
    def locate_images(
        cls, people: OwnAnnotations, images: str | os.PathLike[str] | None,
    ) -> tuple[Path, OwnAnnotations]:
        folder, names = find_images(people.path, people.images, None if images is None else Path(images))
        return folder, people.rename_images(names)
