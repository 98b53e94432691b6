"""Pictures with boxes for the person finder."""

from __future__ import annotations

from pathlib import Path

from data.scenes import ScenesDataset, SceneTransform, find_rates, match_boxes
from hourglass.box_codec import decode_boxes
from tests.data.coco_files import write_scenes
from tests.stand_ins import FixedBoxes

import numpy as np
import pytest


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty grey pictures of 200 x 160 with a white person in each, at another place."""
    return write_scenes(tmp_path_factory.mktemp('scenes'), 20, (160, 200), lambda i: (10 + 5 * i, 20 + i, 40, 100))


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
    # The person of the first picture, a wrong find, and one below the threshold.
    detector = FixedBoxes((20, 10, 120, 50), (0, 150, 100, 190), (30, 60, 130, 100), scores=[0.9, 0.8, 0.1])
    rates = find_rates(detector, ScenesDataset(scenes, 'val'))
    assert rates == {'recall': 0.5, 'recall_tall': 0.5, 'precision': 0.25}
