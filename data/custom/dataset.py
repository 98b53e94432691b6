"""A user's own annotated people as a Chainer data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.custom.annotations import THRESHOLDS, Annotations, join
from data.custom.coco_file import find_images, read_coco_file
from data.custom.csv_table import read_csv
from data.person import EmptySplitError, Person, PersonDataset
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import JointSet

import numpy as np

#: Stands for the split in the name of a data set that is several files.
SPLIT = '{split}'


def read_files(root: str | os.PathLike[str], split: str, read: Callable[[Path], Annotations]) -> list[Annotations]:
    """Return what a split is made of: people of one file, or of a file for each split.

    Args:
        root: the file; ``people_{split}.csv`` stands for ``people_train.csv`` and so on.
        split: name of the split; of several files ``trainval`` and ``all`` are ``train`` and ``val``.
        read: reads a file.

    Raises:
        InputError: a file cannot be used, or nobody is in the split.
    """
    if SPLIT not in str(root):
        return [read(Path(root)).select(split)]
    names = ('train', 'val') if split in ('trainval', 'all') else (split,)
    if any(os.sep in name or name.startswith('.') for name in names):
        raise InputError(f'{root}: {split!r} is no name of a split')
    return [read(Path(str(root).replace(SPLIT, name))) for name in names]


def check_images(people: Annotations, folder: Path) -> list[tuple[str, str]]:
    """Return each image that is not there, with the place of its first person."""
    first = dict(zip(reversed(people.images), reversed(people.places), strict=True))
    return [(name, first[name]) for name in dict.fromkeys(people.images) if not (folder / name).is_file()]


class OwnDataset(PersonDataset):
    """People of a user's file, whatever its format; :class:`CSVDataset` tells the arguments."""

    read: Callable[[Path], Annotations]

    def __init__(
        self, root: str | os.PathLike[str], split: str = 'train', joint_set: JointSet | None = None, *,
        images: str | os.PathLike[str] | None = None, joints: JointSet | None = None, reference: str | None = None,
    ) -> None:
        parts = read_files(root, split, type(self).read)
        folders = [self.image_folder_of(part, images) for part in parts]
        for part, folder in zip(parts, folders, strict=True):
            for name, place in check_images(part, folder)[:1]:
                raise InputError(f'{part.path}: {place}: no such image {folder / name}')
        if len(set(folders)) > 1:
            parts = [replace(part, images=[str(folder / name) for name in part.images])
                     for part, folder in zip(parts, folders, strict=True)]
        own = join(parts).with_boxes()
        if joints is not None:
            own = own.to_joint_set(joints)
        self.reference, lengths = own.reference_lengths(reference)
        self.threshold = THRESHOLDS[self.reference]
        wanted = own.to_joint_set(joint_set or own.joint_set)
        rows = np.flatnonzero(wanted.labelled.any(axis=1))
        if not len(rows):
            raise EmptySplitError(f'{root}: nobody in the split {split!r} has a joint of {wanted.joint_set}; the '
                                  f'joints there are {", ".join(own.joint_set.joints)}')
        wanted = wanted.take(rows)
        self.areas = wanted.areas
        super().__init__(f'{Path(root).name} {split}', wanted.joint_set, wanted.to_persons(lengths[rows]),
                         folders[0] if len(set(folders)) == 1 else Path())

    @classmethod
    def joints_of(cls, root: str | os.PathLike[str]) -> JointSet:
        """Return the joints that a file has."""
        return cls.read(Path(str(root).replace(SPLIT, 'train'))).joint_set

    @classmethod
    def image_folder_of(cls, people: Annotations, images: str | os.PathLike[str] | None) -> Path:
        """Return the folder that the images' names begin at."""
        return people.path.parent if images is None else Path(images)

    def read_image(self, person: Person) -> np.ndarray:
        """Read the image of a person, turned as viewers and programs for annotation show it."""
        return read_image(self.image_folder / person.image, upright=True)


class CSVDataset(OwnDataset):
    """People of a user's table (:mod:`data.custom.csv_table`).

    Args:
        root: the file; ``people_{split}.csv`` stands for ``people_train.csv`` and ``people_val.csv``.
        split: ``train``, ``val``, ``trainval`` (both), ``all``, or a word of the column ``split``; without that column
            every fifth image is for ``val``.
        joint_set: joints wanted; by default those of the table.
        images: where images' names begin, by default the table's folder.
        joints: what the table's joints are called, and what they are the same as; by default their names tell.
        reference: what PCK divides by, ``torso`` or ``box`` (the longer side); by default the torso if the table has
            left shoulder and right hip.

    Attributes:
        reference: as the argument, after the default is chosen.
        threshold: largest error of a correct joint in such lengths (:data:`data.custom.annotations.THRESHOLDS`).
        areas: (N,) float64, area of each person's box in square pixels.

    Coordinates are taken as they are, 0-based, in the image turned as its EXIF entry says.

    Raises:
        InputError: the table is missing or wrong (the text names line and column), an image is not there, or nobody
            is in the split.
    """

    read = staticmethod(read_csv)


class COCOFileDataset(OwnDataset):
    """People of a user's file in COCO's format (:mod:`data.custom.coco_file`).

    Arguments, attributes and errors are those of :class:`CSVDataset`; ``images`` is by default the first of the usual
    folders beside the file that has the first image; ``areas`` are the file's if it has them.
    """

    read = staticmethod(read_coco_file)

    @classmethod
    def image_folder_of(cls, people: Annotations, images: str | os.PathLike[str] | None) -> Path:
        return find_images(people.path, people.images) if images is None else Path(images)
