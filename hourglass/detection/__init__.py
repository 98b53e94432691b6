"""Detectors that find people, with one interface, chosen by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hourglass.config import text
from hourglass.errors import InputError, missing_package

import numpy as np

#: Largest coordinate in pixels; boxes that reach farther are ignored.
MAX_COORDINATE = 1e6


class Detector:
    """Finds the people in images.  A subclass has :meth:`detect_one`, or its own :meth:`detect`.

    Attributes:
        score_threshold: boxes with this score or more are people, unless the user gives another.
    """

    score_threshold: float = 0.5

    def detect(
        self, images: Sequence[np.ndarray], names: Sequence[str] | None = None,
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Find the people, and nothing but people, in each image.

        Args:
            images: arrays (3, H, W) float32, RGB in [0, 255].
            names: of the images: names of files, or numbers of a video's frames. A file of boxes needs them.

        Returns:
            For each image its boxes, (N, 4) float32 (y_min, x_min, y_max, x_max) in pixels of the image, which may
            reach beyond it; and their scores, (N,) float32 in [0, 1].

        Raises:
            InputError: the detector cannot be used for these images.
        """
        return [self.detect_one(image) for image in images]

    def detect_one(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the people in one image; see :meth:`detect`."""
        raise NotImplementedError

    def complaint(self) -> str | None:
        """Return a warning for the user after all images, on one line, or None."""
        return None


@dataclass(frozen=True)
class Kind:
    """A kind of detector.

    Attributes:
        module: has the function ``load``, which takes the kind's name, a file or None, and the number of the GPU.
            It is imported when the detector is used.
        file: what follows a colon; ``[...]`` if it is optional.
        title: a short description.
    """

    module: str
    file: str
    title: str

    @property
    def load(self) -> Callable[..., Detector]:
        return import_module(self.module).load


#: What ``--detector`` takes.
DETECTORS = {
    'bundled': Kind('hourglass.detection.finder', '[:FILE]', 'the included person finder: no download'),
    'bundled-fast': Kind('hourglass.detection.finder', '[:FILE]', 'the same, run once a picture: fast, less accurate'),
    'ssd512': Kind('hourglass.detection.voc', '[:FILE]', 'ChainerCV\'s SSD512 for Pascal VOC'),
    'ssd300': Kind('hourglass.detection.voc', '[:FILE]', 'SSD300: faster, misses small people'),
    'yolo_v3': Kind('hourglass.detection.voc', '[:FILE]', 'ChainerCV\'s YOLOv3 for Pascal VOC'),
    'onnx': Kind('hourglass.detection.yolo', ':FILE', 'an ONNX file of a YOLO, YOLOX or RT-DETR detector'),
    'boxes': Kind('hourglass.detection.boxes_file', ':FILE', 'boxes of another program, in COCO\'s results format'),
}

#: The detector of the reference, the one used where its weights cannot be downloaded, and the one for cameras.
DEFAULT, FALLBACK, FAST = 'ssd512', 'bundled', 'bundled-fast'

#: Help of the option that chooses the class of an ONNX file.
PERSON_CLASS_HELP = ('with --detector onnx:FILE: name or number of the class that is people (default: person, people '
                     'or pedestrian, or the usual number)')


def parse_detector(name: str) -> tuple[str, str | None]:
    """Split ``KIND`` or ``KIND:FILE``; ``InputError`` if there is no such kind or it lacks its file."""
    kind, colon, file = name.partition(':')
    if kind not in DETECTORS:
        raise InputError(f'no detector {kind!r}; the detectors are '
                         f'{", ".join(k + e.file for k, e in DETECTORS.items())}')
    form = DETECTORS[kind].file
    if not file and (colon or not form.startswith('[')):
        raise InputError(f'the detector {name!r} must be written as {kind}{form}')
    return kind, file or None


def detector_name(value: Any) -> str:
    """Kind of an option: the name of a detector, for :func:`load_detector`."""
    parse_detector(text(value))
    return text(value)


def detector_file(name: str | None) -> str | None:
    """Return the file that is read for a detector; ``None`` if its name has none."""
    return (name or '').partition(':')[2] or None


def check_person_class(detector: str | None, person_class: str | None) -> None:
    """Raise ``InputError`` if a class is chosen for a detector that has no choice."""
    if person_class is not None and not (detector or '').startswith('onnx:'):
        raise InputError('--detector-class needs --detector onnx:FILE')


def filter_boxes(
    boxes: np.ndarray, scores: np.ndarray, shape: tuple[int, ...], threshold: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of a detector that are people in a picture, and their scores, in the same order.

    Args:
        boxes: (N, 4), (y_min, x_min, y_max, x_max) in pixels; any values are allowed.
        scores: (N,).
        shape: (height, width) of the picture.
        threshold: boxes that score less are left out.

    Returns:
        (M, 4) and (M,) float64.
    """
    boxes, scores = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(scores, np.float64).reshape(-1)
    with np.errstate(invalid='ignore'):
        # A person is at least a pixel of the picture, so a box without an area, or upside down, is not a person.
        seen = np.clip(boxes, 0, np.tile(shape, 2))
        is_there = ((seen[:, 2:] - seen[:, :2]) >= 1).all(axis=1) & (scores >= threshold)
        is_there &= (np.abs(boxes) <= MAX_COORDINATE).all(axis=1)
    return boxes[is_there], scores[is_there]


def load_detector(name: str | None = None, gpu: int = -1, person_class: str | None = None) -> Detector:
    """Return a detector by its name.

    Args:
        name: a key of :data:`DETECTORS`, followed by a colon and a file if the kind takes one.  By default SSD512, as
            in the reference, or the bundled finder if the weights of SSD512 cannot be downloaded; a line on stderr
            reports which.
        gpu: number of the GPU for networks; -1 for the CPU.
        person_class: of an ONNX file: name or number of the class that is people (default: person, people or
            pedestrian, or the usual number).

    Raises:
        InputError: there is no such detector or class, or a file or package that the detector needs is missing.
    """
    check_person_class(name, person_class)
    if name is not None:
        kind, file = parse_detector(name)
        try:
            load = DETECTORS[kind].load
        except ModuleNotFoundError as error:
            raise InputError(f'--detector {kind}: {missing_package(error) or error}') from None
        return load(kind, file, gpu) if person_class is None else load(kind, file, gpu, person_class)
    try:
        return DETECTORS[DEFAULT].load(DEFAULT, None, gpu, is_quick=True)
    except (InputError, ModuleNotFoundError) as error:  # without its weights, or without Chainer
        detector = load_detector(FALLBACK, gpu)
        reason = f'{DEFAULT} needs the package {error.name}' if isinstance(error, ModuleNotFoundError) else error
        print(f'finding people with {FALLBACK}, the included finder: {reason}', file=sys.stderr)
        return detector
