"""Annotated joints of a COCO data set."""

from __future__ import annotations

from data.coco import COCODataset

import numpy as np

ANNOTATIONS = 'annotations/person_keypoints_val2017.json'


def truth(dataset: COCODataset) -> np.ndarray:
    """Return the joints of all people, (N, K, 2) float64, (y, x)."""
    return np.stack([person.points for person in dataset.people]).astype(np.float64)
