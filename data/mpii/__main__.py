"""Help with MPII on the command line: ``python -m data.mpii check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hourglass.errors import ArgumentParser, InputError, run


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m data.mpii', description='Help with the MPII data set.')
    commands = parser.add_subparsers(dest='command', required=True)
    command = commands.add_parser('check', help='say whether the data set is complete, and how to get it')
    command.add_argument('--root', type=Path, default=Path('data/MPII'), metavar='DIR',
                         help='folder with the annotations and the images (default: data/MPII)')
    command.add_argument('--read-images', action='store_true', help='also read every image (takes minutes)')
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    from data.mpii.check import INSTRUCTIONS, check
    from data.mpii.dataset import has_annotations

    from tqdm import tqdm

    if not has_annotations(options.root):
        print(INSTRUCTIONS.format(root=options.root))
        raise InputError(f'{options.root}: MPII\'s annotations are not there')
    report = check(options.root, options.read_images,
                   lambda names: tqdm(names, unit='image', disable=not sys.stderr.isatty()))
    print(report)
    if report.missing:
        print(INSTRUCTIONS.format(root=options.root))
    if report.problems:
        raise InputError(f'{options.root}: MPII is not complete: {", ".join(report.problems)}')
    print('MPII is complete.')


if __name__ == '__main__':
    run(main)
