"""Checking the pictures of a data set, and its people against them."""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.person import PersonDataset, Size
from hourglass.errors import InputError
from hourglass.image import check_image
from hourglass.wording import counted

import numpy as np
from tqdm import tqdm

#: A fault in more than this share of the people or images makes a data set unusable; in fewer, it is a warning.
_FEW = 0.1
#: Each of them may hold a large picture.
_MAX_THREADS = 4
#: Joints may lie this many pixels outside of the picture, because of rounding.
_TOLERANCE = 1.0
#: Kinds of wrong numbers.
_WRONG = {
    'relative': 'people have all joints within one pixel: coordinates from 0 to 1 are not pixels',
    'sizes': 'images have another size than the annotations state',
    'outside': 'people have joints outside their images',
    'empty': 'people have joints at 0, 0 or -1, -1: those that are not labelled must be empty',
}


@dataclass(frozen=True)
class AnnotatedPicture:
    """An image of a data set.

    Attributes:
        path: the file.
        people: the labelled joints (K, 2) of each person in it, (y, x).
        size: width and height as the annotations state them.
    """

    path: Path
    people: list[np.ndarray] = field(default_factory=list)
    size: Size | None = None


def pictures_of(
    folder: Path, names: Sequence[str], points: Iterable[np.ndarray], labelled: Iterable[np.ndarray],
    sizes: Mapping[str, Size], images: Iterable[str] | None = None,
) -> list[AnnotatedPicture]:
    """Group people by their images.

    Args:
        folder: where the images are.
        names: the image of each person.
        points, labelled: (K, 2) and (K,) of each person.
        sizes: width and height by the image's name.
        images: names of all images; by default those of the people.
    """
    people: dict[str, list[np.ndarray]] = {name: [] for name in (names if images is None else images)}
    for name, joints, is_labelled in zip(names, points, labelled, strict=True):
        people[name].append(joints[is_labelled])
    return [AnnotatedPicture(folder / name, joints, sizes.get(name)) for name, joints in people.items()]


def pictures_of_dataset(dataset: PersonDataset) -> list[AnnotatedPicture]:
    """Group the people of a data set by their images."""
    people = dataset.people
    return pictures_of(dataset.image_folder, [person.image for person in people], (person.points for person in people),
                       (person.labelled for person in people), dataset.sizes)


@dataclass
class Faults:
    """What is wrong with the pictures of a data set and the people in them.

    Attributes:
        missing, damaged: one line for each image that is not there or cannot be read.
        wrong: by the kinds of :data:`_WRONG`, one line for each image or person.
        totals: by the same kinds, how many images or people there are.
    """

    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in _WRONG})
    totals: Counter[str] = field(default_factory=Counter)

    def _phrases(self, is_rule: bool) -> list[str]:
        """Return a phrase for each kind of wrong numbers that are many, or few."""
        return [f'{len(lines):,} of {self.totals[kind]:,} {_WRONG[kind]} (the first: {lines[0]})'
                for kind, lines in self.wrong.items() if lines and (len(lines) > _FEW * self.totals[kind]) == is_rule]

    @property
    def problems(self) -> list[str]:
        """What makes the data set unusable, a phrase each."""
        lost = [counted(len(lines), what) for lines, what in (
            (self.missing, 'missing image'), (self.damaged, 'damaged image')) if lines]
        return lost + self._phrases(True)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with a few people or images, a phrase each."""
        return self._phrases(False)

    def lines(self) -> list[str]:
        """Return what is missing and damaged, the first ten of each."""
        return [*listing('missing image', self.missing), *listing('damaged image', self.damaged)]


def listing(title: str, entries: Sequence[str]) -> list[str]:
    """Return lines for the first ten of some entries, and how many there are; ``title`` is one of them."""
    if not entries:
        return []
    more = [f'  and {len(entries) - 10} more'] if len(entries) > 10 else []
    return [f'{counted(len(entries), title)}:', *(f'  {entry}' for entry in entries[:10]), *more]


def _look(picture: AnnotatedPicture, is_upright: bool, decode: bool) -> tuple[int, int] | InputError | None:
    """Return the size of a picture, why it cannot be read, or ``None`` if it is not there."""
    try:
        return check_image(picture.path, is_upright, decode) if picture.path.is_file() else None
    except InputError as error:
        return error


def find_faults(pictures: Sequence[AnnotatedPicture], is_upright: bool, decode: bool, title: str = 'images') -> Faults:
    """Return the faults of the pictures of a data set.

    Args:
        pictures: the images with their people.
        is_upright: whether images are turned as their EXIF entries say.
        decode: also decode each image; otherwise only its head is read.
        title: of the progress bar, which is shown if this takes more than two seconds.
    """
    faults = Faults()
    pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1))
    try:
        # Pillow's warnings; here, since threads cannot each set and restore what is ignored.
        with warnings.catch_warnings():
            looks = pool.map(partial(_look, is_upright=is_upright, decode=decode), pictures)
            bar = tqdm(looks, title, len(pictures), disable=None, delay=2, leave=False, unit='img')
            for picture, found in zip(pictures, bar, strict=True):
                if found is None:
                    faults.missing.append(str(picture.path))
                elif isinstance(found, InputError):
                    faults.damaged.append(str(found))
                else:
                    _compare(picture, found, faults)
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted check ends at once
    return faults


def _compare(picture: AnnotatedPicture, size: tuple[int, int], faults: Faults) -> None:
    """Compare the annotations of a picture with its size."""
    width, height = size
    if picture.size is not None:
        faults.totals['sizes'] += 1
        if picture.size != size:
            faults.wrong['sizes'].append(f'{picture.path}: {picture.size[0]:g} x {picture.size[1]:g} stated, '
                                         f'{width} x {height} in the file')
    for joints in picture.people:
        faults.totals.update(('relative', 'outside', 'empty'))
        # One joint may be in the corner.
        if (joints == -1).all(axis=1).any() or (joints == 0).all(axis=1).sum() > 1:
            faults.wrong['empty'].append(str(picture.path))
        outside = ((joints < -_TOLERANCE) | (joints > np.array([height, width]) + _TOLERANCE)).any(axis=1)
        if outside.any():
            y, x = joints[outside][0]
            faults.wrong['outside'].append(f'{picture.path}: x {x:g}, y {y:g} in {width} x {height} pixels')
        if len(joints) > 1 and min(size) > 2 and (joints >= 0).all() and (joints <= 1).all() \
                and (joints != joints[0]).any():
            faults.wrong['relative'].append(f'{picture.path}: x {joints[0, 1]:g}, y {joints[0, 0]:g}')


def check_image_files(dataset: PersonDataset, decode: bool = True) -> None:
    """Check a data set's images, and its people against them, before hours of work with them.

    Args:
        dataset: the people; nothing is done for a set without image files.
        decode: also decode each image, which takes about half as long as to read it.

    Raises:
        InputError: images cannot be used (the text names the first and counts them), or the annotations do not fit.
            What is wrong with a few annotations is printed as a warning.
    """
    if dataset.has_image_files:
        check_pictures(pictures_of_dataset(dataset), dataset.name, dataset.is_upright, decode)


def check_pictures(
    pictures: Sequence[AnnotatedPicture], name: str, is_upright: bool = False, decode: bool = True,
) -> None:
    """Check the pictures of a data set that is called ``name``; otherwise as :func:`check_image_files`."""
    faults = find_faults(pictures, is_upright, decode, f'images of {name}')
    if bad := [f'{path}: no such file' for path in faults.missing] + faults.damaged:
        raise InputError(f'{bad[0]} ({len(bad):,} of {counted(len(pictures), "image")} of {name} cannot be used)')
    for warning in faults.warnings:
        print(f'{name}: {warning}', file=sys.stderr)
    if faults.problems:
        raise InputError(f'{name}: {"; ".join(faults.problems)}')
