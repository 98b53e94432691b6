"""The location of one person in a picture: options, and the search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from hourglass.config import Options, number, one_of, option, switch, text, whole
from hourglass.detection import (
    DEFAULT,
    FALLBACK,
    MAX_COORDINATE,
    PERSON_CLASS_HELP,
    Detector,
    check_person_class,
    detector_name,
    load_detector,
)
from hourglass.errors import InputError

import numpy as np

if TYPE_CHECKING:
    from hourglass.crop import Location
    from hourglass.predictor import Pose, PosePredictor
    from hourglass.spec import ModelSpec

#: Ways of taking the whole picture, instead of that of the weights.
FITS = ('stretch', 'pad')

#: A person is in the middle if the person's crop and the picture overlap by this much (intersection over union).
_SAME_CROP = 0.5

#: Heading of ``demo.py --help`` for the fields here.
LOCATION_GROUPS = {'location of the person': """\
By default the person is in the middle, and the picture is 1.25 times as high
as the person. Pixels are counted from 0 in the picture as viewers show it."""}

_where = partial(option, group='location of the person')


def _pixels(form: str) -> Callable[[Any], tuple[float, ...]]:
    """Kind of an option: several pixel coordinates, on the command line written as ``form``."""
    def convert(value: Any) -> tuple[float, ...]:
        try:
            values = tuple(float(part) for part in (value.split(',') if isinstance(value, str) else value))
        except (TypeError, ValueError):
            values = ()
        if len(values) != form.count(',') + 1 or not all(abs(value) <= MAX_COORDINATE for value in values):
            raise ValueError(f'{form}, pixels with commas in between')
        return values

    return convert


def _detector(value: Any) -> str:
    return value if value == 'none' else detector_name(value)


def join_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Write ``--box -5,...`` as ``--box=-5,...``, because argparse takes a value with a minus for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ('--box', '--center') and argument.startswith('-') and ',' in argument:
            joined[-1] += f'={argument}'
        else:
            joined.append(argument)
    return joined


@dataclass(frozen=True, kw_only=True)
class PersonLocation(Options):
    """Where in a picture the person is: in the middle, in a box, at a centre, or to be found.

    Every attribute but ``gpu``, the number of the detector's GPU (-1 is the CPU), is an option of ``demo.py``, whose
    ``--help`` explains it.  ``box`` is (x_min, y_min, x_max, y_max) and ``center`` (x, y), in pixels, as in the JSON.

    Raises:
        InputError: a value is out of its range, or two do not go together.
    """

    auto: bool = _where(switch, False, help='find the person, anywhere in the picture')
    detector: str | None = _where(
        _detector, None, metavar='NAME',
        help='with --auto: the detector whose boxes are tried first, one of demo_multi_person.py --help, or none '
             f'(default: {DEFAULT} if it can be downloaded, else {FALLBACK})')
    detector_class: str | None = _where(
        text, None, metavar='NAME|N', help=PERSON_CLASS_HELP)
    box: tuple[float, float, float, float] | None = _where(
        _pixels('X0,Y0,X1,Y1'), None, metavar='X0,Y0,X1,Y1',
        help='box of the person: left, top, right, bottom; it may reach beyond the picture. The crop '
             'follows from it by the rule of the weights')
    center: tuple[float, float] | None = _where(
        _pixels('X,Y'), None, metavar='X,Y',
        help='centre of the person; needs --scale. Both are as in MPII (objpos, scale)')
    scale: float | None = _where(
        number(0, MAX_COORDINATE, above=True), None, metavar='S',
        help='with --center: length of the person in units of 200 pixels')
    fit: str | None = _where(
        one_of(FITS), None,
        help='take the whole picture: stretch it to the input of the network, or pad it with black so that nothing is '
             'distorted (default: by the weights: stretch for the published ones, a square as high as the picture for '
             'the bundled ones)')
    gpu: int = option(whole(-1), -1, group='network', metavar='N', help='number of the GPU; -1 is the CPU')

    def __post_init__(self) -> None:
        super().__post_init__()
        ways = [f'--{name}' for name in ('auto', 'box', 'center', 'fit') if getattr(self, name) not in (None, False)]
        if len(ways) > 1:
            raise InputError(f'{ways[0]} and {ways[1]} exclude each other')
        if self.box is not None and not (self.box[2] > self.box[0] and self.box[3] > self.box[1]):
            numbers = ','.join(f'{value:g}' for value in self.box)
            raise InputError(f'--box {numbers} is empty or reversed; the order is left, top, right, bottom')
        if (self.center is None) != (self.scale is None):
            raise InputError('--center and --scale need each other')
        if self.detector is not None and not self.auto:
            raise InputError('--detector needs --auto')
        check_person_class(self.detector, self.detector_class)

    @property
    def is_middle(self) -> bool:
        """Whether the person is in the middle of the picture."""
        return not self.auto and self.box is None and self.center is None

    def _location(self, height: int, width: int, name: str | None) -> Location | None:
        """Return where the person is in a picture, if that is known; ``InputError`` if it is outside of the picture."""
        from hourglass.crop import Extent, Square

        if self.fit == 'pad':
            return Square(height / 2, width / 2, float(max(height, width)))
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            person = Extent.of_box(np.array([y0, x0, y1, x1]))
        elif self.center is not None and self.scale is not None:
            person = Extent.of_scale(self.center[::-1], self.scale)
        else:
            return None
        y, x, h, w = person
        if y + h / 2 <= 0 or x + w / 2 <= 0 or y - h / 2 >= height or x - w / 2 >= width:
            raise InputError(f'{name}: ' * bool(name) + f'{"--center" if self.box is None else "--box"} is outside of '
                             f'the picture, which is {height} pixels high and {width} wide')
        return person

    def with_fit(self, predictor: PosePredictor) -> PosePredictor:
        """Return the predictor, with the way of cropping that ``fit`` asks for."""
        spec = predictor.spec
        # The Torch7 code's crop pads already.
        crop = {None: spec.crop, 'stretch': 'clip', 'pad': 'torch7' if spec.crop == 'torch7' else 'pad'}[self.fit]
        if crop == spec.crop:
            return predictor
        return type(predictor)(predictor.engine, replace(spec, crop=crop), predictor.flip, predictor.batchsize)

    def find(self, predictor: PosePredictor, image: np.ndarray, name: str | None = None) -> Pose:
        """Find the person.

        Args:
            predictor: finds the joints; from :meth:`with_fit`.
            image: (3, H, W) float32, RGB in [0, 255].
            name: the image's file name, for errors and for a detector that reads boxes from a file.

        Raises:
            InputError: the box or the centre is outside of the picture, or the detector cannot be loaded.
        """
        from hourglass.crop import person_box
        from hourglass.locate import locate

        if self.auto:
            return locate(predictor, image, self._loaded_detector, name, show_progress=True)
        height, width = image.shape[1:]
        location = self._location(height, width, name)
        boxes = None if location is None else [person_box(location, (height, width), predictor.spec)]
        return predictor.poses([image], boxes)[0]

    def is_elsewhere(self, pose: Pose, spec: ModelSpec, image: np.ndarray) -> bool:
        """Return whether the person is not in the middle, as was assumed, but elsewhere in the picture.

        The pose in the middle is then not confident, and the included finder sees a person whose crop is not nearly the
        whole picture.
        """
        from hourglass.boxes import box_iou
        from hourglass.crop import Extent, corners, person_box
        from hourglass.locate import find_boxes, has_person

        if not self.is_middle or has_person(pose, spec):
            return False
        detector, shape = load_detector(FALLBACK, self.gpu), image.shape[1:]
        crops = [corners(person_box(Extent.of_box(box), shape, spec)) for box in find_boxes(detector, image)]
        overlap = box_iou(np.array(crops).reshape(-1, 4), np.array([[0, 0, *shape]]))
        return bool((overlap < _SAME_CROP).any())

    @cached_property
    def _loaded_detector(self) -> Detector | None:
        return None if self.detector == 'none' else load_detector(self.detector, self.gpu, self.detector_class)
