"""COCO person keypoints as a Chainer data set."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data.coco.annotations import Annotations, check_image_ids, read_annotations
from data.coco.detections import Detections, read_detections
from data.person import Person, PersonDataset
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import COCO, JointSet, convert_points

import numpy as np

DEFAULT_ROOT = Path('data/COCO')
#: Where a split's annotations lie below the data root, as COCO's archive unpacks.
ANNOTATION_FILE = 'annotations/person_keypoints_{split}.json'
#: Where a split's images may lie.
IMAGE_FOLDERS = ('images/{split}', '{split}')


@dataclass(frozen=True)
class Records:
    """What COCO knows of a data set's people beyond :class:`data.person.Person`; row i belongs to person i.

    Attributes:
        annotation_ids: (N,) int64; -1 for a detection.
        image_ids: (N,) int64.
        boxes: (N, 4) float64, (y0, x0, y1, x1) in pixels of the images.
        areas: (N,) float64, square pixels: of the person's outline, of the box for a detection.
        scores: (N,) float64, the detector's; 1 for an annotated person.
    """

    annotation_ids: np.ndarray
    image_ids: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)


@dataclass(frozen=True)
class _Joints:
    """Joints of N people: points (N, 17, 2), labelled (N, 17), visible (N, 17)."""

    points: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray


def _torsos(joints: _Joints, records: Records) -> np.ndarray:
    ends = [COCO.index('left shoulder'), COCO.index('right hip')]
    lengths = np.linalg.norm(joints.points[:, ends[0]] - joints.points[:, ends[1]], axis=1)
    return np.where(joints.labelled[:, ends].all(axis=1), lengths, np.nan)


def _longer_sides(joints: _Joints, records: Records) -> np.ndarray:
    return (records.boxes[:, 2:] - records.boxes[:, :2]).max(axis=1)


#: What PCK divides errors by: the torso, from left shoulder to right hip (unknown where one of them is not
#: labelled), or the longer side of the person's box.
REFERENCES: dict[str, Callable[[_Joints, Records], np.ndarray]] = {'torso': _torsos, 'box': _longer_sides}


def image_folder(root: Path, split: str) -> Path:
    """Return the folder of a split's images: the first of the usual ones that is there."""
    places = [root / folder.format(split=split) for folder in IMAGE_FOLDERS]
    return next((place for place in places if place.is_dir()), places[0])


def annotation_file(root: Path, split: str) -> Path:
    """Return where a split's annotations belong; ``InputError`` if the split's name cannot be one."""
    if not re.fullmatch(r'[\w-]+', split):
        raise InputError(f'COCO has no split {split!r}; the usual ones are train2017 and val2017')
    return root / ANNOTATION_FILE.format(split=split)


def find_annotations(root: Path, split: str, annotations: str | Path | None = None) -> Path:
    """Return the file of a split's annotations, or the one that is named; ``InputError`` if the first is missing."""
    if annotations is not None:
        return Path(annotations)
    place = annotation_file(root, split)
    if not place.is_file():
        raise InputError(f'{place}: no such file; '
                         '"python -m data check coco" says what to download and where to put it')
    return place


def has_extent(boxes: np.ndarray) -> np.ndarray:
    """Tell which boxes (N, 4) are more than a point: (N,) bool."""
    return np.any(boxes[:, 2:] > boxes[:, :2], axis=1)


def usable(annotations: Annotations, joint_set: JointSet = COCO) -> np.ndarray:
    """Return the rows of the people who are no crowd, have a labelled joint of the set, and a box."""
    _, labelled = convert_points(annotations.points, annotations.labelled, COCO, joint_set)
    return np.flatnonzero(~annotations.is_crowd & labelled.any(axis=1) & has_extent(annotations.boxes))


def _annotated(annotations: Annotations, joint_set: JointSet) -> tuple[Records, _Joints]:
    rows = usable(annotations, joint_set)
    records = Records(annotations.ids[rows], annotations.image_ids[rows], annotations.boxes[rows],
                      annotations.areas[rows], np.ones(len(rows)))
    return records, _Joints(annotations.points[rows].astype(np.float32), annotations.labelled[rows],
                            annotations.visibility[rows] == 2)


def _detected(detections: Detections) -> tuple[Records, _Joints]:
    n = len(detections)
    sizes = detections.boxes[:, 2:] - detections.boxes[:, :2]
    records = Records(np.full(n, -1), detections.image_ids, detections.boxes, sizes.prod(axis=1), detections.scores)
    nothing = np.zeros((n, len(COCO)), bool)
    return records, _Joints(np.zeros((n, len(COCO), 2), np.float32), nothing, nothing)


def _to_persons(
    records: Records, joints: _Joints, lengths: np.ndarray, images: dict[int, str], joint_set: JointSet,
) -> list[Person]:
    points, labelled = convert_points(joints.points, joints.labelled, COCO, joint_set)
    _, visible = convert_points(joints.points, joints.visible, COCO, joint_set)
    names = [images[image_id] for image_id in records.image_ids.tolist()]
    return [
        Person(names[i], points[i], labelled[i], visible[i], Extent.of_box(records.boxes[i]), float(lengths[i]))
        for i in range(len(records))
    ]


class COCODataset(PersonDataset):
    """COCO person keypoints.

    People are used who have a labelled joint (occluded or not) among those wanted, and are no crowd.  People
    are located by their boxes.

    Args:
        root: folder with ``annotations/person_keypoints_<split>.json`` and the images in ``images/<split>`` or
            ``<split>``.
        split: ``train2017``, ``val2017``, or another that is named in the same way.
        joint_set: joints wanted; those that COCO lacks are derived or unlabelled.
        annotations: file of annotations, in place of the one below ``root``.
        images: folder of the images, in place of the one below ``root``.
        detections: people that a detector found, or a file of them.  They take the place of the annotated people;
            none of their joints is labelled, and no reference length is known.  The annotations then only name the
            images (``image_info_test-dev2017.json`` will do).
        min_score: leave out detections with a lower score.
        nms_iou: leave out detections that overlap a better one of the same image by so much (intersection over
            union) or more; ``None`` keeps all.
        reference: reference length of a person, ``torso`` or ``box`` (:data:`REFERENCES`).

    Attributes:
        records: the people's annotation ids, image ids, boxes, areas and scores.
        annotation_file: the file of annotations.
        has_annotated: whether it annotates people.

    Coordinates are COCO's numbers as they are, taken as (y, x) in 0-based pixels.

    Raises:
        InputError: a file is missing or damaged, or no person in it can be used.
    """

    def __init__(
        self, root: str | Path = DEFAULT_ROOT, split: str = 'train2017', joint_set: JointSet = COCO, *,
        annotations: str | Path | None = None, images: str | Path | None = None,
        detections: str | Path | Detections | None = None, min_score: float = 0.0, nms_iou: float | None = None,
        reference: str = 'torso',
    ) -> None:
        if reference not in REFERENCES:
            raise InputError(f'COCO has no reference length {reference!r}; it has {", ".join(REFERENCES)}')
        if nms_iou is not None and not 0 < nms_iou <= 1:
            raise InputError(f'the overlap of detections must lie between 0 and 1, not {nms_iou}')
        root = Path(root)
        self.annotation_file = place = find_annotations(root, split, annotations)
        content = read_annotations(place, need_people=detections is None)
        self.has_annotated = len(content) > 0
        name = f'COCO {split if annotations is None else place.stem}'
        if detections is None:
            records, joints = _annotated(content, joint_set)
        else:
            found = detections if isinstance(detections, Detections) else read_detections(detections)
            check_image_ids(Path(found.source), 'detections', found.image_ids, content.images)
            found = found.take((found.scores >= min_score) & has_extent(found.boxes))
            records, joints = _detected(found if nms_iou is None else found.suppress(nms_iou))
            name = f'{name}, detections of {Path(found.source).name}'
        # A detector may find no person; an empty file is a mistake.
        if not len(records) and not isinstance(detections, Detections):
            raise InputError(f'{detections or place}: has no person who can be used')
        self.records = records
        people = _to_persons(records, joints, REFERENCES[reference](joints, records), content.images, joint_set)
        super().__init__(name, joint_set, people, image_folder(root, split) if images is None else Path(images),
                         content.sizes)
