"""The command line of eval.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from data.sets import DATASETS
from eval.config import EvalConfig
from hourglass.errors import ArgumentParser
from hourglass.options import add_predictor_options

_DESCRIPTION = """\
Score a network on an annotated data set, or score a file of predictions.

Prints the rate of correct joints: PCKh@0.5 on MPII, PCK on other sets; on COCO
also OKS. Without options: the published weights on MPII's validation images."""


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('data')
    group.add_argument('--dataset', choices=list(DATASETS), help='default: mpii')
    group.add_argument('--root', metavar='DIR|FILE',
                       help='folder of the data set; for csv, coco-json and packed the file (default: below data/)')
    group.add_argument('--split', metavar='NAME', help='part of the data set (default: the one for testing)')
    group.add_argument('--protocol', choices=('one-per-image', 'all'),
                       help='people of MPII that count: the first of each image, or all, as in the Torch7 code '
                            '(default: what the weights were published with, else one-per-image)')
    group.add_argument('--samples', type=int, metavar='N', help='people in the synthetic set (default: 1000)')
    group.add_argument('--images', metavar='DIR',
                       help='folder of the images of coco, csv and coco-json (default: below --root, beside the file)')
    group.add_argument('--joints', metavar='NAME|FILE',
                       help='joint set of csv and coco-json, by name or as a table (default: worked out from the '
                            'names of the joints)')
    group.add_argument('--normalise', choices=('torso', 'box'),
                       help='length that PCK divides errors by, on coco, csv and coco-json (default: torso where it '
                            'is known)')
    group.add_argument('--pck-threshold', type=float, metavar='T',
                       help='largest error of a correct joint in such lengths, on coco, csv and coco-json (default: '
                            '0.2; on csv and coco-json 0.1 by the box)')


def _add_predictions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('predictions in a file, scored without a network')
    group.add_argument('--predictions', metavar='FILE',
                       help='HDF5 in the layout of the Torch7 code (key preds), or COCO\'s results format (.json)')
    group.add_argument('--annotations', metavar='FILE',
                       help='the people of --predictions: HDF5 as valid.h5, or COCO\'s format; with --dataset coco the '
                            'people to predict')


def _add_coco(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('COCO only')
    group.add_argument('--detections', metavar='FILE',
                       help='predict the people of these detections (COCO\'s results format), not the annotated boxes')
    group.add_argument('--nms', type=float, metavar='OKS',
                       help='with --detections: leave out poses more similar than this to a better one (default: 0.9)')


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('results')
    group.add_argument('--json', metavar='FILE', help='write scores and curves')
    group.add_argument('--csv', metavar='FILE', help='write a table: each joint, each group, the total')
    group.add_argument('--plot', metavar='FILE',
                       help='draw the score over the threshold for each group of joints; for COCO also precision over '
                            'recall, and the distribution of OKS')
    group.add_argument('--compare', metavar='JSON', nargs='+',
                       help='draw these earlier results (written with --json) into the same plot')
    group.add_argument('--sheet', metavar='FILE', help='draw the people with the largest errors')
    group.add_argument('--save-predictions', metavar='FILE',
                       help='write the predicted joints: HDF5 in the layout of the Torch7 code; on COCO, COCO\'s '
                            'results format')
    group.add_argument('--reliability', metavar='FILE',
                       help='draw how often a joint is correct over its score (not for COCO)')
    group.add_argument('--calibrate', metavar='FILE.npz',
                       help='write the weights of --model or --snapshot again, with scores that are the rate of '
                            'correct joints on this data (not for COCO)')


def parse_options(arguments: Sequence[str] | None = None) -> EvalConfig:
    """Read a command line, by default that of the process; ``InputError`` if something in it is wrong."""
    # An option that is not given keeps the default of EvalConfig.
    parser = ArgumentParser(prog='eval.py', description=_DESCRIPTION, argument_default=argparse.SUPPRESS,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_data(parser)
    _add_predictions(parser)
    _add_coco(parser)
    add_predictor_options(parser.add_argument_group('network'), batchsize=16)
    _add_results(parser)
    return EvalConfig(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run the command line."""
    from eval.evaluation import evaluate

    print(evaluate(parse_options()).text())
