from __future__ import annotations

from pathlib import Path

from data.coco import COCODataset
from eval.predict import person_oks
from eval.sheet import write_sheet
from hourglass.errors import InputError
from hourglass.image import read_image
from tests.eval.truth import truth

import numpy as np
import pytest


def test_a_sheet_of_the_worst(dataset: COCODataset, tmp_path: Path) -> None:
    points = truth(dataset)
    points[7] += 30
    points[2] += 1e30
    rows = write_sheet(tmp_path / 'sheet.png', dataset, points, 1 - person_oks(points, dataset, dataset.records.areas))
    assert rows[:2].tolist() == [2, 7]
    assert read_image(tmp_path / 'sheet.png').shape == (3, 3 * 278, 6 * 256)


def test_both_poses_are_drawn(dataset: COCODataset, tmp_path: Path) -> None:
    points = truth(dataset)
    errors = np.full(len(points), np.nan)
    errors[0] = 1
    pictures = []
    for name, drawn in (('without.png', np.full(points.shape, np.nan)), ('with.png', points)):
        assert write_sheet(tmp_path / name, dataset, drawn, errors).tolist() == [0]
        pictures.append(read_image(tmp_path / name))
    assert ((pictures[0] == np.array([255, 255, 0])[:, None, None]).all(axis=0)).sum() > 50
    assert (pictures[0] != pictures[1]).any(axis=0).sum() > 50


def test_without_errors_there_is_no_sheet(dataset: COCODataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'sheet\.png: no person of COCO val2017 can be scored'):
        write_sheet(tmp_path / 'sheet.png', dataset, truth(dataset), np.full(len(dataset), np.nan))
