"""The settings for poses over the picture of a camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from hourglass.config import number, option, switch, text, whole
from hourglass.detection import FAST, PERSON_CLASS_HELP, check_person_class, detector_name, parse_detector
from hourglass.errors import InputError
from hourglass.options import MIN_SCORE, PredictorConfig

#: Headings of ``demo_webcam.py --help``.
GROUPS = {'page': None, 'without a browser': None, 'poses': None, 'network': None}

_page = partial(option, group='page')
_window = partial(option, group='without a browser')
_poses = partial(option, group='poses')


@dataclass(frozen=True, kw_only=True)
class WebcamConfig(PredictorConfig):
    """Poses over the picture of a camera, on a page or in a window.

    Every attribute is an option of ``demo_webcam.py``, whose ``--help`` explains it.

    Raises:
        InputError: a value is out of its range, or two do not go together.
    """

    host: str = _page(
        text, '127.0.0.1', metavar='ADDRESS',
        help='address to listen on; 127.0.0.1 is for this computer only. With another address, every computer that '
             'reaches it can use the page, but browsers allow the camera on this computer only')
    port: int | None = _page(
        whole(0, 65535), None, metavar='N', help='port to listen on; 0 takes a free one (default: 8000)')
    max_mb: float = _page(number(0, 1000, above=True), 20.0, metavar='MB', help='largest photo, in megabytes')
    opencv_window: bool = _window(switch, False, help='show a camera of this computer in a window')
    camera: str | None = _window(
        text, None, metavar='N|FILE|URL',
        help='with --opencv-window: number of the camera, or a video (default: 0)')
    detector: str = _poses(
        detector_name, FAST, metavar='NAME[:FILE]',
        help='the detector that finds people; demo_multi_person.py --help names all')
    detector_class: str | None = _poses(
        text, None, metavar='NAME|N', help=PERSON_CLASS_HELP)
    threshold: float = _poses(
        number(0, 1), MIN_SCORE, metavar='SCORE',
        help='leave out limbs with a joint that scores less, from 0 to 1; 0 draws all, also where there is no person')

    def __post_init__(self) -> None:
        super().__post_init__()
        check_person_class(self.detector, self.detector_class)
        if self.camera is not None and not self.opencv_window:
            raise InputError('--camera is for --opencv-window; the page asks the browser for a camera')
        if self.opencv_window and (self.host, self.port, self.max_mb) != (WebcamConfig.host, None, WebcamConfig.max_mb):
            raise InputError('--host, --port and --max-mb are for the page, and --opencv-window has none')
        if parse_detector(self.detector)[0] == 'boxes':
            raise InputError('--detector boxes: a file has no boxes for a camera')
