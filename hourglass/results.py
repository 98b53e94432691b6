"""Poses as data for other programs."""

from __future__ import annotations

import json
import os
from typing import Any

from hourglass.files import atomic_write
from hourglass.joints import JointSet
from hourglass.predictor import Pose


def pose_to_dict(pose: Pose, joint_set: JointSet) -> dict[str, Any]:
    """Describe a pose for JSON: each joint's name, x and y in pixels of the image (0-based), and score."""
    joints = [
        {'name': name, 'x': round(float(x), 2), 'y': round(float(y), 2), 'score': round(float(score), 4)}
        for name, (y, x), score in zip(joint_set.joints, pose.points, pose.scores, strict=True)
    ]
    return {'joint_set': joint_set.name, 'joints': joints}


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON; ``InputError`` if the file cannot be written."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + '\n', encoding='utf-8')
