"""Pictures with boxes for the person finder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from data.scenes import ScenesDataset, SceneTransform, find_rates, match_boxes
from hourglass.box_codec import decode_boxes
from hourglass.detection import Detector

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty grey pictures of 200 x 160 with a white person in each, at another place."""
    root = tmp_path_factory.mktemp('scenes')
    images, people = [], []
    for i in range(20):
        pixels = np.full((160, 200, 3), 90, np.uint8)
        x, y = 10 + 5 * i, 20 + i
        pixels[y:y + 100, x:x + 40] = 250
        Image.fromarray(pixels).save(root / f'{i}.png')
        images.append({'id': i, 'file_name': f'{i}.png', 'width': 200, 'height': 160})
        people.append({'id': i, 'image_id': i, 'category_id': 1, 'bbox': [x, y, 40, 100], 'area': 4000, 'iscrowd': 0,
                       'num_keypoints': 0, 'keypoints': [0] * 51})
    (root / 'people.json').write_text(json.dumps({'images': images, 'annotations': people, 'categories': [
        {'id': 1, 'name': 'person'}]}))
    return root / 'people.json'


def test_every_tenth_picture_is_for_validation(scenes: Path) -> None:
    train, val = ScenesDataset(scenes), ScenesDataset(scenes, 'val')
    assert (len(train), len(val), len(ScenesDataset(scenes, 'trainval'))) == (18, 2, 20)
    image, boxes, is_crowd = val[1]
    assert image.shape == (3, 160, 200)
    assert boxes.tolist() == [[30, 60, 130, 100]]
    assert not is_crowd.any()


def test_targets_are_where_the_person_is(scenes: Path) -> None:
    dataset, transform = ScenesDataset(scenes), SceneTransform()
    n_seen = 0
    for i in range(len(dataset)):
        image, maps, _ = transform(dataset[i], np.random.default_rng(i))
        assert image.shape == (3, transform.size, transform.size)
        assert 0 <= image.min() <= image.max() <= 1
        boxes, _ = decode_boxes(maps, 0.5)
        for y0, x0, y1, x1 in boxes:
            y, x = round(float(y0 + y1) / 2), round(float(x0 + x1) / 2)
            assert image[:, y, x].mean() > 1.5 * np.median(image[image > 0.05])
            n_seen += 1
    assert n_seen > 12
    again = transform(dataset[3], np.random.default_rng(3))
    for a, b in zip(again, transform(dataset[3], np.random.default_rng(3)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_box_matches_once() -> None:
    wanted = np.array([[0., 0, 10, 10], [20, 20, 40, 30]])
    found = np.array([[0., 0, 10, 9], [0, 0, 10, 10], [20, 20, 40, 29], [50, 50, 60, 60]])
    assert match_boxes(found, wanted).tolist() == [0, -1, 1, -1]
    assert match_boxes(found, np.zeros((0, 4))).tolist() == [-1] * 4


def test_rates_of_a_detector(scenes: Path) -> None:
    class Finds(Detector):
        def detect(
            self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
        ) -> list[tuple[np.ndarray, np.ndarray]]:
            # The person of the first picture, a wrong find, and one below the threshold.
            boxes = np.array([[20, 10, 120, 50], [0, 150, 100, 190], [30, 60, 130, 100]], np.float32)
            return [(boxes, np.array([0.9, 0.8, 0.1], np.float32)) for _ in images]

    rates = find_rates(Finds(), ScenesDataset(scenes, 'val'))
    assert rates == {'recall': 0.5, 'recall_tall': 0.5, 'precision': 0.25}
