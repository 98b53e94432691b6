"""Annotated joints of a COCO data set, scores that pycocotools computes by itself, and made results."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from data.coco import COCODataset
from eval.coco import OKSResult
from eval.coco_score import STATS, COCOScore
from eval.pck import PCKResult
from eval.result import Result
from hourglass.joints import COCO as COCO_JOINTS
from hourglass.joints import MPII, JointSet

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ANNOTATIONS = 'annotations/person_keypoints_val2017.json'


def truth(dataset: COCODataset) -> np.ndarray:
    """Return the joints of all people, (N, K, 2) float64, (y, x)."""
    return np.stack([person.points for person in dataset.people]).astype(np.float64)


def by_pycocotools(results: list[dict[str, Any]], annotations: Path, kind: str) -> COCOeval:
    """Score entries of COCO's results format; ``kind`` is keypoints or bbox."""
    content = json.loads(annotations.read_text())
    # For pycocotools a person with the id 0 is not found.
    for i, entry in enumerate(content['annotations'], 1):
        entry['id'] = i
    with contextlib.redirect_stdout(io.StringIO()):
        index = COCO()
        index.dataset = content
        index.createIndex()
        evaluation = COCOeval(index, index.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def pck_result(weights: str = 'a', joint_set: JointSet = MPII, **changes: Any) -> PCKResult:
    """Make a result of 40 people, some of whose joints are correct and some not annotated."""
    errors = np.random.default_rng(0).uniform(0, .6, (40, len(joint_set)))
    errors[:5, 2:4] = np.nan
    return PCKResult(**{'data': 'LSP test', 'metric': 'PCK', 'threshold': .2, 'joint_set': joint_set, 'errors': errors,
                        'weights': weights, 'reference': 'torso', 'people_key': 'k', **changes})


def oks_result(weights: str, level: float, with_joints: bool = True, **changes: Any) -> OKSResult:
    """Make a result of COCO whose scores are ``level``."""
    score = COCOScore(dict.fromkeys(STATS, level), np.linspace(.5, .95, 10), np.linspace(0, 1, 101),
                      np.full((10, 101), level), 3, 3)
    spread = np.random.default_rng(1).uniform(0, 1, 40) ** (1 - level)
    pck = pck_result(weights, COCO_JOINTS, **{'oks': spread, **changes}) if with_joints else None
    return OKSResult('COCO val2017', weights, score, pck)


def saved(result: Result, path: Path) -> Path:
    """Write a result and return its path."""
    path.parent.mkdir(exist_ok=True)
    result.save_json(path)
    return path
