"""Poses as JSON for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hourglass.errors import InputError
from hourglass.files import atomic_write

if TYPE_CHECKING:
    from hourglass.predictor import Pose


def pose_to_dict(pose: Pose) -> dict[str, Any]:
    """Return a pose for JSON: name, x and y in pixels of the image (0-based) and score of each joint."""
    joints = [
        {'name': name, 'x': round(float(x), 2), 'y': round(float(y), 2), 'score': round(float(score), 4)}
        for name, (y, x), score in zip(pose.joint_set.joints, pose.points, pose.scores, strict=True)
    ]
    return {'joint_set': pose.joint_set.name, 'joints': joints}


def rectangle(corners: tuple[float, float, float, float]) -> dict[str, float]:
    """Return (y_min, x_min, y_max, x_max) for JSON: ``x0``, ``y0``, ``x1``, ``y1``."""
    y0, x0, y1, x1 = (round(float(value), 2) for value in corners)
    return {'x0': x0, 'y0': y0, 'x1': x1, 'y1': y1}


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON; ``InputError`` if the file cannot be written."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + '\n', encoding='utf-8')


def write_json_rows(path: str | os.PathLike, rows: Sequence[Any]) -> None:
    """Write a JSON list, one entry per line; ``InputError`` if a number is not finite or the file cannot be written."""
    try:
        lines = ',\n'.join(json.dumps(row, allow_nan=False) for row in rows)
    except ValueError:
        raise InputError(f'{path}: not written: some numbers are not finite') from None
    with atomic_write(path) as partial:
        partial.write_text(f'[\n{lines}\n]\n' if rows else '[]\n', encoding='utf-8')
