from __future__ import annotations

from pathlib import Path

from data.coco import COCODataset
from data.person import Person, PersonDataset
from eval.predict import person_oks, predict_dataset
from hourglass.crop import Square, crop_square
from hourglass.errors import InputError
from hourglass.joints import MPII
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from tests.eval.truth import truth

import numpy as np
import pytest

SPEC = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32))


class _People(PersonDataset):
    """People in images of random pixels, of different sizes."""

    def get_example(self, i: int) -> tuple[np.ndarray, Person]:
        person = self.people[i]
        if person.image == 'damaged':
            raise InputError('damaged: cannot be read')
        image = np.random.default_rng(int(person.image)).uniform(0, 255, (3, 50 + int(person.image), 60))
        return image.astype(np.float32), person


def _dataset(names: list[str]) -> _People:
    rng = np.random.default_rng(0)
    people = [Person(name, rng.uniform(0, 50, (16, 2)).astype(np.float32), np.ones(16, bool), np.ones(16, bool),
                     Square(*rng.uniform(10, 50, 2).tolist(), 40.0), 10.0) for name in names]
    return _People('people', MPII, people, Path())


def _predictor(batchsize: int) -> PosePredictor:
    np.random.seed(0)
    return PosePredictor(SPEC.build_network(), SPEC, batchsize=batchsize)


def test_batches_change_neither_order_nor_points() -> None:
    dataset = _dataset([str(i) for i in range(7)])
    done: list[int] = []
    points, scores = predict_dataset(_predictor(3), dataset, done.append)
    assert done == [3, 3, 1]
    assert points.shape == (7, 16, 2)
    assert scores.shape == (7, 16)
    one_by_one, _ = predict_dataset(_predictor(1), dataset)
    np.testing.assert_array_equal(one_by_one, points)


def test_points_are_in_pixels_of_the_image() -> None:
    dataset = _dataset(['0', '1'])
    points, _ = predict_dataset(_predictor(2), dataset)
    for person, found in zip(dataset.people, points, strict=True):
        y, x, side = crop_square(person.location, SPEC)
        assert (abs(found - (y, x)) <= side / 2 + 1).all()


def test_an_image_that_cannot_be_read_stops_with_its_name() -> None:
    with pytest.raises(InputError, match='damaged'):
        predict_dataset(_predictor(2), _dataset(['0', '1', 'damaged', '3']))


def test_oks_of_each_person(dataset: COCODataset) -> None:
    points = truth(dataset)
    np.testing.assert_allclose(person_oks(points, dataset, dataset.records.areas), 1)
    points[3] += 1000
    points[4] = np.nan
    found = person_oks(points, dataset, dataset.records.areas)
    assert found[[3, 4]].tolist() == [0, 0]
    np.testing.assert_allclose(np.delete(found, [3, 4]), 1)


def test_oks_of_joints_of_another_set(coco_root: Path) -> None:
    dataset = COCODataset(coco_root, 'val2017', joint_set=MPII)
    points = truth(dataset)
    # COCO has no thorax, so it does not count.
    points[:, MPII.index('thorax')] += 100
    found = person_oks(points, dataset, dataset.records.areas)
    np.testing.assert_allclose(found[~np.isnan(found)], 1)
    assert np.isfinite(found).sum() >= 10
