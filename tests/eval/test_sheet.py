from __future__ import annotations

from pathlib import Path

from data.coco import COCODataset
from eval.coco_people import person_oks
from eval.sheet import draw_sheet, person_errors, worst_people, write_sheet
from hourglass.errors import InputError
from hourglass.image import read_image
from tests.eval.truth import truth

import numpy as np
import pytest


@pytest.fixture
def dataset(coco_root: Path) -> COCODataset:
    return COCODataset(coco_root, 'val2017')


def test_the_worst_come_first() -> None:
    errors = np.array([.1, np.nan, 3, .5, np.inf, .5])
    assert worst_people(errors, 4).tolist() == [4, 2, 3, 5]
    assert worst_people(errors, 100).tolist() == [4, 2, 3, 5, 0]


def test_an_error_is_the_mean_over_the_joints_that_count() -> None:
    errors = person_errors(np.array([[1, 3, np.nan], [np.nan] * 3, [np.inf, 1, 1]]))
    np.testing.assert_array_equal(errors, [2, np.nan, np.inf])


def test_a_sheet_of_the_worst(dataset: COCODataset, tmp_path: Path) -> None:
    points = truth(dataset)
    points[7] += 30
    points[2] += 60
    rows = write_sheet(tmp_path / 'sheet.png', dataset, points, 1 - person_oks(points, dataset))
    assert set(rows[:2].tolist()) == {2, 7}
    assert read_image(tmp_path / 'sheet.png').shape == (3, 3 * 278, 6 * 256)


def test_both_poses_are_drawn(dataset: COCODataset) -> None:
    points = truth(dataset)
    nothing = draw_sheet(dataset, np.full(points.shape, np.nan), [0], [''])
    drawn = draw_sheet(dataset, points, [0], [''])
    assert drawn.shape == (3, 278, 256)
    assert ((nothing == np.array([255, 255, 0])[:, None, None]).all(axis=0)).sum() > 50
    assert (nothing != drawn).any(axis=0).sum() > 50


def test_far_off_predictions_can_be_drawn(dataset: COCODataset) -> None:
    points = truth(dataset)
    points[0, :5] = 1e30
    points[0, 5:9] = -np.inf
    assert draw_sheet(dataset, points, [0], ['far']).dtype == np.uint8


def test_without_errors_there_is_no_sheet(dataset: COCODataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'sheet\.png: no person of COCO val2017 can be scored'):
        write_sheet(tmp_path / 'sheet.png', dataset, truth(dataset), np.full(len(dataset), np.nan))
