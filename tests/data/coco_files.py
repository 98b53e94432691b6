"""Two images with their annotations, as COCO has them for both splits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.image import write_image
from hourglass.joints import COCO

import numpy as np

IMAGES = [{'id': 7, 'file_name': 'a.jpg', 'height': 90, 'width': 120},
          {'id': 9, 'file_name': 'b.jpg', 'height': 90, 'width': 120}]


def annotation_of(annotation_id: int, joints: dict[str, tuple[float, float, int]], **changed: Any) -> dict[str, Any]:
    """Make an annotation of joints given as x, y and visibility."""
    keypoints = [value for name in COCO.joints for value in joints.get(name, (0, 0, 0))]
    return {'id': annotation_id, 'image_id': 7, 'category_id': 1, 'iscrowd': 0, 'keypoints': keypoints,
            'num_keypoints': len(joints), 'bbox': [10.5, 20, 40, 60], 'area': 1500.5, **changed}


BODY = {'left shoulder': (40, 30, 2), 'right shoulder': (20, 30, 2), 'left hip': (38, 60.5, 2),
        'right hip': (22, 62, 1), 'nose': (30, 22, 1)}


def make_content() -> dict[str, Any]:
    return {
        'images': [dict(image) for image in IMAGES],
        'annotations': [
            annotation_of(100, BODY),
            annotation_of(101, BODY, iscrowd=1),
            annotation_of(102, {}),
            annotation_of(103, dict.fromkeys(COCO.joints[:5], (50, 40, 2)), image_id=9, bbox=[0, 0, 90, 30]),
            annotation_of(104, BODY, bbox=[30, 30, 0, 0]),
            annotation_of(105, BODY, category_id=3),
        ],
        'categories': [{'id': 1, 'name': 'person', 'keypoints': [name.replace(' ', '_') for name in COCO.joints]}],
    }


def write_file(path: Path, value: Any) -> Path:
    """Write a file in JSON, or a text as it is, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def write_scenes(folder: Path, count: int, size: tuple[int, int], place: Callable[[int], tuple[int, ...]]) -> Path:
    """Write grey pictures (H, W) with a white person in each, at x, y, width and height by the picture's number."""
    people = [annotation_of(i, {}, image_id=i, bbox=place(i)) for i in range(count)]
    for i, (x, y, width, height) in enumerate(map(place, range(count))):
        pixels = np.full((3, *size), 90, np.uint8)
        pixels[:, y:y + height, x:x + width] = 250
        write_image(folder / f'{i}.png', pixels)
    return write_file(folder / 'people.json', {
        'images': [{'id': i, 'file_name': f'{i}.png'} for i in range(count)], 'annotations': people,
        'categories': [{'id': 1, 'name': 'person'}]})


def write_set(folder: Path) -> Path:
    """Write both splits below a data root."""
    for split in ('train2017', 'val2017'):
        write_file(folder / 'annotations' / f'person_keypoints_{split}.json', make_content())
        for image in IMAGES:
            write_image(folder / 'images' / split / image['file_name'], np.full((3, 90, 120), 128, np.float32))
    return folder
