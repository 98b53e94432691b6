"""The command-line options that choose an engine, the same in every script that predicts."""

from __future__ import annotations

import argparse

from hourglass.engine.choice import ENGINES, PRECISIONS, choose_engine


def add_engine_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--engine`` and ``--precision`` to a parser or a group of options.

    The values go to :meth:`hourglass.predictor.PosePredictor.load` as ``engine`` and ``precision``.
    """
    parser.add_argument('--engine', choices=ENGINES, default='auto',
                        help='what runs the network (default: auto, the fastest that is installed; on a GPU chainer)')
    parser.add_argument('--precision', choices=PRECISIONS, default='f32',
                        help='arithmetic of the network: f32, single precision (default); int8, twice as fast and '
                             'about as good; bf16, with openvino on a CPU that has AMX')


def check_engine_options(options: argparse.Namespace) -> None:
    """Raise ``InputError`` if ``--engine``, ``--precision`` and ``--gpu`` do not go together or cannot be had."""
    choose_engine(options.engine, options.precision, getattr(options, 'gpu', -1))
