from __future__ import annotations

from pathlib import Path
from typing import Any

from hourglass.detection import load_detector, onnx_file
from hourglass.detection.yolo import YOLODetector
from hourglass.errors import InputError
from tests.hourglass.detection.onnx_models import SIZE, v5, v8, write
from tests.refusal import refusal

import numpy as np
import onnx
import pytest
from onnx import TensorProto

#: An image that is twice as large in the network's frame of 64 by 96 pixels, with 16 columns of grey on each side.
IMAGE = np.zeros((3, 32, 32), np.float32)
COCO = {i: 'person' if i == 0 else f'class {i}' for i in range(80)}


def detect(path: Path) -> tuple[np.ndarray, np.ndarray]:
    (boxes, scores), = YOLODetector(path).detect([IMAGE])
    assert boxes.dtype == scores.dtype == np.float32
    assert boxes.shape == (len(scores), 4)
    return boxes, scores


# A person of 20 by 40 frame pixels in the frame's middle; the same once more, a little aside and worse; a dog; a chair
# that looks somewhat like a person; a person hardly seen.
BOXES = [(48, 32, 20, 40, .9, {0: .8}), (49, 32, 20, 40, .8, {0: .7}), (70, 40, 16, 16, .9, {16: .9}),
         (30, 40, 10, 20, .9, {0: .4, 56: .6}), (70, 20, 10, 20, .1, {0: .1})]
PERSON = [6, 11, 26, 21]


def test_the_shape_of_the_output_decides_the_family(tmp_path: Path) -> None:
    boxes, scores = detect(write(tmp_path / '5.onnx', [v5(BOXES)]))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)
    np.testing.assert_allclose(scores, [.72], atol=1e-4)
    weaker = [*BOXES[:4], (70, 20, 10, 20, 1, {0: .04})]
    boxes, scores = detect(write(tmp_path / '8.onnx', [v8(weaker)]))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)
    np.testing.assert_allclose(scores, [.8], atol=1e-4)


def test_half_precision(tmp_path: Path) -> None:
    boxes, _ = detect(write(tmp_path / 'a.onnx', [v8(BOXES[:4])], dtype=TensorProto.FLOAT16))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-2)


@pytest.mark.parametrize(('n_classes', 'person'), [(80, 0), (20, 14)])
def test_without_names_the_number_of_classes_decides(tmp_path: Path, n_classes: int, person: int) -> None:
    table = v8([(48, 32, 20, 40, 1, {person: .8}), (20, 32, 20, 40, 1, {person + 1: .9})], n_classes)
    boxes, scores = detect(write(tmp_path / 'a.onnx', [table]))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)
    np.testing.assert_allclose(scores, [.8], atol=1e-4)


def test_numbers_after_the_classes_are_no_classes(tmp_path: Path) -> None:
    table = v8([(48, 32, 20, 40, 1, {0: .8, 2: 50., 3: -7.})], 34)
    boxes, _ = detect(write(tmp_path / 'a.onnx', [table], {'names': {0: 'person', 1: 'dog'}}))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)


@pytest.mark.parametrize(('metadata', 'expected'), [
    ({'imgsz': [64, 96]}, (64, 96)), (None, (640, 640)), ({'imgsz': '__import__("os")'}, (640, 640)),
])
def test_a_free_input_has_the_size_that_the_file_states(
    tmp_path: Path, metadata: Any, expected: tuple[int, int],
) -> None:
    path = write(tmp_path / 'a.onnx', [v8(BOXES)], metadata, ('batch', 3, 'height', 'width'))
    detector = YOLODetector(path)
    assert detector.input_size == expected
    assert len(detector.detect([IMAGE])[0][0]) == 2


def test_values_that_are_not_finite_are_no_boxes(tmp_path: Path) -> None:
    table = v8([(48, 32, 20, 40, 1, {0: .8}), (20, 32, np.nan, 40, 1, {0: .9}), (20, np.inf, 3, 40, 1, {0: .9})])
    boxes, _ = detect(write(tmp_path / 'a.onnx', [table]))
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)


@pytest.mark.parametrize(('tables', 'metadata', 'shape', 'reason'), [
    ([v8([], 2)], {'names': COCO}, (1, 3, *SIZE), 'its output output0 (1, 6, 126) is neither'),
    ([np.zeros((1, 85), 'f')], None, (1, 3, *SIZE), 'its output output0 (1, 85) is neither'),
    ([v8([])], None, (1, 1, *SIZE), 'is not one picture in RGB'),
    ([v8([])], None, (1, 3, 100000, 96), 'is not a picture'),
])
def test_a_network_of_another_kind_is_refused(
    tmp_path: Path, tables: list[np.ndarray], metadata: Any, shape: tuple, reason: str,
) -> None:
    path = write(tmp_path / 'a.onnx', tables, metadata, shape)
    assert reason in refusal(detect, path)


@pytest.mark.parametrize('content', [None, b'', b'no network\n' * 50])
def test_what_is_no_onnx_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'a.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f'^{path}: '):
        load_detector(f'onnx:{path}')


def with_weights_beside(path: Path, location: str = 'a.onnx.data') -> Path:
    """Move the weights of a model into a file beside it, and let it name a location for them."""
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location='a.onnx.data', size_threshold=1)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == 'location').value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_a_file_beside(tmp_path: Path) -> None:
    path = with_weights_beside(write(tmp_path / 'a.onnx', [v8(BOXES[:4])]))
    assert path.stat().st_size < (tmp_path / 'a.onnx.data').stat().st_size
    boxes, _ = detect(path)
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)


@pytest.mark.parametrize('location', ['../a.onnx.data', '{folder}/a.onnx.data', '', 'b.data', 'short.data'])
def test_weights_that_are_elsewhere_or_missing_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / 'models'
    folder.mkdir()
    (folder / 'short.data').write_bytes(b'1234')
    path = with_weights_beside(write(folder / 'a.onnx', [v8(BOXES)]), location.format(folder=folder))
    (tmp_path / 'a.onnx.data').write_bytes((folder / 'a.onnx.data').read_bytes())
    with pytest.raises(InputError, match='the files with its weights cannot be read'):
        detect(path)


def test_weights_that_share_a_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_weights_beside(write(tmp_path / 'a.onnx', [v8(BOXES)]))
    monkeypatch.setattr(onnx_file, 'MAX_BYTES', (tmp_path / 'a.onnx.data').stat().st_size - 100)
    with pytest.raises(InputError, match=r'cannot be read \(more than'):
        detect(path)


NAMES = {'names': ['dog', 'Person', 'players']}


@pytest.mark.parametrize(('names', 'chosen', 'expected'), [
    (NAMES, None, [1]), (NAMES, 'person', [1]), (NAMES, 'Players', [2]), (NAMES, '0', [0]),
    (None, '2', [2]), ({'names': ['People', 'car', 'pedestrian']}, None, [0, 2]),
    ({'names': {'0': 'dog', '1': 'people', '2': 'cat'}}, None, [1]),
])
def test_the_class_of_people_is_chosen_by_name_or_number(
    tmp_path: Path, names: Any, chosen: str | None, expected: list[int],
) -> None:
    table = v8([(20 + 20 * i, 32, 10, 20, 1, {i: .5 + i / 10}) for i in range(3)], 3)
    path = write(tmp_path / 'a.onnx', [table], names)
    (_, scores), = YOLODetector(path, person_class=chosen).detect([IMAGE])
    np.testing.assert_allclose(sorted(scores), [.5 + i / 10 for i in expected])


@pytest.mark.parametrize(('names', 'chosen', 'reason'), [
    (NAMES, 'cat', r"no class 'cat' of 3 classes \(dog, Person, players\)"), (NAMES, '3', "no class '3' of 3 classes"),
    (None, 'person', "no class 'person' of 3 classes"), (NAMES, '²', "no class '²'"),
    ({'names': ['a', 'b', 'c']}, None, "no class 'person' of 3 classes"), (None, None, '--detector-class chooses one'),
])
def test_a_class_that_is_not_there(tmp_path: Path, names: Any, chosen: str | None, reason: str) -> None:
    path = write(tmp_path / 'a.onnx', [v8([], 3)], names)
    with pytest.raises(InputError, match=reason):
        YOLODetector(path, person_class=chosen)


def test_without_names_the_first_class_is_people_and_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    table = np.zeros((1, 300, 6), np.float32)
    table[0, :2] = [[10, 20, 30, 40, .9, 0], [50, 20, 60, 40, .8, 3]]
    path = write(tmp_path / 'a.onnx', [table])
    for chosen, score in ((None, .9), ('3', .8)):
        (_, scores), = YOLODetector(path, person_class=chosen).detect([IMAGE])
        np.testing.assert_allclose(scores, [score])
        assert ('class 0 is people' in capsys.readouterr().err) == (chosen is None)
