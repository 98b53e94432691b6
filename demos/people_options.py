"""The command-line options about several people, for the scripts that find them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hourglass.detection import DEFAULT, DETECTORS, FALLBACK, parse_detector
from hourglass.errors import InputError

if TYPE_CHECKING:
    from hourglass.people import PeoplePredictor

#: Options that are arguments of :class:`hourglass.people.PeoplePredictor`, whose defaults are there.
_SHARES = ('score_threshold', 'nms', 'nms_oks')
_CHOICES = (*_SHARES, 'max_people')
_DETECTORS = '\n'.join(f'  {kind + entry.file:15} {entry.title}' for kind, entry in DETECTORS.items())


def add_people_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`check_people_options` and :func:`load_people_predictor` take.

    The detectors are listed in lines of their own, so the parser should have a ``RawDescriptionHelpFormatter``.
    """
    group = parser.add_argument_group('people', f'detectors:\n{_DETECTORS}')
    group.add_argument('--detector', metavar='NAME[:FILE]',
                       help=f'what finds the people, one of the above (default: {DEFAULT}, or {FALLBACK} where the '
                            f'weights of {DEFAULT} cannot be had)')
    group.add_argument('--score-threshold', type=float, metavar='SCORE',
                       help='boxes that score less are nobody (default: 0.6 for ssd512 and ssd300, else 0.4 or 0.5). '
                            'ssd512, ssd300 and yolo_v3 themselves give none below 0.1, onnx none below 0.05')
    group.add_argument('--max-people', type=int, metavar='N', help='of each picture the N best boxes (default: all)')
    group.add_argument('--nms', type=float, metavar='IOU',
                       help='of two boxes that overlap this much, only the better one counts (default: 0.6). '
                            'ssd512, ssd300 and yolo_v3 themselves give none that overlap by 0.45, onnx none by 0.6; '
                            'more than that changes nothing for them')
    group.add_argument('--nms-oks', type=float, metavar='OKS',
                       help='of two poses more alike than this, only the better one counts, for they are of one '
                            'person (default: 0.7)')


def check_people_options(options: argparse.Namespace) -> None:
    """Check values; ``InputError`` names the first option that is wrong."""
    if options.detector is not None:
        parse_detector(options.detector)
    for name in _SHARES:
        value = getattr(options, name)
        if value is not None and not 0 <= value <= 1:
            raise InputError(f'--{name.replace("_", "-")} must be from 0 to 1')
    for name, most in (('nms', '1 drops copies of a box only'), ('nms_oks', '1 keeps all')):
        if getattr(options, name) == 0:
            raise InputError(f'--{name.replace("_", "-")} 0 would leave one person; {most}')
    if options.max_people is not None and options.max_people < 1:
        raise InputError('--max-people must be at least 1')


def load_people_predictor(options: argparse.Namespace) -> PeoplePredictor:
    """Load the detector and the network that options name, those of :mod:`hourglass.options` among them."""
    from hourglass.detection import load_detector
    from hourglass.people import PeoplePredictor
    from hourglass.predictor import PosePredictor

    detector = load_detector(options.detector, options.gpu)
    predictor = PosePredictor.load(options.snapshot or options.model, options.gpu, options.flip, options.batchsize,
                                   options.engine, options.precision)
    chosen = {name: getattr(options, name) for name in _CHOICES if getattr(options, name) is not None}
    return PeoplePredictor(predictor, detector, **chosen)
