"""A small set in COCO's layout, for the tests of its scores."""

from __future__ import annotations

from pathlib import Path

from data.coco import COCODataset
from hourglass.image import write_image
from hourglass.joints import COCO
from tests.data.coco_files import annotation_of, write_file
from tests.eval.truth import ANNOTATIONS

import numpy as np
import pytest


@pytest.fixture
def coco_root(tmp_path: Path) -> Path:
    """A data root with the split val2017: 6 images, 15 people of many sizes, a crowd, and a person without joints.

    One of the people has the annotation id 0, and the ids of the images are not in the order of the file.
    """
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for i in range(6):
        images.append({'id': 50 - 7 * i, 'file_name': f'{i}.png', 'width': 320, 'height': 240})
        for k in range(2 + i % 2):
            size = rng.uniform([20, 40], [150, 220])
            corner = rng.uniform(0, 320 - size[0]), rng.uniform(0, 240 - size[1])
            flags = rng.choice([0, 1, 2], 17, p=[.3, .2, .5])
            flags[0] = 2
            joints = {name: (*(corner + rng.uniform(0, 1, 2) * size).astype(int).tolist(), flag)
                      for name, flag in zip(COCO.joints, flags.tolist(), strict=True) if flag}
            annotations.append(annotation_of(10 * i + k, joints, image_id=50 - 7 * i, bbox=[*corner, *size],
                                             area=float(.6 * size.prod())))
    annotations += [annotation_of(number, {}, image_id=50, iscrowd=is_crowd, bbox=[100, 60, 60, 80], area=2000.0)
                    for number, is_crowd in ((900, 1), (901, 0))]
    root = tmp_path / 'COCO'
    write_file(root / ANNOTATIONS, {'images': images, 'annotations': annotations,
                                    'categories': [{'id': 1, 'name': 'person'}]})
    for image in images:
        write_image(root / 'images' / 'val2017' / str(image['file_name']), rng.uniform(0, 255, (3, 240, 320)))
    return root


@pytest.fixture
def dataset(coco_root: Path) -> COCODataset:
    """The people of :func:`coco_root`."""
    return COCODataset(coco_root, 'val2017')
