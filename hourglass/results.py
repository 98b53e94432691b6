"""Poses as data for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hourglass.coco_format import PERSON
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.joints import COCO, JointSet
from hourglass.predictor import Pose

import numpy as np

if TYPE_CHECKING:
    from hourglass.people import PersonPose


def pose_to_dict(pose: Pose, joint_set: JointSet) -> dict[str, Any]:
    """Return a pose for JSON: name, x and y in pixels of the image (0-based) and score of each joint."""
    joints = [
        {'name': name, 'x': round(float(x), 2), 'y': round(float(y), 2), 'score': round(float(score), 4)}
        for name, (y, x), score in zip(joint_set.joints, pose.points, pose.scores, strict=True)
    ]
    return {'joint_set': joint_set.name, 'joints': joints}


def rectangle(corners: tuple[float, float, float, float]) -> dict[str, float]:
    """Return (y_min, x_min, y_max, x_max) for JSON: ``x0``, ``y0``, ``x1``, ``y1``."""
    y0, x0, y1, x1 = (round(float(value), 2) for value in corners)
    return {'x0': x0, 'y0': y0, 'x1': x1, 'y1': y1}


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON; ``InputError`` if the file cannot be written."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def person_to_dict(person: PersonPose, joint_set: JointSet) -> dict[str, Any]:
    """Return one person as in :func:`people_to_coco`, without the entries about the image."""
    y0, x0, y1, x1 = person.box
    triples = np.column_stack([person.pose.points[:, ::-1], person.pose.scores]).astype(np.float64)
    in_coco = [[0.0] * 3 if place is None else triples[place].tolist() for place in joint_set.places_of(COCO)]
    return {
        'keypoints': [round(value, digits) for triple in in_coco for value, digits in zip(triple, (2, 2, 4),
                                                                                         strict=True)],
        'score': round(person.score, 5), 'bbox': [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
        'box_score': round(person.box_score, 5), **pose_to_dict(person.pose, joint_set),
    }


def people_to_coco(
    people: Sequence[PersonPose], joint_set: JointSet, image_id: int | str, file_name: str,
) -> list[dict[str, Any]]:
    """Return the people of an image in COCO's results format (https://cocodataset.org/#format-results).

    Each has ``image_id``, ``category_id`` (1), ``bbox`` (x, y, width, height as detected), ``score`` and
    ``keypoints``: x, y and score of each of COCO's 17 joints, zeros for a joint that the weights do not have.
    In addition: ``file_name``, ``box_score``, ``joint_set`` and ``joints``, all joints of the weights by name
    (:func:`pose_to_dict`).  Coordinates are in pixels of the image, 0-based.

    Args:
        people: of one image.
        joint_set: of the weights.
        image_id: of the image in COCO's files (:func:`hourglass.coco_format.image_id`).
        file_name: of the image.
    """
    return [{'image_id': image_id, 'category_id': PERSON, 'file_name': file_name, **person_to_dict(person, joint_set)}
            for person in people]


def write_json_rows(path: str | os.PathLike, rows: Sequence[Any]) -> None:
    """Write a JSON list, one entry per line; ``InputError`` if a number is not finite or the file cannot be written."""
    try:
        lines = ',\n'.join(json.dumps(row, allow_nan=False) for row in rows)
    except ValueError:
        raise InputError(f'{path}: not written: some numbers are not finite') from None
    with atomic_write(path) as partial:
        partial.write_text(f'[\n{lines}\n]\n' if rows else '[]\n', encoding='utf-8')
