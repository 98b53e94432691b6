"""Detectors that were exported from YOLOv5, YOLOv8 and their like to ONNX."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hourglass.boxes import suppress_boxes
from hourglass.detection import Detector
from hourglass.detection.onnx_file import OnnxFile, read_onnx
from hourglass.errors import InputError

import cv2
import numpy as np
from onnx import TensorProto

#: Length of the input's sides where the file leaves them open and says nothing else.
USUAL_SIZE = 640
#: The place of people among the classes, by their number, for files without names: one class, Pascal VOC, COCO.
PERSON_OF = {1: 0, 20: 14, 80: 0}

_GREY = 114  # what these networks were trained with around pictures
_LOWEST_SCORE = 0.05
_OVERLAP = 0.6
# What passes the threshold is some hundred boxes; thousands are no detector's work and would take minutes to compare.
_MOST_BOXES = 2000
_DTYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
_LARGEST_INPUT = 8192

#: Runs a network: from a (1, 3, H, W) input to its outputs.
Runner = Callable[[np.ndarray], list[np.ndarray]]


def _onnxruntime(file: OnnxFile, gpu: int) -> Runner:
    from hourglass.engine.onnxruntime_engine import session_options

    import onnxruntime

    providers: list = ['CPUExecutionProvider']
    if gpu >= 0 and 'CUDAExecutionProvider' in onnxruntime.get_available_providers():
        providers.insert(0, ('CUDAExecutionProvider', {'device_id': gpu}))
    session = onnxruntime.InferenceSession(file.content, session_options(log_severity=4), providers=providers)
    if gpu >= 0 and session.get_providers()[0] != 'CUDAExecutionProvider':
        print('the detector runs on the CPU: this ONNX Runtime has no CUDA (the package onnxruntime-gpu has)',
              file=sys.stderr)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


def _opencv(file: OnnxFile, gpu: int) -> Runner:
    network = cv2.dnn.readNetFromONNX(np.frombuffer(file.content, np.uint8))
    if gpu >= 0:
        print('the detector runs on the CPU: OpenCV uses no GPU here', file=sys.stderr)
    names = network.getUnconnectedOutLayersNames()

    def forward(x: np.ndarray) -> list[np.ndarray]:
        network.setInput(x.astype(np.float32))
        return list(network.forward(names))

    return forward


#: What can run a network, the faster first; what is not installed is passed over.
RUNNERS: dict[str, Callable[[OnnxFile, int], Runner]] = {'onnxruntime': _onnxruntime, 'opencv': _opencv}


def _short(error: Exception) -> str:
    return ' '.join(str(error).split())[:200] or type(error).__name__


class YOLODetector(Detector):
    """Finds people with a network in an ONNX file.

    The network takes one picture (1, 3, H, W), RGB in [0, 1], reduced or enlarged into the middle of a grey frame, and
    returns boxes by their middle, width and height in pixels of that frame.  Which axis holds the boxes tells the
    family: (1, N, 5 + C), with a score for there being anything and one for each of C classes, is YOLOv5's;
    (1, 4 + C, N), with those of the classes alone, YOLOv8's.  There are always more boxes than numbers of each.

    Args:
        path: the file.
        gpu: number of the GPU, used if ONNX Runtime can; -1 for the CPU.
        runner: a key of :data:`RUNNERS`; by default the first that is installed.

    Raises:
        InputError: the file cannot be read or run, or has other inputs or outputs.
    """

    score_threshold = 0.4

    def __init__(self, path: Path, gpu: int = -1, runner: str | None = None) -> None:
        self.path = path
        file = read_onnx(path)
        self._names = file.class_names
        self._end_to_end = file.literal('end2end') is True
        self._dtype = _DTYPES.get(file.input_kind)
        if len(file.input_shape) != 4 or file.input_shape[0] > 1 or file.input_shape[1] not in (0, 3) or (
                self._dtype is None):
            raise InputError(f'{path}: its input {file.input_shape} is not one picture in RGB, (1, 3, height, width)')
        self.input_size = self._input_size(file)
        self._run = self._make_runner(file, gpu, runner)

    def _input_size(self, file: OnnxFile) -> tuple[int, int]:
        said = file.literal('imgsz')
        usual = said if isinstance(said, list) and len(said) == 2 else [USUAL_SIZE] * 2
        height, width = (length or other for length, other in zip(file.input_shape[2:], usual, strict=True))
        if not all(isinstance(n, int) and 0 < n <= _LARGEST_INPUT for n in (height, width)):
            raise InputError(f'{self.path}: an input of {height} by {width} pixels is none for pictures')
        return height, width

    def _make_runner(self, file: OnnxFile, gpu: int, name: str | None) -> Runner:
        for make in [RUNNERS[name]] if name else RUNNERS.values():
            try:
                return make(file, gpu)
            except ImportError:
                continue
            except Exception as error:  # cv2.error, or any of ONNX Runtime's own
                raise InputError(f'{self.path}: cannot be run ({_short(error)})') from None
        raise InputError(f'{self.path}: {name} is not installed')

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Find people; see :class:`hourglass.detection.Detector`.  Images go through the network one by one."""
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, scale, corner = letterbox(image, self.input_size)
        try:
            outputs = self._run(x.astype(self._dtype))
        except Exception as error:
            raise InputError(f'{self.path}: cannot be run ({_short(error)})') from None
        boxes, scores = self._people(self._table(outputs))
        boxes = (boxes - np.tile(corner, 2)) / scale
        best = np.argsort(-scores, kind='stable')[:_MOST_BOXES]
        boxes, scores = boxes[best], scores[best]
        kept = suppress_boxes(boxes, _OVERLAP, scores)
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def _table(self, outputs: list[np.ndarray]) -> np.ndarray:
        """Return the output with the boxes, (1, A, B); others are masks, or steps on the way."""
        tables = [np.asarray(output, np.float32) for output in outputs if np.ndim(output) == 3]
        if not tables or len(tables[0]) != 1 or self._end_to_end:
            shapes = ', '.join(str(np.shape(output)) for output in outputs)
            raise InputError(f'{self.path}: its output {shapes} is neither YOLOv5\'s (1, boxes, 5 + classes) nor '
                             'YOLOv8\'s (1, 4 + classes, boxes)')
        return tables[0]

    def _people(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes (N, 4) in pixels of the input and the scores (N,) of what is a person before all else."""
        has_rows = table.shape[1] > table.shape[2]
        rows = table[0] if has_rows else table[0].T
        first = 5 if has_rows else 4
        person, count = self._classes(rows.shape[1] - first)
        classes = rows[:, first:first + count]
        scores = classes[:, person] * (rows[:, 4] if has_rows else 1)
        with np.errstate(invalid='ignore'):
            kept = np.isfinite(rows).all(axis=1) & (scores >= _LOWEST_SCORE) & (classes.argmax(axis=1) == person)
        y, x, height, width = rows[kept][:, (1, 0, 3, 2)].T
        return np.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=1), scores[kept]

    def _classes(self, count: int) -> tuple[int, int]:
        """Return which class are people and how many there are, where a box has ``count`` numbers that may be classes.

        More numbers than names are of other things, such as masks.
        """
        if self._names:
            if 'person' in self._names and len(self._names) <= count:
                return self._names.index('person'), len(self._names)
            named = ', '.join(self._names[:5])
            raise InputError(f'{self.path}: none of its {len(self._names)} classes ({named}, ...) is "person", or its '
                             f'boxes have scores for {count} classes')
        if count in PERSON_OF:
            return PERSON_OF[count], count
        raise InputError(f'{self.path}: does not say which of its {count} classes are people')


def letterbox(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float, np.ndarray]:
    """Bring an image into the middle of a grey frame without distorting it.

    Args:
        image: (3, H, W), RGB in [0, 255].
        size: (height, width) of the frame.

    Returns:
        The frame (1, 3, *size) float32 in [0, 1]; how many of its pixels a pixel of the image takes; and the (y, x) in
        the frame, (2,), where the image begins.
    """
    height, width = image.shape[1:]
    scale = min(size[0] / height, size[1] / width)
    inner = tuple(min(max(1, round(n * scale)), m) for n, m in zip((height, width), size, strict=True))
    pixels = np.clip(image, 0, 255).transpose(1, 2, 0).copy()
    pixels = cv2.resize(pixels, inner[::-1], interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    corner = np.array([(m - n) // 2 for n, m in zip(inner, size, strict=True)])
    frame = np.full((1, 3, *size), _GREY / 255, np.float32)
    frame[0, :, corner[0]:corner[0] + inner[0], corner[1]:corner[1] + inner[1]] = pixels.transpose(2, 0, 1) / 255
    return frame, scale, corner


def load(kind: str, file: str | None, gpu: int) -> YOLODetector:
    """Read a network from a file."""
    assert file is not None  # hourglass.detection.parse_detector sees to it
    return YOLODetector(Path(file), gpu)
