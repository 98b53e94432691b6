from hourglass.box_codec import CHANNELS, decode_boxes, encode_boxes
from hourglass.boxes import box_iou

import numpy as np

NONE = np.zeros((0, 4))


def test_what_is_encoded_is_decoded() -> None:
    boxes = np.array([[10., 21, 91, 60], [101, 100, 142, 119], [31, 150, 200, 223], [129, 5, 146, 14]])
    targets = encode_boxes(boxes, NONE, (64, 64))
    assert targets.maps.shape == (len(CHANNELS), 64, 64)
    assert targets.weights.shape == (2, 64, 64)
    found, scores = decode_boxes(targets.maps, 0.5)
    assert len(found) == 4
    overlap = box_iou(found, boxes)
    assert (overlap.max(axis=1) > 0.9).all()
    assert sorted(overlap.argmax(axis=1)) == [0, 1, 2, 3]
    assert (np.diff(scores) <= 0).all()


def test_a_place_that_is_ignored_is_not_trained_unless_a_person_is_there() -> None:
    person, crowd = np.array([[40., 40, 80, 60]]), np.array([[0., 0, 128, 64]])
    weights = encode_boxes(person, crowd, (64, 64)).weights
    assert weights[0, 2, 2] == 0
    assert weights[0, 15, 12] > 1
    assert weights[0, 40, 40] == 1
    assert weights[1, 40, 40] == 0
    np.testing.assert_allclose(weights[1].sum(), 1, rtol=1e-5)


def test_edges_are_right_beside_the_middle() -> None:
    box = np.array([[40., 40, 120, 80]])
    maps = encode_boxes(box, NONE, (64, 64)).maps
    # The peak is a cell too low and a cell too far to the right.
    maps[0] = np.roll(maps[0], (1, 1), (0, 1))
    found, _ = decode_boxes(maps, 0.5)
    assert box_iou(found, box)[0, 0] > 0.95
