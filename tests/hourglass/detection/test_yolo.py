from __future__ import annotations

from pathlib import Path
from typing import Any

from hourglass.detection import load_detector, onnx_file
from hourglass.detection.frames import letterbox
from hourglass.detection.yolo import RUNNERS, YOLODetector
from hourglass.errors import InputError
from tests.hourglass.detection.onnx_models import SIZE, v5, v8, write

import numpy as np
import onnx
import pytest
from onnx import TensorProto

#: An image that is twice as large in the network's frame of 64 by 96 pixels, with 16 columns of grey on each side.
IMAGE = np.zeros((3, 32, 32), np.float32)
COCO = {i: 'person' if i == 0 else f'class {i}' for i in range(80)}


@pytest.fixture(params=list(RUNNERS))
def runner(request: pytest.FixtureRequest) -> str:
    if request.param == 'onnxruntime':
        pytest.importorskip('onnxruntime')
    return request.param


def detect(path: Path, runner: str | None = None, image: np.ndarray = IMAGE) -> tuple[np.ndarray, np.ndarray]:
    (boxes, scores), = YOLODetector(path, runner=runner).detect([image])
    assert boxes.dtype == scores.dtype == np.float32
    assert boxes.shape == (len(scores), 4)
    return boxes, scores


# A person of 20 by 40 frame pixels in the frame's middle; the same once more, a little aside and worse; a dog; a chair
# that looks somewhat like a person; a person hardly seen.
BOXES = [(48, 32, 20, 40, .9, {0: .8}), (49, 32, 20, 40, .8, {0: .7}), (70, 40, 16, 16, .9, {16: .9}),
         (30, 40, 10, 20, .9, {0: .4, 56: .6}), (70, 20, 10, 20, .1, {0: .1})]
PERSON = [6, 11, 26, 21]


def test_the_shape_of_the_output_decides_the_family(tmp_path: Path, runner: str) -> None:
    boxes, scores = detect(write(tmp_path / '5.onnx', [v5(BOXES)]), runner)
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)
    np.testing.assert_allclose(scores, [.72], atol=1e-4)
    weaker = [*BOXES[:4], (70, 20, 10, 20, 1, {0: .04})]
    boxes, scores = detect(write(tmp_path / '8.onnx', [v8(weaker)]), runner)
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)
    np.testing.assert_allclose(scores, [.8], atol=1e-4)


def test_half_precision(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    path = write(tmp_path / 'a.onnx', [v8(BOXES[:4])], dtype=TensorProto.FLOAT16)
    boxes, _ = detect(path, 'onnxruntime')
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


@pytest.mark.parametrize('shape', [(32, 32), (7, 300), (200, 100), (1, 1), (64, 96)])
def test_the_frame_holds_the_whole_image_undistorted(shape: tuple[int, int]) -> None:
    image = np.full((3, *shape), 255, np.float32)
    image[1], image[2] = 0, 51
    letterboxed = letterbox(image, SIZE)
    frame, corner, scale = letterboxed.pixels, letterboxed.corner, letterboxed.scale[0]
    assert frame.shape == (1, 3, *SIZE)
    inside = (frame[0, 0] > .999) & (frame[0, 1] == 0)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (rows[0], columns[0]) == tuple(corner)
    for length, there, full in zip(shape, (len(rows), len(columns)), SIZE, strict=True):
        assert abs(there - length * scale) <= 1
        assert there <= full
    assert max(len(rows) / SIZE[0], len(columns) / SIZE[1]) == 1
    np.testing.assert_allclose(frame[0, 2, rows[0], columns[0]], .2, rtol=1e-5)
    np.testing.assert_allclose(frame[0, :, ~inside], 114 / 255)


@pytest.mark.parametrize(('tables', 'metadata', 'shape', 'reason'), [
    ([v8([], 2)], {'names': COCO}, (1, 3, *SIZE), 'scores for 2 classes'),
    ([np.zeros((1, 85), 'f')], None, (1, 3, *SIZE), 'its output output0 (1, 85) is neither'),
    ([v8([])], None, (1, 1, *SIZE), 'is not one picture in RGB'),
    ([v8([])], None, (4, 3, *SIZE), 'is not one picture in RGB'),
    ([v8([])], None, (1, 3, 100000, 96), 'is not a picture'),
])
def test_a_network_of_another_kind_is_refused(
    tmp_path: Path, tables: list[np.ndarray], metadata: Any, shape: tuple, reason: str,
) -> None:
    path = write(tmp_path / 'a.onnx', tables, metadata, shape)
    with pytest.raises(InputError) as caught:
        detect(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(('content', 'reason'), [
    (None, 'No such file'), (b'', 'the file is empty'), (b'no network\n' * 50, 'not an ONNX file'),
])
def test_damaged_files(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / 'a.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        load_detector(f'onnx:{path}')
    with pytest.raises(InputError, match='a folder, not an ONNX file'):
        load_detector(f'onnx:{tmp_path}')


def test_a_file_is_read_or_refused_wherever_it_ends(tmp_path: Path, runner: str) -> None:
    whole = write(tmp_path / 'a.onnx', [v8([], 1, 21)]).read_bytes()
    for length in range(1, len(whole), len(whole) // 12):
        (tmp_path / 'b.onnx').write_bytes(whole[:length])
        with pytest.raises(InputError):
            detect(tmp_path / 'b.onnx', runner)


def test_the_number_of_threads_can_be_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onnxruntime')
    from hourglass.engine.onnxruntime_engine import session_options

    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert session_options().intra_op_num_threads == 3
    assert session_options().get_session_config_entry('session.intra_op.allow_spinning') == '0'


def with_weights_beside(path: Path, location: str = 'a.onnx.data') -> Path:
    """Move the weights of a model into a file beside it, and let it name a location for them."""
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location='a.onnx.data', size_threshold=1)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == 'location').value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_a_file_beside(tmp_path: Path, runner: str) -> None:
    path = with_weights_beside(write(tmp_path / 'a.onnx', [v8(BOXES[:4])]))
    assert path.stat().st_size < (tmp_path / 'a.onnx.data').stat().st_size
    boxes, _ = detect(path, runner)
    np.testing.assert_allclose(boxes, [PERSON], atol=1e-4)


@pytest.mark.parametrize(('location', 'reason'), [
    ('../a.onnx.data', 'not in a file beside it'), ('{folder}/a.onnx.data', 'not in a file beside it'),
    ('..\\a.onnx.data', 'not in a file beside it'), ('', 'not in a file beside it'),
    ('b.data', 'b.data, which is not beside it'), ('folder', 'folder, which is not beside it'),
    ('short.data', 'cannot be read'),
])
def test_weights_elsewhere_are_refused(tmp_path: Path, location: str, reason: str) -> None:
    folder = tmp_path / 'models'
    (folder / 'folder').mkdir(parents=True)
    (folder / 'short.data').write_bytes(b'1234')
    path = with_weights_beside(write(folder / 'a.onnx', [v8(BOXES)]), location.format(folder=folder))
    (tmp_path / 'a.onnx.data').write_bytes((folder / 'a.onnx.data').read_bytes())
    with pytest.raises(InputError, match=reason):
        detect(path)


def test_weights_that_share_a_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_weights_beside(write(tmp_path / 'a.onnx', [v8(BOXES)]))
    monkeypatch.setattr(onnx_file, 'MAX_BYTES', (tmp_path / 'a.onnx.data').stat().st_size - 100)
    with pytest.raises(InputError, match='its weights are larger than'):
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
    (None, 'person', "no class 'person' of 3 classes, which have no names"), (NAMES, '-1', "no class '-1'"),
    (NAMES, '²', "no class '²'"), ({'names': ['a', 'b', 'c']}, None, '--detector-class chooses one'),
    (None, None, '--detector-class N does'),
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
