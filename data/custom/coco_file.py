"""A user's annotated people in COCO's format: a JSON file whose category names the joints.

``categories`` has one entry with ``keypoints`` (names) and perhaps ``skeleton`` (pairs of numbers that count from 1);
``images`` and ``annotations`` are as COCO's.  ``bbox`` and ``area`` may be missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.coco.annotations import check_image_ids, read_image_names
from data.custom.annotations import Annotations
from data.person import FARTHEST
from hourglass.errors import InputError
from hourglass.joint_names import infer
from hourglass.joint_table import file_title, from_table, to_table
from hourglass.joints import JointSet
from hourglass.json_table import Table, read_json

import numpy as np

#: Where images may lie, from the file's folder.
_FOLDERS = ('.', 'images', '../images', '..')


def _read_category(path: Path, rows: Any) -> tuple[int, JointSet]:
    """Return the number and the joints of the category that has joints; of several that of people."""
    table = Table(path, 'categories', rows)
    ids = table.unique_ids()
    with_joints = [i for i, row in enumerate(table.rows) if row.get('keypoints')]
    people = [i for i in with_joints if table.rows[i].get('name') == 'person']
    chosen = with_joints if len(with_joints) == 1 else people
    if len(chosen) != 1:
        raise InputError(f'{path}: categories have {"more than one" if with_joints else "no"} entry with keypoints, '
                         'the names of the joints')
    row, where = table.rows[chosen[0]], f'{path}: categories[{chosen[0]}]'
    joints = from_table({'joints': row['keypoints']}, where).joints
    limbs = []
    for pair in row.get('skeleton') or []:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair)
                and all(0 < i <= len(joints) for i in pair) and pair[0] != pair[1]):
            raise InputError(f'{where}: skeleton has {str(pair)[:40]}, not two numbers from 1 to {len(joints)}')
        limbs.append((joints[pair[0] - 1], joints[pair[1] - 1]))
    joint_set = infer(file_title(path), joints, limbs or None)
    return int(ids[chosen[0]]), from_table(to_table(joint_set), where)


def find_images(path: Path, names: list[str]) -> Path:
    """Return the folder that the images of a file lie in: the first of the usual ones with the first image."""
    folders = [path.parent / folder for folder in (*_FOLDERS, f'images/{path.stem}', path.stem)]
    return next((folder for folder in folders if names and (folder / names[0]).is_file()), path.parent)


def _boxes(table: Table) -> np.ndarray:
    """Return (N, 4) boxes; NaN for one that is a point or is not there in any entry."""
    if not any('bbox' in row for row in table.rows):
        return np.full((len(table), 4), np.nan)
    boxes = table.boxes()
    boxes[(boxes[:, 2:] <= boxes[:, :2]).any(axis=1)] = np.nan
    return boxes


def read_coco_file(path: Path) -> Annotations:
    """Read a file in COCO's format with joints of its own; crowds and entries without keypoints are left out.

    Raises:
        InputError: the file is missing, damaged or no such file.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f'{path}: not a file of COCO annotations (a JSON {type(content).__name__})')
    names = read_image_names(path, content.get('images'))
    category, joint_set = _read_category(path, content.get('categories'))
    table = Table(path, 'annotations', content.get('annotations')).where('category_id', category)
    table = table.where('iscrowd', 0, 0).having('keypoints')
    if not len(table):
        raise InputError(f'{path}: nobody with keypoints is in it')
    image_ids = table.whole_numbers('image_id')
    check_image_ids(path, 'annotations', image_ids, names)
    values = table.numbers('keypoints', 3 * len(joint_set)).reshape(-1, len(joint_set), 3)
    flags = values[..., 2]
    for i in np.flatnonzero(~np.isin(flags, (0, 1, 2)).all(axis=1))[:1]:
        table.fail(int(i), 'has a keypoint whose visibility is not 0, 1 or 2')
    for i in np.flatnonzero((np.abs(values) > FARTHEST).any(axis=(1, 2)))[:1]:
        table.fail(int(i), f'has a keypoint that is not from {-FARTHEST:,.0f} to {FARTHEST:,.0f}')
    labelled = flags > 0
    unknown = np.full(len(table), np.nan)
    areas = table.numbers('area') if all('area' in row for row in table.rows) else unknown
    return Annotations(
        path, joint_set, [names[i] for i in image_ids.tolist()],
        [f'{table.name}[{place}]' for place in table.places], np.where(labelled[..., None], values[..., 1::-1], 0),
        labelled, flags == 2, _boxes(table), np.full((len(table), 3), np.nan),
        np.where(areas > 0, areas, np.nan))
