"""Annotated joints of a COCO data set, and scores that pycocotools computes by itself."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from data.coco import COCODataset

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
