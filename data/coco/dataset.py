"""COCO person keypoints as a Chainer data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from data.coco.annotations import Annotations, check_image_ids, read_annotations
from data.coco.detections import Detections, read_detections
from data.person import PersonDataset, make_people, torso_lengths
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import COCO, JointSet, convert_points

import numpy as np

DEFAULT_ROOT = Path('data/COCO')
#: What PCK divides errors by: the torso, from left shoulder to right hip (unknown where one of them is not
#: labelled), or the longer side of the person's box.
REFERENCES = ('torso', 'box')


@dataclass(frozen=True)
class Records:
    """COCO's facts about the people of a data set that :class:`data.person.Person` does not have; row i is person i.

    Attributes:
        image_ids: (N,) int64.
        boxes: (N, 4) float64, (y0, x0, y1, x1) in pixels of the images.
        areas: (N,) float64, square pixels: of the person's outline, of the box for a detection.
        scores: (N,) float64, the detector's; 1 for an annotated person.
    """

    image_ids: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)


def image_folder(root: Path, split: str) -> Path:
    """Return the folder of a split's images, ``images/SPLIT``, or ``SPLIT`` if that alone is there."""
    usual, other = root / 'images' / split, root / split
    return other if other.is_dir() and not usual.is_dir() else usual


def annotation_file(root: Path, split: str) -> Path:
    """Return where a split's annotations belong; ``InputError`` if the split's name cannot be one."""
    if not re.fullmatch(r'[\w-]+', split):
        raise InputError(f'COCO has no split {split!r}; the usual ones are train2017 and val2017')
    return root / 'annotations' / f'person_keypoints_{split}.json'


def find_annotations(root: Path, split: str, annotations: str | Path | None = None) -> Path:
    """Return the file of a split's annotations, or the one that is named; ``InputError`` if the first is missing."""
    if annotations is not None:
        return Path(annotations)
    place = annotation_file(root, split)
    if not place.is_file():
        raise InputError(f'{place}: no such file; '
                         '"python -m data check coco" prints what to download and where to put it')
    return place


def has_extent(boxes: np.ndarray) -> np.ndarray:
    """Return which boxes (N, 4) are more than a point: (N,) bool."""
    return np.any(boxes[:, 2:] > boxes[:, :2], axis=1)


def usable(annotations: Annotations, joint_set: JointSet = COCO) -> np.ndarray:
    """Return the rows of people who are not a crowd, and have a labelled joint of the set and a box."""
    _, labelled = convert_points(annotations.points, annotations.labelled, COCO, joint_set)
    return np.flatnonzero(~annotations.is_crowd & labelled.any(axis=1) & has_extent(annotations.boxes))


class COCODataset(PersonDataset):
    """COCO person keypoints.

    The people are those with a labelled joint (occluded or not) of ``joint_set``, without crowds.  People are located
    by their boxes.

    Args:
        root: folder with ``annotations/person_keypoints_<split>.json`` and the images in ``images/<split>`` or
            ``<split>``.
        split: ``train2017``, ``val2017``, or another that is named in the same way.
        joint_set: joints wanted; those that COCO lacks are derived or unlabelled.
        annotations: file of annotations, in place of the one below ``root``.
        images: folder of the images, in place of the one below ``root``.
        detections: people that a detector found, or a file of them.  They take the place of the annotated people;
            none of their joints is labelled, and no reference length is known.  The annotations then only name the
            images (``image_info_test-dev2017.json`` is enough).
        reference: reference length of a person, ``torso`` or ``box`` (:data:`REFERENCES`).

    Attributes:
        records: the people's image ids, boxes, areas and scores.
        annotation_file: the file of annotations.
        has_annotated: whether it annotates people.

    Coordinates are the numbers of COCO, unchanged, as (y, x) in 0-based pixels.

    Raises:
        InputError: a file is missing or damaged, or no person in it can be used.
    """

    def __init__(
        self, root: str | Path = DEFAULT_ROOT, split: str = 'train2017', joint_set: JointSet = COCO, *,
        annotations: str | Path | None = None, images: str | Path | None = None,
        detections: str | Path | Detections | None = None, reference: str = 'torso',
    ) -> None:
        root = Path(root)
        self.annotation_file = place = find_annotations(root, split, annotations)
        content = read_annotations(place, need_people=detections is None)
        self.has_annotated = len(content) > 0
        name = f'COCO {split if annotations is None else place.stem}'
        if detections is None:
            rows = usable(content, joint_set)
            self.records = Records(content.image_ids[rows], content.boxes[rows], content.areas[rows],
                                   np.ones(len(rows)))
            points, visibility = content.points[rows], content.visibility[rows]
        else:
            found = detections if isinstance(detections, Detections) else read_detections(detections)
            check_image_ids(Path(found.source), 'detections', found.image_ids, content.images)
            found = found.take(has_extent(found.boxes))
            self.records = Records(found.image_ids, found.boxes,
                                   (found.boxes[:, 2:] - found.boxes[:, :2]).prod(axis=1), found.scores)
            points, visibility = np.zeros((len(found), len(COCO), 2)), np.zeros((len(found), len(COCO)), np.int8)
            name = f'{name}, detections of {Path(found.source).name}'
        # A detector may find no person; an empty file is a mistake.
        if not len(self.records) and not isinstance(detections, Detections):
            raise InputError(f'{detections or place}: has no person who can be used')
        boxes = self.records.boxes
        lengths = torso_lengths(points.astype(np.float32), visibility > 0, COCO) if reference == 'torso' else \
            (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        people = make_people([content.images[i] for i in self.records.image_ids.tolist()], points, visibility > 0,
                             visibility == 2, map(Extent.of_box, boxes), lengths, COCO, joint_set)
        super().__init__(name, joint_set, people, image_folder(root, split) if images is None else Path(images),
                         content.sizes)
