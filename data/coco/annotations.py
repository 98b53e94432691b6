"""COCO's person annotations, ``person_keypoints_<split>.json``.

Lin, Maire, Belongie et al.: *Microsoft COCO: Common Objects in Context*, ECCV 2014;
https://cocodataset.org/#format-data describes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data.person import Size
from hourglass.coco_format import PERSON
from hourglass.errors import InputError
from hourglass.joints import COCO
from hourglass.json_table import Table, read_json
from hourglass.wording import counted

import numpy as np


@dataclass(frozen=True)
class Annotations:
    """All images and all N annotated people of a file, also crowds and people without a labelled joint.

    Coordinates are the numbers of COCO, unchanged: 0-based pixels of the images, in the order (y, x).

    Attributes:
        path: the file.
        images: names of the images by their ids.
        sizes: width and height by the images' names, where the file states them.
        ids: (N,) int64, ids of the annotations.
        image_ids: (N,) int64.
        points: (N, 17, 2) float64, zero where not labelled.
        visibility: (N, 17) int8: 0 not labelled, 1 labelled but occluded, 2 visible.
        boxes: (N, 4) float64, (y0, x0, y1, x1).
        areas: (N,) float64, area of the person's outline in square pixels.
        is_crowd: (N,) bool, whether the entry is for many people together.
    """

    path: Path
    images: dict[int, str]
    sizes: dict[str, Size]
    ids: np.ndarray
    image_ids: np.ndarray
    points: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    is_crowd: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labelled(self) -> np.ndarray:
        """(N, 17) bool; whether the joint is annotated (it may still be occluded)."""
        return self.visibility > 0


def check_image_ids(path: Path, name: str, image_ids: np.ndarray, images: dict[int, str]) -> None:
    """Raise ``InputError`` if an id is not that of an image."""
    unknown = np.flatnonzero(~np.isin(image_ids, np.fromiter(images, np.int64, len(images))))
    if len(unknown):
        raise InputError(f'{path}: {name} name {counted(len(np.unique(image_ids[unknown])), "unknown image")}; '
                         f'the first is image_id {image_ids[unknown[0]]}')


def read_content(path: Path) -> tuple[dict[str, Any], dict[int, str], dict[str, Size]]:
    """Read a file in COCO's format, and its images.

    Returns:
        What the file holds, the images' names by their ids, and (width, height) by name where the file states it.
        Separators of Windows become slashes.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f'{path}: not a file of COCO annotations (a JSON {type(content).__name__})')
    table = Table(path, 'images', content.get('images'))
    names = [name.replace('\\', '/') for name in table.texts('file_name')]
    sizes: dict[str, Size] = {}
    for name, row in zip(names, table.rows, strict=True):
        size: Any = row.get('width'), row.get('height')
        if all(isinstance(length, (int, float)) and length > 0 for length in size):
            sizes[name] = size
    return content, dict(zip(table.unique_ids().tolist(), names, strict=True)), sizes


def read_keypoints(table: Table, n_joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points (N, K, 2), (y, x), of a list of annotations, and their visibility (N, K), 0 to 2.

    Points that are not labelled are zero.
    """
    values = table.numbers('keypoints', 3 * n_joints).reshape(-1, n_joints, 3)
    flags = values[..., 2]
    for i in np.flatnonzero(~np.isin(flags, (0, 1, 2)).all(axis=1))[:1]:
        table.fail(int(i), 'has a keypoint whose visibility is not 0, 1 or 2')
    return np.where(flags[..., None] > 0, values[..., 1::-1], 0), flags.astype(np.int8)


def _check_names(path: Path, names: dict[int, str]) -> None:
    """Raise ``InputError`` for names that are not paths below the image folder."""
    for name in names.values():
        if PurePosixPath(name).is_absolute() or '..' in PurePosixPath(name).parts:
            raise InputError(f'{path}: the image {name[:80]!r} leads out of the image folder; --dataset coco-json '
                             'takes such a file')


def _person_category(path: Path, categories: Any) -> int:
    """Return the number of the category of people, COCO's own if none is named; refuse one with other joints."""
    listed = [category for category in categories if isinstance(category, dict)] if isinstance(categories, list) else []
    person = next((category for category in listed if category.get('name') == 'person'), None) or next(
        (category for category in listed if category.get('id') == PERSON), {})
    names = person.get('keypoints')
    if isinstance(names, list) and tuple(str(name).replace('_', ' ') for name in names) != COCO.joints:
        raise InputError(f'{path}: its people have {counted(len(names), "joint")} and not COCO\'s 17; '
                         '--dataset coco-json takes such a file')
    return person['id'] if type(person.get('id')) is int else PERSON


def read_annotations(path: str | Path, need_people: bool = True) -> Annotations:
    """Read a file of annotated people.

    Args:
        path: ``person_keypoints_<split>.json``.
        need_people: whether a file without a list of annotations is an error; ``image_info_test-dev2017.json``
            is such a file.

    Raises:
        InputError: the file is missing, damaged, or not in this format.
    """
    path = Path(path)
    content, images, sizes = read_content(path)
    _check_names(path, images)
    person = _person_category(path, content.get('categories'))
    rows = content.get('annotations', None if need_people else [])
    table = Table(path, 'annotations', rows).where('category_id', person)
    image_ids = table.whole_numbers('image_id')
    check_image_ids(path, 'annotations', image_ids, images)
    if len(table) and not any('keypoints' in row for row in table.rows):
        raise InputError(f'{path}: its people have no keypoints; the file needed is person_keypoints_*.json')
    points, visibility = read_keypoints(table, len(COCO))
    areas = table.numbers('area')
    for i in np.flatnonzero(areas < 0)[:1]:
        table.fail(int(i), 'has a negative area')
    return Annotations(path, images, sizes, table.unique_ids(), image_ids, points, visibility, table.boxes(), areas,
                       table.whole_numbers('iscrowd', 0) != 0)
