"""Command-line options that several scripts have: which weights, how they are run, how poses are drawn."""

from __future__ import annotations

import argparse

from hourglass.engine.choice import ENGINES, PRECISIONS, choose_engine
from hourglass.errors import InputError


def add_weights_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--model`` and ``--snapshot``, of which one may be given, to a parser or a group of options."""
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument('--model', metavar='NAME|FILE',
                         help='weights, by name ("python -m pretrained list") or as a file; by default the published '
                              'ones if they can be had, else those that come with the project')
    weights.add_argument('--snapshot', metavar='FILE', help='snapshot of a training to take the weights from')


def add_predictor_options(parser: argparse._ActionsContainer, batchsize: int | None = None) -> None:
    """Add the options of :meth:`hourglass.predictor.PosePredictor.load`.

    Args:
        parser: a parser or a group of options.
        batchsize: the default of ``--batchsize``; without it there is no such option.
    """
    add_weights_options(parser)
    parser.add_argument('--flip', action='store_true', help='average over each person and the mirror image')
    if batchsize is not None:
        parser.add_argument('--batchsize', type=int, default=batchsize, metavar='N',
                            help=f'people at a time (default: {batchsize})')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')
    parser.add_argument('--engine', choices=ENGINES, default='auto',
                        help='what runs the network (default: auto, the fastest that is installed; on a GPU chainer)')
    parser.add_argument('--precision', choices=PRECISIONS, default='f32',
                        help='arithmetic of the network: f32, single precision (default); int8, twice as fast and '
                             'about as good; bf16, with openvino on a CPU that has AMX')


def check_predictor_options(options: argparse.Namespace) -> None:
    """Raise ``InputError`` if the options do not go together, or what they ask for is not installed."""
    choose_engine(options.engine, options.precision, options.gpu)
    if getattr(options, 'batchsize', 1) < 1:
        raise InputError('--batchsize must be at least 1')


def add_drawing_options(parser: argparse._ActionsContainer, line_width: str) -> None:
    """Add ``--threshold`` and ``--line-width``, with the default width in words."""
    parser.add_argument('--threshold', type=float, default=0.0, metavar='SCORE',
                        help='leave out limbs with a joint that scores less (default: 0, draw all)')
    parser.add_argument('--line-width', type=int, metavar='PIXELS',
                        help=f'width of the limbs (default: {line_width})')


def check_drawing_options(options: argparse.Namespace) -> None:
    """Raise ``InputError`` for a threshold or a width that nothing can be drawn with."""
    if getattr(options, 'line_width', None) is not None and not 1 <= options.line_width <= 1000:
        raise InputError('--line-width must be from 1 to 1000')
    if not 0 <= options.threshold <= 1:
        raise InputError('--threshold must be from 0 to 1')
