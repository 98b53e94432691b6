from __future__ import annotations

from data.synthetic import demo_person
from hourglass.crop import CropBox, Square, person_box, picture_box
from hourglass.follow import LOOKS, Follower
from hourglass.joints import MPII
from hourglass.locate import confidence, has_person, search_squares
from hourglass.predictor import Pose, PosePredictor
from hourglass.spec import ModelSpec
from tests.stand_ins import FixedBoxes, pck

import numpy as np
import pytest

SPEC = ModelSpec(crop='pad')
SHAPE = (480, 640)


def _pose(center: tuple[float, float], length: float, score: float = 0.8) -> Pose:
    """Sixteen joints in a column, one above the other."""
    points = np.stack([center[0] + length * np.linspace(-0.5, 0.5, 16), np.full(16, center[1])], axis=1)
    return Pose(points, np.full(16, score, np.float32), np.zeros((16, 4, 4), np.float32), CropBox(0, 0, 10, 10), MPII,
                np.zeros((3, *SHAPE), np.float32))


def test_the_crop_goes_along_with_the_person_and_settles() -> None:
    follower = Follower(SPEC)
    follower.update(_pose((200, 100), 200), SHAPE)
    assert follower.boxes(SHAPE) == [person_box(Square(200, 100, 270), SHAPE, SPEC)]
    for _ in range(10):
        follower.update(_pose((240, 400), 300), SHAPE)
    box, = follower.boxes(SHAPE)
    assert (box.y0 + box.y1) / 2 == pytest.approx(240, abs=1)
    assert (box.x0 + box.x1) / 2 == pytest.approx(400, abs=1)
    assert box.shape[0] == pytest.approx(405, abs=2)


def test_a_lost_person_is_searched_a_little_in_each_frame() -> None:
    follower = Follower(SPEC)
    follower.update(_pose((200, 500), 200), SHAPE)
    assert len(follower.boxes((720, 1280))) == 1 + LOOKS
    assert len(follower.boxes(SHAPE)) == 1
    follower.update(_pose((200, 500), 200, score=0.1), SHAPE)
    squares = search_squares(SHAPE)
    looked_at = set()
    for _ in range(0, len(squares), LOOKS):
        first, *others = follower.boxes(SHAPE)
        assert first == picture_box(SHAPE, SPEC)
        looked_at.update(others)
    assert looked_at >= {person_box(square, SHAPE, SPEC) for square in squares}


@pytest.mark.parametrize('length', [0.0, 3.0, 1e5])
def test_the_crop_neither_vanishes_nor_bursts(length: float) -> None:
    follower = Follower(SPEC)
    follower.update(_pose((200, 300), length), SHAPE)
    box, = follower.boxes(SHAPE)
    assert 120 <= box.shape[0] <= 960


def test_joints_that_are_hardly_seen_do_not_count() -> None:
    pose = _pose((200, 300), 200)
    pose.points[0] = -5000, 9000
    pose.scores[0] = 0.05
    follower = Follower(SPEC)
    follower.update(pose, SHAPE)
    box, = follower.boxes(SHAPE)
    assert box.shape[0] < 300


def test_a_detector_helps_while_no_person_is_found(bundled: PosePredictor) -> None:
    person = demo_person((240, 240))
    detector = FixedBoxes([100, 600, 300, 700])
    image = np.full((3, 400, 820), 128, np.float32)
    image[:, 80:320, 530:770] = person.image
    without = Follower(bundled.spec).find(bundled, image)
    follower = Follower(bundled.spec)
    pose = follower.find(bundled, image, detector)
    assert has_person(pose, bundled.spec)
    assert confidence(pose) > confidence(without)
    follower.find(bundled, image.transpose(1, 2, 0)[..., ::-1].astype(np.uint8), detector, bgr=True)  # as OpenCV has it
    assert detector.n_calls == 1, 'then the person is followed'


def test_a_person_at_the_side_is_found_and_kept_when_walking(bundled: PosePredictor) -> None:
    person = demo_person((240, 240))
    follower = Follower(bundled.spec)
    # At first the person stands at the side, until found; then walks to the other one.
    for x in [*[20] * 16, *range(40, 580, 25)]:
        image = np.full((3, 400, 820), 128, np.float32)
        image[:, 80:320, x:x + 240] = person.image
        pose, true = follower.find(bundled, image), person.points + np.array([80, x])
        if x == 40:
            assert pck(pose.points, true) >= 0.8
    assert pck(pose.points, true) >= 0.8
    assert pck(bundled.poses([image])[0].points, true) <= 0.5, 'not in the middle of the picture'
