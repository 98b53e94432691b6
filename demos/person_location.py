"""Where in the picture the person is, as the command line says it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hourglass.detection import MAX_COORDINATE, Detector, load_default, load_detector, parse_detector
from hourglass.errors import InputError

import numpy as np

if TYPE_CHECKING:
    from hourglass.crop import Extent, Location
    from hourglass.joints import JointSet
    from hourglass.predictor import Pose, PosePredictor
    from hourglass.spec import ModelSpec

#: Ways of taking the whole picture, in place of the one that the weights ask for.
FITS = ('stretch', 'pad')

#: RGB of the frame about the crop.
FRAME_COLOUR = (255, 215, 0)


def _numbers(form: str) -> Callable[[str], tuple[float, ...]]:
    """Return a converter for the value of an option that takes several numbers, written as ``form``."""
    def convert(text: str) -> tuple[float, ...]:
        try:
            values = tuple(float(part) for part in text.split(','))
        except ValueError:
            values = ()
        if len(values) != form.count(',') + 1:
            raise argparse.ArgumentTypeError(f'{text!r} is not {form}, numbers with commas between them')
        if not all(abs(value) <= MAX_COORDINATE for value in values):
            raise argparse.ArgumentTypeError(f'{text!r} has a number that is no pixel of a picture')
        return values

    return convert


def join_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Write ``--box -5,...`` as ``--box=-5,...``, for argparse takes a value that begins with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ('--box', '--center') and argument.startswith('-') and ',' in argument:
            joined[-1] += f'={argument}'
        else:
            joined.append(argument)
    return joined


def add_location_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--auto``, ``--detector``, ``--box``, ``--center``, ``--scale`` and ``--fit``."""
    group = parser.add_argument_group(
        'where the person is', 'By default in the middle, and the picture is 1.25 times as high as the person. Pixels '
        'are counted from 0 in the picture as viewers show it.')
    place = group.add_mutually_exclusive_group()
    place.add_argument('--auto', action='store_true', help='anywhere: look for somebody')
    place.add_argument('--box', metavar='Y0,X0,Y1,X1', type=_numbers('Y0,X0,Y1,X1'),
                       help='in this box: top, left, bottom, right; it may reach beyond the picture. The crop '
                            'follows from it by the rule of the weights')
    place.add_argument('--center', metavar='Y,X', type=_numbers('Y,X'),
                       help='about here, with --scale, both as MPII has them (objpos, scale)')
    place.add_argument('--fit', choices=FITS,
                       help='take the whole picture: stretch it to the network\'s input, or pad it with black so that '
                            'nothing is distorted (default: as the weights ask for, stretch for the published ones)')
    group.add_argument('--scale', metavar='S', type=float, help='the person\'s length in units of 200 pixels')
    group.add_argument('--detector', metavar='NAME',
                       help='with --auto, what finds people first: ssd512, hog or another one that '
                            'demo_multi_person.py knows, or none (default: ssd512 if it can be had, else none)')


@dataclass(frozen=True)
class PersonLocation:
    """Where the person is.

    Attributes:
        auto: anywhere; to be found.
        detector: what finds people first, ``none``, or by default SSD512 if it can be had.
        box: (y_min, x_min, y_max, x_max) of the person in pixels.
        center, scale: MPII's (y, x) in pixels, and the person's length in units of 200 pixels.
        fit: one of :data:`FITS`, for the whole picture; by default as the weights ask for.
        gpu: number of the GPU for the detector; -1 for the CPU.
    """

    auto: bool = False
    detector: str | None = None
    box: tuple[float, float, float, float] | None = None
    center: tuple[float, float] | None = None
    scale: float | None = None
    fit: str | None = None
    gpu: int = -1

    def __post_init__(self) -> None:
        if self.box is not None and not (self.box[2] > self.box[0] and self.box[3] > self.box[1]):
            numbers = ','.join(f'{value:g}' for value in self.box)
            raise InputError(f'--box {numbers} is empty or reversed; the order is top, left, bottom, right')
        if (self.center is None) != (self.scale is None):
            raise InputError('--center and --scale go together')
        if self.scale is not None and not 0 < self.scale <= MAX_COORDINATE:
            raise InputError(f'--scale {self.scale:g} is not a usable number above 0')
        if self.detector is not None and not self.auto:
            raise InputError('--detector is for --auto')
        if self.detector is not None and self.detector != 'none':
            parse_detector(self.detector)

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> PersonLocation:
        """Take the options of :func:`add_location_options`, and ``gpu``; ``InputError`` if they make no sense."""
        return cls(**{name: getattr(options, name) for name in cls.__dataclass_fields__})

    @property
    def is_middle(self) -> bool:
        """Whether the person is in the middle of the picture."""
        return not self.auto and self.box is None and self.center is None

    @property
    def detector_file(self) -> str | None:
        """The file that the detector is read from, if one was named."""
        return parse_detector(self.detector)[1] if self.detector not in (None, 'none') else None

    def check_in(self, shape: tuple[int, ...]) -> None:
        """Raise ``InputError`` if what was said of the person is outside of a picture (height, width)."""
        location = self._location
        if location is None:
            return
        y, x, height, width = location
        if y + height / 2 <= 0 or x + width / 2 <= 0 or y - height / 2 >= shape[0] or x - width / 2 >= shape[1]:
            name = '--center' if self.box is None else '--box'
            raise InputError(f'{name} is outside of the picture, which is {shape[0]} pixels high and {shape[1]} wide')

    @property
    def _location(self) -> Extent | None:
        """Where the person is, if that is known."""
        from hourglass.crop import Extent

        if self.box is not None:
            return Extent.of_box(np.array(self.box))
        if self.center is not None and self.scale is not None:
            return Extent.of_scale(self.center, self.scale)
        return None

    def adapt(self, predictor: PosePredictor) -> PosePredictor:
        """Return the predictor with the way of cropping that ``fit`` asks for."""
        spec = predictor.spec
        # The Torch7 code's crop pads already.
        crop = {None: spec.crop, 'stretch': 'clip', 'pad': 'torch7' if spec.crop == 'torch7' else 'pad'}[self.fit]
        if crop == spec.crop:
            return predictor
        return type(predictor)(predictor.engine, replace(spec, crop=crop), predictor.flip, predictor.batchsize)

    def find(self, predictor: PosePredictor, image: np.ndarray, name: str | None = None) -> Pose:
        """Find the person.

        Args:
            predictor: finds the joints; :meth:`adapt` has been asked.
            image: (3, H, W) float32, RGB in [0, 255].
            name: the image's file name, for a detector that reads boxes from a file.

        Raises:
            InputError: what was said of the person is outside of the picture, or the detector cannot be had.
        """
        from hourglass.crop import Square, person_box
        from hourglass.locate import locate

        if self.auto:
            return locate(predictor, image, self._load_detector(), name, show_progress=True)
        height, width = image.shape[1:]
        self.check_in((height, width))
        location: Location | None = self._location
        if self.fit == 'pad':
            location = Square(height / 2, width / 2, float(max(height, width)))
        boxes = None if location is None else [person_box(location, (height, width), predictor.spec)]
        return predictor.poses([image], boxes)[0]

    def draw(
        self, image: np.ndarray, pose: Pose, joint_set: JointSet, line_width: int | None, threshold: float,
    ) -> np.ndarray:
        """Draw the pose as :func:`hourglass.draw.draw_pose` does; where the place was chosen, with the crop's frame."""
        from hourglass.draw import draw_frame, draw_pose, person_line_width
        from hourglass.locate import corners

        if self.is_middle:
            return draw_pose(image, pose.points, joint_set, line_width, pose.scores, threshold)
        framed = draw_frame(image, corners(pose.box), FRAME_COLOUR)
        width = line_width or person_line_width(image.shape[1:], pose.points)
        return draw_pose(framed, pose.points, joint_set, width, pose.scores, threshold)

    def is_confident(self, pose: Pose, spec: ModelSpec) -> bool:
        """Return whether somebody is there, if that was not said; ``spec`` is that of the weights."""
        from hourglass.locate import has_person

        return not self.auto or has_person(pose, spec)

    def _load_detector(self) -> Detector | None:
        if self.detector == 'none':
            return None
        if self.detector is not None:
            return load_detector(self.detector, self.gpu)
        # OpenCV's detector is no substitute here: the search finds as much without it, and in half the time.
        try:
            return load_default(self.gpu)
        except InputError as error:
            print(f'looking for somebody without a detector: {error}', file=sys.stderr)
            return None
