#!/usr/bin/env python3
"""Score a stacked hourglass network on an annotated data set, or score anybody's predictions.

Without arguments: the published weights on MPII's validation images.
"""

from __future__ import annotations

import argparse

from hourglass.errors import InputError, run


def parse_arguments() -> argparse.Namespace:
    from data.sets import DATASETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group('data')
    group.add_argument('--dataset', choices=list(DATASETS), default='mpii', help='default: mpii')
    group.add_argument('--root', metavar='DIR', help='folder where the data set lies (default: below data/)')
    group.add_argument('--split', metavar='NAME', help='part of the data set (default: the one for testing)')
    group.add_argument('--protocol', choices=('one-per-image', 'all'), default='one-per-image',
                       help='who counts on MPII: the first person of each image (default) or everybody, as the '
                            'authors of the paper do')
    group.add_argument('--samples', type=int, metavar='N', help='people in the synthetic set (default: 1000)')
    group.add_argument('--predictions', metavar='FILE',
                       help='score these predictions (HDF5, key preds) and use no network; with --annotations')
    group.add_argument('--annotations', metavar='FILE', help='the people of --predictions (HDF5, as valid.h5)')

    group = parser.add_argument_group('network')
    weights = group.add_mutually_exclusive_group()
    weights.add_argument('--model', metavar='NAME|FILE',
                         help='weights, by name ("python -m pretrained list") or as a file; by default the published '
                              'ones if they can be had, else those that come with the project')
    weights.add_argument('--snapshot', metavar='FILE', help='snapshot of a training to take the weights from')
    group.add_argument('--flip', action='store_true', help='average over each image and its mirror image')
    group.add_argument('--batchsize', type=int, default=16, metavar='N', help='people at a time (default: 16)')
    group.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')

    group = parser.add_argument_group('results')
    group.add_argument('--json', metavar='FILE', help='write scores and curves')
    group.add_argument('--csv', metavar='FILE', help='write a table: each joint, each group, the total')
    group.add_argument('--plot', metavar='FILE', help='draw the score over the threshold, for each group of joints')
    group.add_argument('--compare', metavar='JSON', nargs='+', default=[],
                       help='draw these earlier results (written with --json) into the same plot')
    group.add_argument('--save-predictions', metavar='FILE',
                       help='write the predicted joints (HDF5, the layout of the authors of the paper)')
    options = parser.parse_args()
    if options.batchsize < 1:
        raise InputError('--batchsize must be at least 1')
    if options.samples is not None and options.samples < 1:
        raise InputError('--samples must be at least 1')
    if (options.predictions is None) != (options.annotations is None):
        raise InputError('--predictions and --annotations come together')
    if options.compare and not options.plot:
        raise InputError('--compare is for --plot')
    return options


def main() -> None:
    options = parse_arguments()

    from eval.evaluate import evaluate, write_results

    write_results(evaluate(options), options)


if __name__ == '__main__':
    run(main)
