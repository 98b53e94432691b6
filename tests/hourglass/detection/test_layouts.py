"""One model for each layout: a person at (120, 220) to (520, 420) in an input of 640 by 640."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from pathlib import Path
from typing import Any

from hourglass.detection.inputs import letterbox, letterbox_bgr, stretch
from hourglass.detection.layouts import LAYOUTS
from hourglass.detection.yolo import YOLODetector
from hourglass.errors import InputError
from tests.hourglass.detection.onnx_models import v5, v8, write
from tests.refusal import refusal

import numpy as np
import pytest

#: A picture half as high as the input and three quarters as wide.
IMAGE = np.zeros((3, 320, 480), np.float32)
#: (y_min, x_min, y_max, x_max) in the picture: centred in the input; in its corner; stretched to it.
CENTRED, CORNER, STRETCHED = [10.5, 165, 310.5, 315], [90, 165, 390, 315], [60, 165, 260, 315]
PERSON, DOG = (320, 320, 200, 400, .9, {0: .8}), (100, 500, 80, 60, .9, {16: .9})
CORNERS = np.array([220, 120, 420, 520])
COCO = {'names': {i: 'person' if i == 0 else f'class {i}' for i in range(80)}}
ONE = {'names': {0: 'person'}}


def boxes_in_shares(table: np.ndarray, axis: int) -> np.ndarray:
    table = table.copy()
    table.swapaxes(axis, -1)[..., :4] /= 640
    return table


def v6() -> np.ndarray:
    table = v5([(*PERSON[:4], 1, {0: .8}), (*DOG[:4], 1, {16: .9})], n_boxes=8400)
    table[..., 4] = 1
    return table


def nms(length: int = 6, corners: np.ndarray = CORNERS) -> np.ndarray:
    table = np.zeros((1, 300, length), np.float32)
    table[0, 0, :6] = [*corners, .8, 0]
    table[0, 1, :6] = [*(corners / 2), .9, 16]
    table[0, :2, 6:] = 300.5
    return table


def yolox(logits: bool = False) -> np.ndarray:
    """Offsets and logarithms in the cells of strides 8, 16 and 32: the person in column 19 and row 20 of the second."""
    rng = np.random.default_rng(0)
    table = np.zeros((1, 8400, 85))
    table[..., :4] = rng.normal(size=(1, 8400, 4))
    person = table[0, 80 * 80 + 20 * 40 + 19]
    person[:6] = [1, 0, log(200 / 16), log(400 / 16), .9, .8]
    if logits:
        scores = np.clip(table[..., 4:], 1e-4, 1 - 1e-4)
        table[..., 4:] = np.log(scores / (1 - scores))
    return table.astype(np.float32)


def detr(n_classes: int = 80) -> np.ndarray:
    table = np.full((1, 300, 4 + n_classes), .01, np.float32)
    table[0, 7, :5] = [.5, .5, 200 / 640, 400 / 640, .8]
    if n_classes > 1:
        table[0, 8, [0, 1, 2, 3, 4, 6]] = [.2, .2, .1, .1, .3, .9]
    return table


def detr_labelled() -> np.ndarray:
    """Middles, sides, score and class: 300 queries as they are, and never zeros behind."""
    table = np.zeros((1, 300, 6), np.float32)
    rng = np.random.default_rng(0)
    table[..., :2], table[..., 2:4] = rng.random((300, 2)), rng.random((300, 2)) / 5
    table[..., 4:] = .03, 3
    table[0, 0] = [.5, .5, 200 / 640, 400 / 640, .8, 0]
    return table


def detr_outputs() -> dict[str, np.ndarray]:
    labels, scores, boxes = np.full((1, 300), 16), np.full((1, 300), .03), np.full((1, 300, 4), .5)
    labels[0, :2], scores[0, :2], boxes[0, 0] = [0, 16], [.8, .9], CORNERS / 640
    return {'labels': labels.astype(np.int64), 'boxes': boxes, 'scores': scores}


def transformers() -> dict[str, np.ndarray]:
    table = detr()
    return {'logits': np.log(table[..., 4:] / (1 - table[..., 4:])), 'pred_boxes': table[..., :4]}


Outputs = list[np.ndarray] | Mapping[str, np.ndarray]
MASKS = np.zeros((1, 32, 16, 16), np.float32)
SEVENS = np.array([[0, *CORNERS, 0, .8], [0, *(CORNERS / 2), 16, .9]], np.float32)
CASES: dict[str, tuple[Callable[[], Outputs], dict[str, Any], list[float]]] = {
    'YOLOv5': (lambda: [v5([PERSON, DOG], n_boxes=25200)], {}, CENTRED),
    'YOLOv5 in shares': (lambda: [boxes_in_shares(v5([PERSON, DOG], n_boxes=25200), 2)], {}, CENTRED),
    'YOLOv6': (lambda: [v6()], {}, CENTRED),
    'YOLOv7, NMS inside': (lambda: [SEVENS], {}, CENTRED),
    'YOLOv7, NMS inside, one person': (lambda: [SEVENS[:1]], COCO, CENTRED),
    'YOLOv8': (lambda: [v8([PERSON, DOG], n_boxes=8400)], COCO, CENTRED),
    'YOLOv8 in shares': (lambda: [boxes_in_shares(v8([PERSON, DOG], n_boxes=8400), 1)], COCO, CENTRED),
    'YOLOv8 turned': (lambda: [v8([PERSON, DOG], n_boxes=8400).transpose(0, 2, 1)], {}, CENTRED),
    'YOLOv10': (lambda: [nms()], {}, CENTRED),
    'nms=True': (lambda: [nms()[:, :1]], ONE | {'args': {'nms': True}, 'end2end': False}, CENTRED),
    'nms=True in shares': (lambda: [nms(corners=CORNERS / 640)], COCO, CENTRED),
    'YOLO26': (lambda: [nms()], COCO | {'end2end': True}, CENTRED),
    'YOLO26, masks': (lambda: [nms(38), MASKS], COCO | {'end2end': True}, CENTRED),
    'YOLO26, key points': (lambda: [nms(57)[:, :1]], ONE | {'end2end': True}, CENTRED),
    'YOLO26, other key points': (lambda: [nms(6 + 26)[:, :1]], ONE | {'kpt_shape': [13, 2]}, CENTRED),
    'YOLOX': (lambda: [yolox()], {}, CORNER),
    'YOLOX without sigmoid': (lambda: [yolox(logits=True)], {}, CORNER),
    'YOLOX decoded': (lambda: [v5([PERSON, DOG], n_boxes=8400)], {}, CORNER),
    'RT-DETR': (lambda: [detr()], COCO, STRETCHED),
    'RT-DETR without names': (lambda: [detr()], {}, STRETCHED),
    'RT-DETR for people': (lambda: [detr(1)], ONE, STRETCHED),
    'RT-DETR, labels': (lambda: [detr_labelled()], {}, STRETCHED),
    'RT-DETR, labels and names': (lambda: [detr_labelled()], COCO | {'head': 'RTDETRDecoder'}, STRETCHED),
    'RT-DETR, one query': (lambda: [detr_labelled()[:, :1]], ONE, STRETCHED),
    'RT-DETR with sizes': (detr_outputs, {}, STRETCHED),
    'RT-DETR of Transformers': (transformers, {}, STRETCHED),
}


def write_case(folder: Path, outputs: Outputs, metadata: dict[str, Any]) -> Path:
    has_sizes = isinstance(outputs, dict) and 'labels' in outputs
    return write(folder / 'a.onnx', outputs, metadata, (1, 3, 640, 640), has_sizes=has_sizes)


def test_every_layout_finds_the_person(tmp_path: Path) -> None:
    layouts = set()
    for case, (make, metadata, expected) in CASES.items():
        detector = YOLODetector(write_case(tmp_path, make(), metadata))
        layouts.add(detector.layout)
        (boxes, scores), = detector.detect([IMAGE])
        np.testing.assert_allclose(boxes, [expected], atol=.01, err_msg=case)
        has_objectness = case.startswith(('YOLOv5', 'YOLOX'))
        np.testing.assert_allclose(scores, [.72 if has_objectness else .8], atol=1e-3, err_msg=case)
    assert layouts == set(LAYOUTS), 'each has a case'


def test_a_picture_without_people(tmp_path: Path) -> None:
    for table in (nms() * 0, nms()[:, :0], nms(57) * 0, np.zeros((0, 7), np.float32)):
        (boxes, scores), = YOLODetector(write_case(tmp_path, [table], ONE)).detect([IMAGE])
        assert boxes.shape == (0, 4)
        assert scores.shape == (0,)


def test_the_metadata_decide_where_two_layouts_fit(tmp_path: Path) -> None:
    table = np.zeros((1, 300, 6), np.float32)
    table[0, 0] = [.25, .25, .5, .75, .9, 0]
    names: dict[str, Any] = {'names': ['person', 'dog']}
    expected = {'RT-DETR': ({'description': 'Ultralytics rtdetr-l model'}, [-40, 0, 200, 240]),
                'nms': ({'args': {'nms': True}}, [160 * .75 - 79.5, 120, 480 * .75 - 79.5, 240])}
    for metadata, box in expected.values():
        (boxes, _), = YOLODetector(write_case(tmp_path, [table], names | metadata)).detect([IMAGE])
        np.testing.assert_allclose(boxes, [box], atol=.01)
    with pytest.raises(InputError, match=r'output0 \(1, 300, 6\) is neither YOLOv5'):
        YOLODetector(write_case(tmp_path, [table], names))


@pytest.mark.parametrize(('outputs', 'shapes'), [
    ({'dets': np.zeros((1, 100, 5)), 'labels': np.zeros((1, 100), np.int64)}, 'dets (1, 100, 5), labels (1, 100)'),
    ({'boxes': np.zeros((1, 8400, 4)), 'scores': np.zeros((1, 8400, 80))}, 'boxes (1, 8400, 4), scores (1, 8400, 80)'),
    ({'rotated': nms(7)}, 'rotated (1, 300, 7)'),
    ({'no_classes': nms() + .5}, 'no_classes (1, 300, 6)'),
])
def test_other_outputs_are_refused(tmp_path: Path, outputs: dict[str, np.ndarray], shapes: str) -> None:
    path = write(tmp_path / 'a.onnx', outputs, {}, (1, 3, 640, 640))
    assert f'{shapes} is neither YOLOv5' in refusal(YOLODetector, path)


@pytest.mark.parametrize(('shape', 'rows', 'columns'), [((7, 300), (31, 33), (0, 96)), ((200, 100), (0, 64), (32, 64)),
                                                        ((1, 1), (0, 64), (16, 80))])
def test_yolo_takes_the_picture_in_the_middle_of_grey(
    shape: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int],
) -> None:
    frame = letterbox(np.full((3, *shape), 51, np.float32), (64, 96))
    expected = np.full((1, 3, 64, 96), 114 / 255)
    expected[..., slice(*rows), slice(*columns)] = .2
    np.testing.assert_allclose(frame.pixels, expected, rtol=1e-5)
    np.testing.assert_allclose(frame.corner, [rows[0], columns[0]])


def test_yolox_takes_bgr_in_the_corner() -> None:
    image = np.zeros((3, 20, 40), np.float32)
    image[0], image[2] = 200, 50
    frame = letterbox_bgr(image, (64, 64))
    np.testing.assert_allclose(frame.pixels[0, :, 0, 0], [50, 0, 200])
    np.testing.assert_allclose(frame.pixels[0, :, 33, 0], 114)
    np.testing.assert_allclose(frame.to_image(np.array([[16, 16, 32, 64]])), [[10, 10, 20, 40]])


def test_rt_detr_takes_the_whole_picture_stretched() -> None:
    image = np.zeros((3, 20, 40), np.float32)
    image[0], image[2] = 255, 51
    frame = stretch(image, (60, 80))
    assert frame.pixels.shape == (1, 3, 60, 80)
    np.testing.assert_allclose(frame.pixels.reshape(3, -1).T, np.tile([1, 0, .2], (4800, 1)), atol=1e-6)
    np.testing.assert_allclose(frame.to_image(np.array([[30, 40, 60, 80]])), [[10, 20, 20, 40]])
