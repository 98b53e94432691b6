"""Detectors in ONNX files: YOLO, YOLOX and RT-DETR."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

from hourglass.boxes import suppress_boxes
from hourglass.detection import Detector
from hourglass.detection.inputs import GREY
from hourglass.detection.layouts import LAYOUTS, LOWEST_SCORE, Layout, recognise
from hourglass.detection.onnx_file import OnnxFile, read_onnx
from hourglass.detection.outputs import KEYPOINT_NUMBERS, PERSON_OF, Sample
from hourglass.errors import InputError
from hourglass.foreign import printable

import numpy as np
from onnx import TensorProto

#: Length of the input's sides where the file leaves them open and states no other.
USUAL_SIZE = 640
#: Names of classes that are people.
PEOPLE = ('person', 'persons', 'people', 'pedestrian', 'pedestrians', 'human')

_OVERLAP = 0.6
# Usually some hundred boxes pass the threshold; to compare many thousands would take minutes.
_MOST_BOXES = 2000
_DTYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
_LARGEST_INPUT = 8192


def _open_session(file: OnnxFile, gpu: int) -> Any:
    """Return an ``onnxruntime.InferenceSession``, on a GPU if ONNX Runtime can use one."""
    from hourglass.engine.onnxruntime_engine import session_options

    import onnxruntime

    providers: list = ['CPUExecutionProvider']
    if gpu >= 0 and 'CUDAExecutionProvider' in onnxruntime.get_available_providers():
        providers.insert(0, ('CUDAExecutionProvider', {'device_id': gpu}))
    session = onnxruntime.InferenceSession(file.content, session_options(log_severity=4), providers=providers)
    if gpu >= 0 and session.get_providers()[0] != 'CUDAExecutionProvider':
        print('the detector runs on the CPU: this ONNX Runtime has no CUDA (the package onnxruntime-gpu has)',
              file=sys.stderr)
    return session


class YOLODetector(Detector):
    """Finds people with a network in an ONNX file.

    The network takes one picture (1, 3, H, W).  What it returns, and how the picture is brought into its input, is one
    of :data:`hourglass.detection.layouts.LAYOUTS`, which the shapes and values for a grey picture and the file's
    metadata decide.

    Args:
        path: the file.
        gpu: number of the GPU, used if ONNX Runtime can; -1 for the CPU.
        person_class: name or number of the class that is people; by default those named in :data:`PEOPLE`.

    Raises:
        InputError: the file cannot be read or run, has other inputs or outputs, or no such class.
    """

    score_threshold = 0.4

    def __init__(self, path: Path, gpu: int = -1, person_class: str | None = None) -> None:
        self.path = path
        self._file = file = read_onnx(path)
        self._dtype = _DTYPES.get(file.input_kind)
        if len(file.input_shape) != 4 or file.input_shape[0] > 1 or file.input_shape[1] not in (0, 3) or (
                self._dtype is None):
            raise InputError(f'{path}: its input {file.input_shape} is not one picture in RGB, (1, 3, height, width)')
        self.input_size = self._input_size(file)
        with self._running():
            self._session = _open_session(file, gpu)
        grey = np.full((1, 3, *self.input_size), GREY / 255, np.float32)
        sample = self._sample(grey)
        self.layout = self._recognise(sample)
        self._people = _people_classes(file, self.layout.decode(sample).n_classes, person_class)

    def _input_size(self, file: OnnxFile) -> tuple[int, int]:
        stated = file.literal('imgsz')
        usual = stated if isinstance(stated, list) and len(stated) == 2 else [USUAL_SIZE] * 2
        height, width = (length or other for length, other in zip(file.input_shape[2:], usual, strict=True))
        if not all(isinstance(n, int) and 0 < n <= _LARGEST_INPUT for n in (height, width)):
            raise InputError(f'{self.path}: an input of {height} by {width} pixels is not a picture')
        return height, width

    @contextmanager
    def _running(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the errors of ONNX Runtime have no common class
            reason = ' '.join(str(error).split())[:200] or type(error).__name__
            raise InputError(f'{self.path}: cannot be run ({reason})') from None

    def detect_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frame = self.layout.prepare(image, self.input_size)
        found = self.layout.decode(self._sample(frame.pixels))
        with np.errstate(invalid='ignore'):
            kept = np.isfinite(found.boxes).all(axis=1) & (found.scores >= LOWEST_SCORE)
        kept &= np.isin(found.labels, self._people)
        boxes, scores = frame.to_image(found.boxes[kept]), found.scores[kept]
        best = np.argsort(-scores, kind='stable')[:_MOST_BOXES]
        boxes, scores = boxes[best], scores[best]
        kept = suppress_boxes(boxes, _OVERLAP, scores)
        return boxes[kept].astype(np.float32), scores[kept].astype(np.float32)

    def _sample(self, pixels: np.ndarray) -> Sample:
        """Return the outputs for an input (1, 3, H, W) float32."""
        file = self._file
        inputs = {file.input_name: pixels.astype(self._dtype)}
        if file.sizes_name is not None:
            inputs[file.sizes_name] = np.array([self.input_size[::-1]], np.int64)
        with self._running():
            outputs = [np.asarray(output) for output in self._session.run(None, inputs)]
        arguments = file.literal('args')
        keypoints: Any = file.literal('kpt_shape')
        has_nms = file.literal('end2end') is True or (isinstance(arguments, dict) and arguments.get('nms') is True)
        description = ' '.join(file.metadata.get(key, '') for key in ('description', 'head')).lower()
        is_shape = isinstance(keypoints, list | tuple) and all(isinstance(length, int) for length in keypoints)
        return Sample(
            dict(zip(file.output_names, outputs, strict=True)), self.input_size, len(file.class_names), description,
            has_nms, file.sizes_name is not None, prod(keypoints) if is_shape else KEYPOINT_NUMBERS)

    def _recognise(self, sample: Sample) -> Layout:
        if layout := recognise(sample):
            return layout
        shapes = ', '.join(f'{printable(name)} {output.shape}' for name, output in sample.outputs.items())
        raise InputError(f'{self.path}: its output {shapes} is neither '
                         f'{" nor ".join(layout.title for layout in LAYOUTS)}')


def _people_classes(file: OnnxFile, count: int | None, chosen: str | None) -> list[int]:
    """Return the numbers of the classes that are people.

    Args:
        file: what it states.
        count: how many classes there are, as far as the outputs show.
        chosen: the class's name or number; by default those named in :data:`PEOPLE`.
    """
    names = [name.strip().casefold() for name in file.class_names]
    wanted = PEOPLE if chosen is None else (chosen.strip().casefold(),)
    if found := [i for i, name in enumerate(names) if name in wanted]:
        return found
    limit = len(names) or count
    if chosen is not None and chosen.isdecimal() and (limit is None or int(chosen) < limit):
        return [int(chosen)]
    if chosen is None and not names and count in PERSON_OF:
        return [PERSON_OF[count]]
    if chosen is None and limit is None:
        print(f'{file.path}: names no classes, so class 0 is people; --detector-class N chooses another',
              file=sys.stderr)
        return [0]
    known = ', '.join(printable(name) for name in file.class_names[:5]) + (', ...' if len(names) > 5 else '')
    raise InputError(f'{file.path}: no class {chosen or "person"!r} of {limit or "unknown"} classes '
                     f'({known or "without names"}); --detector-class chooses one by its name or number')


def load(kind: str, file: str | None, gpu: int, person_class: str | None = None) -> YOLODetector:
    """Read a network from a file."""
    assert file is not None  # hourglass.detection.parse_detector demands it
    return YOLODetector(Path(file), gpu, person_class=person_class)
