"""Help with COCO on the command line: ``python -m data.coco check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hourglass.errors import ArgumentParser, InputError, run


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m data.coco', description='Help with the COCO data set.')
    commands = parser.add_subparsers(dest='command', required=True)
    command = commands.add_parser('check', help='say whether the data set is complete, and how to get it')
    command.add_argument('--root', type=Path, default=Path('data/COCO'), metavar='DIR',
                         help='folder with the annotations and the images (default: data/COCO)')
    command.add_argument('--split', nargs='+', metavar='NAME', default=['train2017', 'val2017'],
                         help='parts to look for (default: train2017 val2017)')
    command.add_argument('--read-images', action='store_true', help='also read every image (takes long)')
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    from data.coco.check import INSTRUCTIONS, check

    from tqdm import tqdm

    report = check(options.root, options.read_images, options.split,
                   lambda paths: tqdm(paths, unit='image', disable=not sys.stderr.isatty()))
    if report.parts:
        print(report)
    if report.missing or report.no_annotations:
        print(INSTRUCTIONS.format(root=options.root))
    if not report.parts:
        raise InputError(f'{options.root}: COCO\'s annotations are not there ({report.no_annotations[0]} is missing)')
    if report.problems:
        raise InputError(f'{options.root}: COCO is not complete: {", ".join(report.problems)}')
    print('COCO is complete.')


if __name__ == '__main__':
    run(main)
