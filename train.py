#!/usr/bin/env python3
"""Train a stacked hourglass network."""

from __future__ import annotations

import argparse

from hourglass.errors import run


def parse_arguments() -> argparse.Namespace:
    from data.sets import DATASETS
    from hourglass.joints import JOINT_SETS
    from hourglass.training.schedule import OPTIMIZERS, SCHEDULES

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog='With nothing but --dataset, the settings are those of the published training.')
    group = parser.add_argument_group('data')
    group.add_argument('--dataset', nargs='+', required=True, choices=list(DATASETS), metavar='NAME',
                       help=f'what to train on ({", ".join(DATASETS)}); several are joined, and one that is named '
                            'twice counts twice')
    group.add_argument('--root', nargs='+', metavar='DIR',
                       help='folder of each data set that has one, in the same order (default: below data/)')
    group.add_argument('--samples', type=int, metavar='N',
                       help='people in the synthetic set (default: 2000; a fifth of N for validation)')
    group.add_argument('--joints', choices=list(JOINT_SETS),
                       help='joints of the network (default: those of the first data set)')
    group.add_argument('--crop', choices=('truncate', 'pad'), default='truncate',
                       help='how people are cut out: ending at the border and stretched, or with black around')
    group.add_argument('--no-validation', action='store_true',
                       help='train on the validation part too, and report no score')

    group = parser.add_argument_group('network')
    group.add_argument('--stacks', type=int, default=2, help='number of hourglasses')
    group.add_argument('--width', type=int, default=256, help='channels inside an hourglass')
    group.add_argument('--depth', type=int, default=4, help='times that an hourglass halves the resolution')
    group.add_argument('--input-size', type=int, default=256, help='height and width of the input')

    group = parser.add_argument_group('training')
    group.add_argument('--epoch', type=int, default=100, help='length of the training')
    group.add_argument('--batchsize', type=int, metavar='N',
                       help='people in a step (default: 6, or 32 on several GPUs)')
    group.add_argument('--optimizer', choices=list(OPTIMIZERS), default='rmsprop', help='how parameters are changed')
    group.add_argument('--lr', type=float, help='learning rate (default: 2.5e-4 for rmsprop, 2e-3 for adamw)')
    group.add_argument('--schedule', choices=list(SCHEDULES), default='step',
                       help='learning rate over time: times 0.2 after 70 %% of the training, or falling as a cosine')
    group.add_argument('--rotation', type=float, default=30.0, help='largest random rotation in degrees')
    group.add_argument('--seed', type=int, default=0, help='makes a training repeatable')
    group.add_argument('--loaders', type=int, default=0, metavar='N',
                       help='processes that prepare samples beside the training; the result does not depend on it')
    group.add_argument('--gpu', default='-1', metavar='N[,N...]',
                       help='number of the GPU; several, with commas between, share each batch; -1 for the CPU')

    group = parser.add_argument_group('results')
    group.add_argument('--out', default='result', metavar='DIR',
                       help='folder for model.npz, the log and the snapshots')
    group.add_argument('--snapshot-interval', type=int, default=10, metavar='EPOCHS',
                       help='epochs from one snapshot to the next')
    group.add_argument('--resume', metavar='FILE', help='snapshot to go on from')
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    from hourglass.training.trainer import train

    train(options)


if __name__ == '__main__':
    run(main)
