"""A user's annotated people in COCO's format: a JSON file whose category names the joints.

``categories`` has an entry with ``keypoints`` (names) and perhaps ``skeleton`` (pairs of numbers that count from 1);
``images`` and ``annotations`` are as COCO's.  ``bbox``, ``area`` and ``iscrowd`` may be missing or null, for all people
or for some.  Names of images may be as label tools write them: with backslashes, absolute, or with a folder of the tool
in front (:func:`find_images`).
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from data.coco.annotations import check_image_ids, read_content, read_keypoints
from data.custom.annotations import OwnAnnotations
from data.person import FARTHEST
from hourglass.errors import InputError
from hourglass.joint_names import infer
from hourglass.joint_table import file_title, from_table, to_table
from hourglass.joints import JointSet
from hourglass.json_table import Table
from hourglass.wording import warn_once

import numpy as np

#: Where images may lie, from the file's folder.
_FOLDERS = ('.', 'images', '../images', '..', 'data', '../data')
#: Number of images that are looked for to choose between folders.
_N_SAMPLES = 50


def _read_categories(path: Path, rows: Any) -> tuple[list[int], JointSet]:
    """Return the numbers and the joints of the categories of people.

    Categories with the same joints count together; of categories with different ones, those like ``person``.
    """
    table = Table(path, 'categories', rows)
    ids = table.unique_ids()
    with_joints = [i for i, row in enumerate(table.rows) if row.get('keypoints')]
    named = [i for i in with_joints if str(table.rows[i].get('name')).lower() == 'person']
    first = next(iter(named or with_joints), None)
    if first is None:
        raise InputError(f'{path}: categories have no entry with keypoints, the names of the joints')
    row, where = table.rows[first], f'{path}: categories[{first}]'
    chosen = [i for i in with_joints if table.rows[i]['keypoints'] == row['keypoints']]
    if not named and len(chosen) < len(with_joints):
        raise InputError(f'{path}: categories have more than one entry with keypoints, with different joints, and none '
                         'of them is called person')
    joints = from_table({'joints': row['keypoints']}, where).joints
    joint_set = infer(file_title(path), joints, _read_skeleton(row.get('skeleton'), joints, where))
    return ids[chosen].tolist(), from_table(to_table(joint_set), where)


def _read_skeleton(pairs: Any, joints: tuple[str, ...], where: str) -> list[tuple[str, str]] | None:
    """Return the limbs; ``None`` if there are none, or if they are wrong, which a line reports."""
    limbs = []
    for pair in pairs if isinstance(pairs, list) else []:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair)
                and all(0 < i <= len(joints) for i in pair) and pair[0] != pair[1]):
            warn_once(f'{where}: the skeleton is not used: {str(pair)[:40]} is not two numbers from 1 to {len(joints)}')
            return None
        limbs.append((joints[pair[0] - 1], joints[pair[1] - 1]))
    return limbs or None


def _folders(path: Path) -> list[Path]:
    """Return where the images of a file may lie: in the usual folders, or in one called like the file or its end.

    ``annotations/person_keypoints_default.json`` goes with ``images/default`` (CVAT), ``..._val2017.json`` with
    ``val2017`` (COCO), ``..._train.json`` with ``train`` (mmpose).
    """
    words = path.stem.split('_')
    names = ['_'.join(words[i:]) for i in range(len(words))]
    bases = (path.parent, path.parent.parent)
    return [path.parent / folder for folder in _FOLDERS] + [
        base / prefix / name for name in names if name for base in bases for prefix in ('', 'images')]


def find_images(
    path: Path, names: list[str], images: Path | None = None,
) -> tuple[Path, dict[str, str]]:
    """Find the images of a file, by up to 50 of them.

    Args:
        path: the file.
        names: the images' names in it.
        images: the folder of the images; by default the usual folders are looked through.

    Returns:
        A folder, and the names below it by the names in the file: the whole names or their last parts, whichever
        exist.  If no image exists, the names are unchanged.
    """
    names = list(dict.fromkeys(names))
    folders = _folders(path) if images is None else [images]
    as_they_are = folders[0] if images is None else images, {name: name for name in names}
    sample = names[::max(1, len(names) // _N_SAMPLES)]
    # Absolute names count as they are only if no folder is named.
    if images is None and any(name.startswith('/') and Path(name).is_file() for name in sample):
        return as_they_are
    parts = {name: _parts(name) for name in names}
    found: tuple[int, tuple[Path, dict[str, str]]] = 0, as_they_are
    for n in range(max(map(len, parts.values()), default=0), 0, -1):
        short = {name: '/'.join(parts[name][-n:]) for name in names}
        if len(set(short.values())) < len(names):
            break  # two images would become one
        for folder in folders:
            n_there = sum((folder / short[name]).is_file() for name in sample)
            found = max(found, (n_there, (folder, short)), key=lambda place: place[0])
    return found[1]


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name without a drive, a root and ``..``, which lead elsewhere."""
    return tuple(part for part in PurePosixPath(name).parts if part not in ('/', '//', '..') and not part.endswith(':'))


def read_coco_file(path: Path) -> OwnAnnotations:
    """Read a file in COCO's format with joints of its own; crowds and entries without keypoints are left out.

    Raises:
        InputError: the file is missing, damaged or no such file.
    """
    content, names, sizes = read_content(path)
    categories, joint_set = _read_categories(path, content.get('categories'))
    table = Table(path, 'annotations', content.get('annotations')).where('category_id', *categories)
    table = table.where('iscrowd', 0, default=0).having('keypoints')
    if not len(table):
        raise InputError(f'{path}: no person with keypoints is in it')
    image_ids = table.whole_numbers('image_id')
    check_image_ids(path, 'annotations', image_ids, names)
    points, visibility = read_keypoints(table, len(joint_set))
    for i in np.flatnonzero((np.abs(points) > FARTHEST).any(axis=(1, 2)))[:1]:
        table.fail(int(i), f'has a keypoint that is not from {-FARTHEST:,.0f} to {FARTHEST:,.0f}')
    boxes, areas = table.boxes(may_be_missing=True), table.numbers_or_nan('area')
    boxes[(boxes[:, 2:] <= boxes[:, :2]).any(axis=1)] = np.nan
    return OwnAnnotations(
        path, joint_set, [names[i] for i in image_ids.tolist()], points, visibility > 0, visibility == 2, boxes,
        np.full((len(table), 3), np.nan), np.where(areas > 0, areas, np.nan), sizes=sizes)
