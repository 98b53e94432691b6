from __future__ import annotations

from data.coco import COCODataset
from data.synthetic import SyntheticDataset
from eval.predict import person_oks, predict_dataset
from hourglass.crop import crop_square
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from tests.eval.truth import truth

import numpy as np

SPEC = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32))


def _predictor(batchsize: int) -> PosePredictor:
    np.random.seed(0)
    return PosePredictor(SPEC.build_network(), SPEC, batchsize=batchsize)


def test_batches_change_neither_order_nor_points() -> None:
    dataset = SyntheticDataset(7, size=(64, 96))
    done: list[int] = []
    points, scores = predict_dataset(_predictor(3), dataset, done.append)
    assert done == [3, 3, 1]
    assert points.shape == (7, 16, 2)
    assert scores.shape == (7, 16)
    one_by_one, _ = predict_dataset(_predictor(1), dataset)
    np.testing.assert_array_equal(one_by_one, points)
    for person, found in zip(dataset.people, points, strict=True):
        y, x, side = crop_square(person.location, SPEC)
        assert (abs(found - (y, x)) <= side / 2 + 1).all(), 'in pixels of the image'


def test_oks_of_each_person(dataset: COCODataset) -> None:
    points = truth(dataset)
    np.testing.assert_allclose(person_oks(points, dataset, dataset.records.areas), 1)
    points[3] += 1000
    points[4] = np.nan
    found = person_oks(points, dataset, dataset.records.areas)
    assert found[[3, 4]].tolist() == [0, 0]
    np.testing.assert_allclose(np.delete(found, [3, 4]), 1)
