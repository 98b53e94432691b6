"""The base class of all data sets of people: each example is an image and one person in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hourglass.crop import Location
from hourglass.errors import InputError
from hourglass.joints import JointSet, convert_points

import numpy as np
from chainer.dataset import DatasetMixin

#: Width and height of an image, in pixels.
Size = tuple[float, float]

#: No pixel is farther from the corner of an image.
FARTHEST = 1e6


class EmptySplitError(InputError):
    """The chosen split has no people; the data set itself is valid."""


@dataclass(frozen=True)
class Person:
    """The annotation of one person, in pixels of the whole image, (y, x), 0-based.

    Attributes:
        image: name of the image, relative to the data set's image folder.
        points: (K, 2) float32; the value of a joint that is not labelled has no meaning.
        labelled: (K,) bool; whether the joint is annotated (it may still be occluded).
        visible: (K,) bool; annotated and not occluded.
        location: where the person is; float64, as float32 would move some crops by a pixel.
        reference_length: the length that errors are divided by: head size (PCKh) or torso (PCK); NaN if unknown.
    """

    image: str
    points: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    location: Location
    reference_length: float


def make_people(
    images: Sequence[str], points: np.ndarray, labelled: np.ndarray, visible: np.ndarray, locations: Iterable[Location],
    lengths: Iterable[float], source: JointSet, wanted: JointSet,
) -> list[Person]:
    """Make a record for each of N people.

    Args:
        images, locations, lengths: image, location and reference length of each.
        points, labelled, visible: (N, K, 2), (N, K), (N, K), with the joints of ``source``.
        source: the joints there are.
        wanted: the joints of the records (:func:`hourglass.joints.convert_points`).
    """
    converted, is_labelled = convert_points(points, labelled, source, wanted)
    _, is_visible = convert_points(points, visible, source, wanted)
    return [
        Person(image, joints.astype(np.float32), known, seen, location, float(length))
        for image, joints, known, seen, location, length in zip(
            images, converted, is_labelled, is_visible & is_labelled, locations, lengths, strict=True)]


def torso_lengths(points: np.ndarray, labelled: np.ndarray, joint_set: JointSet) -> np.ndarray:
    """Return (N,) distances from left shoulder to right hip; NaN where one of the two is not labelled.

    Args:
        points, labelled: (N, K, 2) and (N, K).
        joint_set: the K joints, with these two among them.
    """
    a, b = joint_set.places['left shoulder'], joint_set.places['right hip']
    lengths = np.linalg.norm(points[:, a] - points[:, b], axis=1)
    return np.where(labelled[:, a] & labelled[:, b], lengths, np.nan)


class PersonDataset(DatasetMixin):
    """Chainer data set of people; each example is one person: ``(image, person)``.

    The image is CHW, RGB, float32 in [0, 255], as ChainerCV reads it; the person is a :class:`Person`.

    Args:
        name: the data set and split, for messages.
        joint_set: the joints of ``people``.
        people: the annotations.
        image_folder: where the images are.
        sizes: width and height of images by their names, where the annotations state them.
    """

    #: Whether ``image_folder`` holds the people's images as files.
    has_image_files = True
    #: Whether images are turned as their EXIF entries say, as viewers do; joints are in the pixels as read.
    is_upright = False

    def __init__(
        self, name: str, joint_set: JointSet, people: Sequence[Person], image_folder: Path,
        sizes: Mapping[str, Size] | None = None,
    ) -> None:
        self.name = name
        self.joint_set = joint_set
        self.people = people
        self.image_folder = image_folder
        self.sizes = sizes or {}

    def __len__(self) -> int:
        return len(self.people)

    def get_example(self, i: int) -> tuple[np.ndarray, Person]:
        """Return an image and a person in it; ``InputError`` names a file that cannot be read."""
        from hourglass.image import read_image

        person = self.people[i]
        return read_image(self.image_folder / person.image, self.is_upright), person
