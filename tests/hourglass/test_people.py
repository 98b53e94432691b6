from __future__ import annotations

import io
from dataclasses import replace

from hourglass.crop import CropBox
from hourglass.people import PeoplePredictor
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import Torch7Transform
from tests.stand_ins import Brightness, FixedBoxes, spots

import numpy as np
import pytest
from PIL import Image

SPEC = ModelSpec(input_size=(128, 128))


def _predictor(spec: ModelSpec = SPEC, batchsize: int = 16) -> PosePredictor:
    return PosePredictor(Brightness(), spec, batchsize=batchsize)


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
def test_all_people_are_found_with_every_crop(crop: str) -> None:
    places = [(90, 60), (200, 300), (60, 360)]
    boxes = [[y - 50, x - 30, y + 50, x + 30] for y, x in places]
    people = PeoplePredictor(_predictor(replace(SPEC, crop=crop, decoding='dark')), FixedBoxes(*boxes))
    for found in people.predict([spots(*places), spots(*places, shape=(260, 420))]):
        for place, box, person in zip(places, boxes, found, strict=True):
            # A cell is four pixels.
            assert abs(person.pose.points - place).max() <= 5
            assert person.box == tuple(box)
            assert person.pose.heatmaps.shape == (16, 0, 0)
            assert isinstance(person.pose.box, Torch7Transform if crop == 'torch7' else CropBox)


def test_scores_order_and_limit() -> None:
    places = [(60, 60), (60, 200), (60, 340)]
    detector = FixedBoxes(*([y - 40, x - 20, y + 40, x + 20] for y, x in places), scores=[.6, .95, .9])
    image = spots(*places)
    image[:, :, 120:280] *= .5
    people = PeoplePredictor(_predictor(), detector).predict(image)
    assert [person.box_score for person in people] == pytest.approx([.9, .6, .95], abs=1e-6)
    for person in people:
        assert person.score == pytest.approx(person.box_score * person.pose.scores.mean(), rel=1e-6)
    limited = PeoplePredictor(_predictor(), detector, max_people=2).predict(image)
    assert {person.box_score for person in limited} == {np.float32(.95), np.float32(.9)}


def test_the_threshold_is_the_detectors_unless_another_is_given() -> None:
    detector = FixedBoxes([0, 0, 90, 50], [0, 100, 90, 150], [100, 200, 190, 250], scores=[.6, .52, .2])
    image = spots((50, 25), (50, 125), (150, 225))
    for own, given, expected in ((.5, None, 2), (.55, None, 1), (.5, .55, 1), (.5, .1, 3), (.5, 0, 3)):
        detector.score_threshold = own
        people = PeoplePredictor(_predictor(), detector, given).predict(image)
        assert len(people) == expected, (own, given)


def test_overlapping_boxes_are_one_person() -> None:
    boxes = [[50, 50, 150, 100], [52, 50, 152, 102], [50, 250, 150, 300]]
    image = spots((100, 75), (100, 275))
    people = PeoplePredictor(_predictor(), FixedBoxes(*boxes)).predict(image)
    assert [person.box for person in people] == [tuple(boxes[0]), tuple(boxes[2])]
    # Nothing lets the same box count twice.
    twice = PeoplePredictor(_predictor(), FixedBoxes(*boxes, boxes[0]), nms=1, nms_oks=1).predict(image)
    assert sorted(person.box for person in twice) == sorted(tuple(box) for box in boxes)


def test_alike_poses_are_one_person() -> None:
    # The boxes hardly overlap, but both crops hold nothing but the same spot.
    boxes = [[60, 60, 140, 100], [60, 105, 140, 145], [20, 300, 100, 340]]
    image = spots((100, 102), (60, 320))
    found = PeoplePredictor(_predictor(), FixedBoxes(*boxes)).predict(image)
    assert [person.box for person in found] == [tuple(boxes[0]), tuple(boxes[2])]
    assert len(PeoplePredictor(_predictor(), FixedBoxes(*boxes), nms_oks=1).predict(image)) == 3


NO_PEOPLE = [
    [50, 50, 50, 90], [90, 90, 50, 50], [10, 10, 10.4, 10.4], [-100, 10, -20, 50], [np.nan, 10, 90, 50],
    [10, 10, np.inf, 50], [-1e11, -1e11, 1e11, 1e11],
]


@pytest.mark.filterwarnings('error')
def test_boxes_without_a_person_are_left_out() -> None:
    good = [100, 200, 180, 240]
    predictor = _predictor()
    for boxes in ([], NO_PEOPLE):
        assert PeoplePredictor(predictor, FixedBoxes(*boxes)).predict([spots((9, 9))] * 2) == [[], []]
    assert predictor.network.batches == []
    found = PeoplePredictor(predictor, FixedBoxes(*NO_PEOPLE, good)).predict(spots((140, 220)))
    assert [person.box for person in found] == [tuple(good)]


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
@pytest.mark.parametrize('box', [
    [-40, -30, 60, 40], [-1e6, -1e6, 1e6, 1e6], [299, 399, 301, 401],
])
def test_boxes_partly_outside_huge_or_tiny(crop: str, box: list[float]) -> None:
    people = PeoplePredictor(_predictor(replace(SPEC, crop=crop)), FixedBoxes(box))
    person, = people.predict(spots((150, 200)))
    assert np.isfinite(person.pose.points).all()
    assert person.box == tuple(np.array(box, np.float32).tolist())


def _grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    size = 16, 8
    y, x = np.divmod(np.arange(n), 20)
    corner = np.stack([20 + 40 * y, 20 + 30 * x], axis=1).astype(np.float32)
    return corner, np.hstack([corner - size, corner + size])


def test_a_crowd_goes_through_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crops of all would need too much memory."""
    corner, boxes = _grid(100)
    image = spots(*corner.astype(int).tolist(), shape=(240, 640), sigma=2)
    predictor = _predictor(batchsize=16)
    prepared = 0
    held = []
    prepare = PosePredictor.prepare

    def count(self: PosePredictor, *args: object) -> np.ndarray:
        nonlocal prepared
        prepared += 1
        held.append(prepared - sum(predictor.network.batches))
        return prepare(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PosePredictor, 'prepare', count)
    people = PeoplePredictor(predictor, FixedBoxes(*boxes), nms_oks=1).predict(image)
    assert len(people) == 100
    assert predictor.network.batches == [16] * 6 + [4]
    assert max(held) == 16, 'crops must be cut out when their batch is due'


def test_people_of_several_images_share_batches() -> None:
    _, boxes = _grid(5)
    predictor = _predictor(batchsize=4)
    people = PeoplePredictor(predictor, FixedBoxes(*boxes), nms_oks=1, keep_heatmaps=True)
    images = [spots((20, 20 + 30 * i), shape=(60, 200)) for i in range(3)]
    together = people.predict(images)
    assert predictor.network.batches == [4, 4, 4, 3]
    for image, found in zip(images, together, strict=True):
        for one, other in zip(found, people.predict(image), strict=True):
            assert one.box == other.box
            np.testing.assert_array_equal(one.pose.points, other.pose.points)
            assert one.pose.heatmaps.shape == (16, 32, 32)
    assert people.predict([]) == []


def test_one_picture_or_several_and_results_that_draw_themselves() -> None:
    pixels = np.rint(spots((100, 100), (150, 300))).astype(np.uint8).transpose(1, 2, 0)
    predictor = PeoplePredictor(_predictor(), FixedBoxes((50, 60, 150, 140), (100, 260, 200, 340)))
    people = predictor.predict(pixels[:, :, ::-1], bgr=True)
    assert len(people) == 2
    for person, like in zip(people, predictor.predict([Image.fromarray(pixels)])[0], strict=True):
        np.testing.assert_array_equal(person.points, like.points)
    wrist = people[0].joints['left wrist']
    assert (wrist.y, wrist.x) == tuple(people[0].points[15])
    assert people.to_dict()[0] == people[0].to_dict()
    assert people[0].to_dict()['bbox'] == [60, 50, 80, 100]
    assert people[0].to_dict()['keypoints'][:3] == [0, 0, 0], 'MPII has no nose'
    assert people.draw().size == (400, 300)
    assert Image.open(io.BytesIO(people._repr_jpeg_())).format == 'JPEG'
