"""Work on data sets: check or download one, or pack its people into one file that is fast to train from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hourglass.errors import ArgumentParser, InputError, run


def _pack(options: argparse.Namespace) -> None:
    from data.packed import pack
    from data.sets import DATASETS

    from tqdm import tqdm

    if options.dataset == 'packed':
        raise InputError('the set is packed already')
    entry = DATASETS[options.dataset]
    splits = {'train': entry.fit_split, 'val': entry.val_split}
    extra = {'samples': options.samples} if entry.has_samples and options.samples else {}
    datasets = {name: entry.load(options.root, split, entry.joint_set, **extra)
                for name, split in splits.items() if split is not None}
    with tqdm(total=sum(map(len, datasets.values())), unit='people', dynamic_ncols=True) as bar:
        pack(datasets, Path(options.out), entry.title, entry.threshold, options.size, options.margin,
             options.compression, bar.update)
    people = ', '.join(f'{len(dataset)} {name}' for name, dataset in datasets.items())
    print(f'{options.out}: {people}, {Path(options.out).stat().st_size / 1e6:.1f} MB')


def _check(options: argparse.Namespace) -> None:
    from data.check import check_set
    from data.sets import DATASETS

    from tqdm import tqdm

    root = Path(options.root or DATASETS[options.dataset].root or '')
    check_set(options.dataset, root, options.split, options.read_images,
              lambda images: tqdm(images, unit='image', disable=not sys.stderr.isatty()))


def _fetch(options: argparse.Namespace) -> None:
    from data.check import check_set
    from data.fetch import fetch_set
    from data.sets import DATASETS

    root = Path(options.root or DATASETS[options.dataset].root or '')
    fetch_set(options.dataset, root, options.split, options.keep)
    check_set(options.dataset, root, options.split)


def _add_folder_options(command: argparse.ArgumentParser) -> None:
    command.add_argument('dataset', choices=('coco', 'lsp', 'lspet', 'mpii'), help='the data set')
    command.add_argument('--root', metavar='DIR', help='folder of the data set (default: below data/)')
    command.add_argument('--split', nargs='+', metavar='NAME', help='only these splits of COCO: train2017, val2017')


def main() -> None:
    from data.packed import COMPRESSIONS
    from data.sets import DATASETS

    parser = ArgumentParser(prog='python -m data', description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    command = commands.add_parser('pack', help='cut everybody out once',
                                  description='Write the people of a set to one file that is fast to train from.',
                                  formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    command.add_argument('--dataset', required=True, choices=list(DATASETS), help='what to pack')
    command.add_argument('--root', metavar='DIR', help='folder of the data set (default: below data/)')
    command.add_argument('--samples', type=int, metavar='N', help='people of a set that is made by the program')
    command.add_argument('--out', required=True, metavar='FILE', help='the file to write (.h5)')
    command.add_argument('--size', type=int, default=256, help='side of a person\'s crop in pixels')
    command.add_argument('--margin', type=float, default=1.5, help='side of what is kept, in sides of the crop')
    command.add_argument('--compression', choices=COMPRESSIONS, default='lzf', help='filter of the images')
    command.set_defaults(function=_pack)

    command = commands.add_parser('check', help='say whether a set is complete, and how to get it',
                                  description='Say where a data set comes from, count what is there, name what is not.')
    _add_folder_options(command)
    command.add_argument('--read-images', action='store_true', help='also read every image (takes long)')
    command.set_defaults(function=_check)

    command = commands.add_parser('fetch', help='download and unpack a set', description=(
        'Download and unpack what is missing of a data set, going on where an earlier run stopped. An archive that '
        'was put into the folder by hand is used as it is.'))
    _add_folder_options(command)
    command.add_argument('--keep', action='store_true', help='leave the archives there after unpacking')
    command.set_defaults(function=_fetch)
    options = parser.parse_args()
    options.function(options)


if __name__ == '__main__':
    run(main)
