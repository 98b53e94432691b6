"""Detectors in ONNX files: YOLO, YOLOX and RT-DETR."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import TypeGuard

from hourglass.boxes import suppress_boxes
from hourglass.detection import Detector
from hourglass.detection.frames import GREY
from hourglass.detection.layouts import LAYOUTS, LOWEST_SCORE, Layout, recognise
from hourglass.detection.onnx_file import OnnxFile, read_onnx
from hourglass.detection.outputs import KEYPOINT_NUMBERS, PERSON_OF, Sample
from hourglass.errors import InputError
from hourglass.foreign import printable

import cv2
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

#: Runs a network: from its inputs by name to its outputs in order.
Runner = Callable[[dict[str, np.ndarray]], list[np.ndarray]]


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
    return lambda inputs: session.run(None, inputs)


def _opencv(file: OnnxFile, gpu: int) -> Runner:
    network = cv2.dnn.readNetFromONNX(np.frombuffer(file.content, np.uint8))
    if gpu >= 0:
        print('the detector runs on the CPU: OpenCV uses no GPU here', file=sys.stderr)
    names = network.getUnconnectedOutLayersNames()
    if len(names) != len(file.output_names):
        raise ValueError(f'OpenCV finds {len(names)} of {len(file.output_names)} outputs')

    def forward(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        for name, x in inputs.items():
            network.setInput(x.astype(np.float32), name)
        return list(network.forward(names))

    return forward


#: What can run a network, the faster first; what is not installed is passed over.
RUNNERS: dict[str, Callable[[OnnxFile, int], Runner]] = {'onnxruntime': _onnxruntime, 'opencv': _opencv}


def _short(error: Exception) -> str:
    return ' '.join(str(error).split())[:200] or type(error).__name__


class YOLODetector(Detector):
    """Finds people with a network in an ONNX file.

    The network takes one picture (1, 3, H, W).  What it returns, and how the picture is brought into its input, is one
    of :data:`hourglass.detection.layouts.LAYOUTS`, which the shapes and values for a grey picture and the file's
    metadata decide.

    Args:
        path: the file.
        gpu: number of the GPU, used if ONNX Runtime can; -1 for the CPU.
        runner: a key of :data:`RUNNERS`; by default the first that is installed.
        person_class: name or number of the class that is people; by default those named in :data:`PEOPLE`.

    Raises:
        InputError: the file cannot be read or run, has other inputs or outputs, or no such class.
    """

    score_threshold = 0.4

    def __init__(
        self, path: Path, gpu: int = -1, runner: str | None = None, person_class: str | None = None,
    ) -> None:
        self.path = path
        self._file = file = read_onnx(path)
        self._dtype = _DTYPES.get(file.input_kind)
        if len(file.input_shape) != 4 or file.input_shape[0] > 1 or file.input_shape[1] not in (0, 3) or (
                self._dtype is None):
            raise InputError(f'{path}: its input {file.input_shape} is not one picture in RGB, (1, 3, height, width)')
        self.input_size = self._input_size(file)
        self._run = self._make_runner(file, gpu, runner)
        grey = np.full((1, 3, *self.input_size), GREY / 255, np.float32)
        sample = self._sample(grey)
        self.layout = self._recognise(sample)
        self._people = _people_classes(file, self.layout.decode(sample).n_classes, person_class)

    def _input_size(self, file: OnnxFile) -> tuple[int, int]:
        said = file.literal('imgsz')
        usual = said if isinstance(said, list) and len(said) == 2 else [USUAL_SIZE] * 2
        height, width = (length or other for length, other in zip(file.input_shape[2:], usual, strict=True))
        if not all(isinstance(n, int) and 0 < n <= _LARGEST_INPUT for n in (height, width)):
            raise InputError(f'{self.path}: an input of {height} by {width} pixels is not a picture')
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
        try:
            outputs = [np.asarray(output) for output in self._run(inputs)]
        except Exception as error:
            raise InputError(f'{self.path}: cannot be run ({_short(error)})') from None
        arguments, keypoints = file.literal('args'), file.literal('kpt_shape')
        has_nms = file.literal('end2end') is True or (isinstance(arguments, dict) and arguments.get('nms') is True)
        description = ' '.join(file.metadata.get(key, '') for key in ('description', 'head')).lower()
        return Sample(
            dict(zip(file.output_names, outputs, strict=True)), self.input_size, len(file.class_names), description,
            has_nms, file.sizes_name is not None, prod(keypoints) if _is_shape(keypoints) else KEYPOINT_NUMBERS)

    def _recognise(self, sample: Sample) -> Layout:
        if layout := recognise(sample):
            return layout
        shapes = ', '.join(f'{printable(name)} {output.shape}' for name, output in sample.outputs.items())
        raise InputError(f'{self.path}: its output {shapes} is neither '
                         f'{" nor ".join(layout.title for layout in LAYOUTS)}')


def _is_shape(value: object) -> TypeGuard[Sequence[int]]:
    return isinstance(value, list | tuple) and all(isinstance(length, int) for length in value)


def _people_classes(file: OnnxFile, count: int | None, chosen: str | None) -> list[int]:
    """Return the numbers of the classes that are people.

    Args:
        file: what it states.
        count: how many classes there are, as far as the outputs show.
        chosen: the class's name or number; by default those named in :data:`PEOPLE`.
    """
    path, names = file.path, [name.strip().casefold() for name in file.class_names]
    some = ', '.join(printable(name) for name in file.class_names[:5]) + (', ...' if len(names) > 5 else '')
    if count is not None and len(names) > count:
        raise InputError(f'{path}: names {len(names)} classes ({some}), and its boxes have scores for {count} classes')
    wanted = PEOPLE if chosen is None else (chosen.strip().casefold(),)
    if found := [i for i, name in enumerate(names) if name in wanted]:
        return found
    limit = len(names) or count
    if chosen is not None:
        if chosen.isdecimal() and (limit is None or int(chosen) < limit):
            return [int(chosen)]
        known = f'of {limit} classes' + (f' ({some})' if names else ', which have no names') if limit else 'by name'
        raise InputError(f'{path}: no class {chosen!r} {known}')
    if names:
        raise InputError(f'{path}: none of its {len(names)} classes ({some}) is "person"; --detector-class chooses one')
    if count in PERSON_OF:
        return [PERSON_OF[count]]
    if count is not None:
        raise InputError(f'{path}: does not say which of its {count} classes are people; --detector-class N does')
    print(f'{path}: names no classes, so class 0 is people; --detector-class N chooses another', file=sys.stderr)
    return [0]


def load(kind: str, file: str | None, gpu: int, person_class: str | None = None) -> YOLODetector:
    """Read a network from a file."""
    assert file is not None  # hourglass.detection.parse_detector sees to it
    return YOLODetector(Path(file), gpu, person_class=person_class)
