from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data.synthetic import demo_people
from hourglass.crop import Box, CropBox
from hourglass.detection import Detector, load_detector
from hourglass.image import read_image
from hourglass.joints import COCO, MPII, JointSet
from hourglass.people import PeoplePredictor
from hourglass.predictor import PosePredictor
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import Torch7Transform

import chainer
import chainer.functions as F
import numpy as np
import pytest
from PIL import Image

SHAPE = 300, 400
SPEC = ModelSpec(input_size=(128, 128))


class _Boxes(Detector):
    """A detector that finds the same boxes in every image."""

    def __init__(self, boxes: Sequence[Sequence[float]], scores: Sequence[float] | None = None) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)
        self.scores = np.linspace(.99, .9, len(boxes), dtype=np.float32) if scores is None else np.array(scores, 'f')

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self.boxes, self.scores)] * len(images)


class _Brightness(chainer.Link):
    """In place of a network: every joint is where the crop is bright."""

    batches: list[int]

    def forward(self, x: np.ndarray) -> tuple[chainer.Variable, ...]:
        self.batches.append(len(x))
        return (F.repeat(F.average_pooling_2d(x[:, :1], 4), 16, axis=1),)


def _predictor(spec: ModelSpec = SPEC, batchsize: int = 16) -> PosePredictor:
    network = _Brightness()
    network.batches = []
    return PosePredictor(network, spec, batchsize=batchsize)


def _spots(*places: tuple[int, int], shape: tuple[int, int] = SHAPE, sigma: float = 5) -> np.ndarray:
    rows, columns = np.ogrid[:shape[0], :shape[1]]
    image = np.zeros((3, *shape), np.float32)
    for y, x in places:
        image += 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma ** 2)).astype(np.float32)
    return image


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
@pytest.mark.parametrize('decoding', ['argmax', 'quarter-offset', 'dark', 'torch7'])
def test_everybody_is_found_where_they_are_whatever_the_weights_ask_for(crop: str, decoding: str) -> None:
    places = [(90, 60), (200, 300), (60, 360)]
    boxes = [[y - 50, x - 30, y + 50, x + 30] for y, x in places]
    people = PeoplePredictor(_predictor(ModelSpec(input_size=(128, 128), crop=crop, decoding=decoding)), _Boxes(boxes))
    for found in people.predict([_spots(*places), _spots(*places, shape=(260, 420))]):
        assert len(found) == 3
        for place, box, person in zip(places, boxes, found, strict=True):
            # A cell is four pixels.
            assert abs(person.pose.points - place).max() <= 5
            assert person.box == tuple(box)
            assert person.pose.heatmaps.shape == (16, 0, 0)
            assert isinstance(person.pose.box, Torch7Transform if crop == 'torch7' else CropBox)


def test_each_person_is_cut_out_by_the_rule_of_the_weights() -> None:
    boxes = [[50, 120, 150, 180], [120, 100, 180, 200]]
    image = _spots((100, 150), (150, 150))

    def seen(spec: ModelSpec) -> list[Box]:
        people = PeoplePredictor(_predictor(spec), _Boxes(boxes), nms=1, nms_oks=1)
        return [person.pose.box for person in people.predict_one(image)]

    # Boxes 100 and 60 high: centres 7.5 and 4.5 lower, sides 125 and 75.
    assert seen(SPEC) == [CropBox(45, 87, 170, 212), CropBox(117, 112, 192, 187)]
    longer = replace(SPEC, crop_length='longer', crop_shift=0.0)
    assert seen(longer) == [CropBox(37, 87, 162, 212), CropBox(87, 87, 212, 212)]


def test_scores_order_and_limit() -> None:
    places = [(60, 60), (60, 200), (60, 340)]
    boxes = [[y - 40, x - 20, y + 40, x + 20] for y, x in places]
    image = _spots(*places)
    image[:, :, 120:280] *= .5
    people = PeoplePredictor(_predictor(), _Boxes(boxes, [.6, .95, .9])).predict_one(image)
    assert [person.box_score for person in people] == pytest.approx([.9, .6, .95], abs=1e-6)
    for person in people:
        assert person.score == pytest.approx(person.box_score * person.pose.scores.mean(), rel=1e-6)
    limited = PeoplePredictor(_predictor(), _Boxes(boxes, [.6, .95, .9]), max_people=2).predict_one(image)
    assert {person.box_score for person in limited} == {np.float32(.95), np.float32(.9)}


@pytest.mark.parametrize(('arguments', 'expected'), [
    ({}, 2), ({'score_threshold': .55}, 1), ({'score_threshold': .1}, 3), ({'score_threshold': 0}, 3),
])
def test_the_threshold(arguments: dict, expected: int) -> None:
    detector = _Boxes([[0, 0, 90, 50], [0, 100, 90, 150], [100, 200, 190, 250]], [.6, .52, .2])
    image = _spots((50, 25), (50, 125), (150, 225))
    assert len(PeoplePredictor(_predictor(), detector, **arguments).predict_one(image)) == expected
    detector.score_threshold = .55
    expected = 1 if not arguments else expected
    assert len(PeoplePredictor(_predictor(), detector, **arguments).predict_one(image)) == expected


def test_overlapping_boxes_are_one_person() -> None:
    boxes = [[50, 50, 150, 100], [52, 50, 152, 102], [50, 250, 150, 300]]
    image = _spots((100, 75), (100, 275))
    people = PeoplePredictor(_predictor(), _Boxes(boxes)).predict_one(image)
    assert [person.box for person in people] == [tuple(boxes[0]), tuple(boxes[2])]
    # Nothing lets the same box count twice.
    twice = PeoplePredictor(_predictor(), _Boxes([*boxes, boxes[0]]), nms=1, nms_oks=1).predict_one(image)
    assert sorted(person.box for person in twice) == sorted(tuple(box) for box in boxes)


def test_alike_poses_are_one_person() -> None:
    # The boxes hardly overlap, but both crops hold nothing but the same spot.
    boxes = [[60, 60, 140, 100], [60, 105, 140, 145], [20, 300, 100, 340]]
    image = _spots((100, 102), (60, 320))
    found = PeoplePredictor(_predictor(), _Boxes(boxes)).predict_one(image)
    assert [person.box for person in found] == [tuple(boxes[0]), tuple(boxes[2])]
    assert len(PeoplePredictor(_predictor(), _Boxes(boxes), nms_oks=1).predict_one(image)) == 3


NOBODY = [
    [], [[50, 50, 50, 90]], [[50, 50, 90, 50]], [[90, 90, 50, 50]], [[90, 50, 50, 90]], [[10, 10, 10.4, 10.4]],
    [[-100, 10, -20, 50]], [[310, 10, 390, 50]], [[10, 401, 90, 440]], [[np.nan, 10, 90, 50]], [[10, 10, np.inf, 50]],
    [[-1e11, -1e11, 1e11, 1e11]], [[10, 10, 1e30, 50]], [[-1e7, 10, 90, 50]],
]


@pytest.mark.parametrize('boxes', NOBODY)
@pytest.mark.filterwarnings('error')
def test_boxes_that_hold_nobody(boxes: list) -> None:
    good = [100, 200, 180, 240]
    predictor = _predictor()
    assert PeoplePredictor(predictor, _Boxes(boxes)).predict([_spots((9, 9))] * 2) == [[], []]
    assert predictor.network.batches == []
    found = PeoplePredictor(predictor, _Boxes([*boxes, good])).predict_one(_spots((140, 220)))
    assert [person.box for person in found] == [tuple(good)]


@pytest.mark.parametrize('crop', ['clip', 'pad', 'torch7'])
@pytest.mark.parametrize('box', [
    [-40, -30, 60, 40], [250, 350, 350, 450], [-1000, -1000, 2000, 2000], [-1e6, -1e6, 1e6, 1e6], [0, 0, 300, 400],
    [299, 399, 301, 401], [10, 10, 12, 11], [100, 0, 101, 400], [0, 100, 300, 101], [298.9, 20, 310, 30],
])
def test_boxes_partly_outside_huge_or_tiny(crop: str, box: list[float]) -> None:
    predictor = _predictor(ModelSpec(input_size=(128, 128), crop=crop))
    person, = PeoplePredictor(predictor, _Boxes([box])).predict_one(_spots((150, 200)))
    assert np.isfinite(person.pose.points).all()
    assert person.box == tuple(np.array(box, np.float32).tolist())


def test_a_picture_of_one_pixel() -> None:
    person, = PeoplePredictor(_predictor(), _Boxes([[-3, -3, 4, 4]])).predict_one(np.full((3, 1, 1), 255, np.float32))
    assert np.isfinite(person.pose.points).all()


def _grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    size = 16, 8
    y, x = np.divmod(np.arange(n), 20)
    corner = np.stack([20 + 40 * y, 20 + 30 * x], axis=1).astype(np.float32)
    return corner, np.hstack([corner - size, corner + size])


def test_a_crowd_goes_through_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    corner, boxes = _grid(200)
    image = _spots(*corner.astype(int).tolist(), shape=(440, 640), sigma=2)
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
    people = PeoplePredictor(predictor, _Boxes(boxes), nms_oks=1).predict_one(image)
    assert len(people) == 200
    assert predictor.network.batches == [16] * 12 + [8]
    assert max(held) == 16, 'crops must be cut out when their batch is due'
    assert sum(person.pose.heatmaps.size for person in people) == 0


def test_people_of_several_images_share_batches() -> None:
    _, boxes = _grid(5)
    predictor = _predictor(batchsize=4)
    people = PeoplePredictor(predictor, _Boxes(boxes), nms_oks=1)
    images = [_spots((20, 20 + 30 * i), shape=(60, 200)) for i in range(3)]
    together = people.predict(images)
    assert predictor.network.batches == [4, 4, 4, 3]
    for image, found in zip(images, together, strict=True):
        alone = people.predict_one(image)
        assert [person.box for person in found] == [person.box for person in alone]
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(one.pose.points, other.pose.points)
    assert people.predict([]) == []


def test_heatmaps_are_kept_if_wanted() -> None:
    people = PeoplePredictor(_predictor(), _Boxes([[50, 50, 150, 100]]), keep_heatmaps=True)
    assert people.predict_one(_spots((100, 75)))[0].pose.heatmaps.shape == (16, 32, 32)


def test_the_bundled_weights_find_the_joints_of_the_drawn_people() -> None:
    image, annotations = demo_people()
    people = PeoplePredictor(PosePredictor.load('bundled', flip=True), load_detector('hog'))
    found = sorted(people.predict_one(image.astype(np.float32)), key=lambda person: person.box[1])
    assert len(found) == 4
    correct = []
    for person, true in zip(found, annotations, strict=True):
        torso = np.linalg.norm(true.points[MPII.index('left shoulder')] - true.points[MPII.index('right hip')])
        for joint, point in zip(MPII.joints, person.pose.points[:len(MPII)], strict=True):
            correct.append(np.linalg.norm(point - true.points[MPII.index(joint)]) < .2 * torso)
    assert np.mean(correct) > .85


def test_the_people_of_coco(shared: Callable[[str], Path]) -> None:
    detector = load_detector(f'boxes:{shared("coco/test_coco_det_AP_H_56.json")}')
    people = PeoplePredictor(PosePredictor.load('bundled'), detector)
    annotated = json.loads(shared('coco/test_coco.json').read_text())['annotations']
    path = shared('coco/000000197388.jpg')
    found = people.predict_one(read_image(path), path.name)
    true = [np.array(entry['keypoints']).reshape(17, 3) for entry in annotated if entry['image_id'] == 197388]
    assert len(true) <= len(found) <= len(true) + 1

    def middle(points: np.ndarray, joint_set: JointSet, joint: str) -> np.ndarray:
        return points[[joint_set.index(f'{side} {joint}') for side in ('left', 'right')]].mean(axis=0)

    whole = [joints for joints in true if (joints[5:, 2] > 0).all()]
    assert len(whole) >= 2
    for joints in whole:
        errors = [np.mean([np.linalg.norm(middle(person.pose.points, MPII, joint)
                                          - middle(joints[:, 1::-1], COCO, joint))
                           for joint in ('shoulder', 'hip')]) / np.ptp(joints[:, 1]) for person in found]
        assert min(errors) < .1, errors


def test_pictures_of_every_kind_and_results_that_draw_themselves(tmp_path: Path) -> None:
    image = _spots((100, 100), (150, 300))
    pixels = np.rint(image).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    predictor = PeoplePredictor(_predictor(), _Boxes([(50, 60, 150, 140), (100, 260, 200, 340)]))
    expected, = predictor.predict([pixels.transpose(2, 0, 1).astype(np.float32)])
    for people in (predictor.predict(tmp_path / 'a.png'), predictor.predict_one(pixels),
                   predictor.predict(pixels[:, :, ::-1], bgr=True), *predictor.predict([Image.fromarray(pixels)])):
        assert len(people) == 2
        for person, like in zip(people, expected, strict=True):
            np.testing.assert_array_equal(person.points, like.points)
    wrist = people[0].joints['left wrist']
    assert (wrist.y, wrist.x) == tuple(people[0].points[15])
    assert people.to_dict()[0] == people[0].to_dict()
    assert people[0].to_dict()['bbox'] == [60, 50, 80, 100]
    assert people.draw().size == (400, 300)
    assert Image.open(io.BytesIO(people._repr_png_())).format == 'PNG'
