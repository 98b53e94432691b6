"""The settings for several people: detector, network, and the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hourglass.config import document, number, option, text, whole
from hourglass.detection import (
    DEFAULT,
    DETECTORS,
    FALLBACK,
    PERSON_CLASS_HELP,
    check_person_class,
    detector_file,
    detector_name,
)
from hourglass.options import DrawingConfig, PredictorConfig

if TYPE_CHECKING:
    from hourglass.people import PeoplePredictor

#: Options that are arguments of :class:`hourglass.people.PeoplePredictor`, whose defaults are there.
_CHOICES = ('score_threshold', 'max_people', 'nms', 'nms_oks')

_DETECTORS = (f'{kind + entry.file:20} {entry.title}' for kind, entry in DETECTORS.items())
#: Headings of ``demo_multi_person.py --help`` for the fields here.
GROUPS = {
    'pictures': None,
    'people': '\n'.join(['detectors:', *_DETECTORS]),
    'network': None,
    'drawing': None,
}

_pictures = partial(option, group='pictures')
_people = partial(option, group='people')


@dataclass(frozen=True, kw_only=True)
class PeopleConfig(PredictorConfig, DrawingConfig):
    """Which detector and which network find people, and how they are drawn."""

    detector: str | None = _people(
        detector_name, None, metavar='NAME[:FILE]',
        help=f'what finds the people: {", ".join(DETECTORS)} (default: '
             f'{DEFAULT}, or {FALLBACK} if its weights cannot be downloaded)')
    detector_class: str | None = _people(
        text, None, metavar='NAME|N', help=PERSON_CLASS_HELP)
    score_threshold: float | None = _people(
        number(0, 1), None, metavar='SCORE',
        help='minimum score of a box, 0 to 1 (default: 0.6 for ssd512 and ssd300, else 0.3 to 0.5). ssd512, ssd300 '
             'and yolo_v3 give no box below 0.1, onnx none below 0.05')
    max_people: int | None = _people(
        whole(1), None, metavar='N', help='take only the N best boxes of each picture (default: all)')
    nms: float | None = _people(
        number(0, 1, above=True), None, metavar='IOU',
        help='boxes with at least this intersection over union count as one person, and the best box stays; 1 drops '
             'copies only (default: 0.6). ssd512, ssd300 and yolo_v3 give no boxes that overlap by 0.45, onnx none '
             'by 0.6')
    nms_oks: float | None = _people(
        number(0, 1, above=True), None, metavar='OKS',
        help='poses more similar than this (object keypoint similarity) count as one person, and the best pose is '
             'kept; 1 keeps all (default: 0.7)')
    batchsize: int = option(
        whole(1), 16, group='network', metavar='N', help='people that the network processes at once')

    def __post_init__(self) -> None:
        super().__post_init__()
        check_person_class(self.detector, self.detector_class)

    def load(self) -> PeoplePredictor:
        """Load detector and network; ``InputError`` if one is not there, or cannot be used."""
        from hourglass.detection import load_detector
        from hourglass.people import PeoplePredictor

        detector = load_detector(self.detector, self.gpu, self.detector_class)
        chosen = {name: getattr(self, name) for name in _CHOICES if getattr(self, name) is not None}
        return PeoplePredictor(self.load_predictor(self.batchsize), detector, **chosen)

    @property
    def sources(self) -> tuple[str | None, ...]:
        """Files that are read for detector and network, for :func:`hourglass.files.check_targets`."""
        return self.model, self.snapshot, detector_file(self.detector)


@document
@dataclass(frozen=True, kw_only=True)
class PicturesConfig(PeopleConfig):
    """People in pictures: the options of ``demo_multi_person.py``."""

    image: Sequence[str] = _pictures(
        text, (), count='+', metavar='FILE|FOLDER|PATTERN',
        help='pictures; without this option the program draws some people itself')
    out: str = _pictures(text, '.', metavar='DIR', help='folder for the results')
    json: str | None = _pictures(
        text, None, metavar='FILE',
        help='write the joints of all people, in COCO\'s results format (x, y in pixels of the picture); - is standard '
             'output')
