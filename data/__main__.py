"""Data sets: check or download one, pack its people into one file that is fast to train from, print its joints."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from data.published import PUBLISHED
from hourglass.errors import ArgumentParser, InputError, run

#: Data sets that are a user's file.
OWN = ('csv', 'coco-json')


def _own_joints(options: argparse.Namespace) -> Any:
    from hourglass.joint_table import read_joint_set

    if options.images is not None and options.dataset not in OWN:
        raise InputError(f'--images is for {" and ".join(OWN)}')
    return None if options.joints is None else read_joint_set(options.joints)


def _pack(options: argparse.Namespace) -> None:
    from data.packed import check_sizes, pack
    from data.pictures import check_image_files
    from data.sets import DATASETS
    from hourglass.files import STDOUT, check_targets

    check_sizes(options.size, options.margin)
    check_targets([options.out], [options.root, options.joints])
    entry = DATASETS[options.dataset]
    if options.samples is not None and not entry.has_samples:
        raise InputError('--samples is for synthetic')
    joint_set = _own_joints(options) or entry.joints_of(options.root)
    if options.split is not None and len(options.split) > 2:
        raise InputError('--split takes one name or two')
    chosen = options.split or [entry.fit_split, entry.val_split]
    splits = dict(zip(('train', 'val'), chosen, strict=False))
    datasets = {name: entry.load(options.root, split, joint_set, samples=options.samples, images=options.images)
                for name, split in splits.items() if split is not None}
    for dataset in datasets.values():
        check_image_files(dataset, decode=False)
    threshold = getattr(datasets['train'], 'threshold', entry.threshold)
    title = Path(options.root or entry.root or '').name if entry.is_own else entry.title
    pack(datasets, Path(options.out), title, threshold, options.size, options.margin, options.compression)
    people = ', '.join(f'{len(dataset)} {name}' for name, dataset in datasets.items())
    size = f', {os.path.getsize(options.out) / 1e6:.1f} MB' if os.path.isfile(options.out) else ''
    print(f'{options.out}: {people}{size}', file=sys.stderr if options.out == STDOUT else sys.stdout)


def _check(options: argparse.Namespace) -> None:
    from data.check import check_own, check_set
    from data.sets import DATASETS

    joints = _own_joints(options)
    root = Path(options.root or DATASETS[options.dataset].root or '')
    if options.dataset in OWN:
        if options.split is not None:
            raise InputError('--split is for coco: all splits of a file are checked')
        check_own(options.dataset, root, options.images, joints, options.read_images)
        return
    if joints is not None:
        raise InputError(f'--joints is for {" and ".join(OWN)}')
    check_set(options.dataset, root, options.split, options.read_images)


def _fetch(options: argparse.Namespace) -> None:
    from data.check import check_set
    from data.fetch import fetch_set
    from data.sets import DATASETS

    root = Path(options.root or DATASETS[options.dataset].root or '')
    fetch_set(options.dataset, root, options.split, options.keep, options.insecure)
    check_set(options.dataset, root, options.split)


def _joints(options: argparse.Namespace) -> None:
    from data.sets import DATASETS
    from hourglass.files import atomic_write, check_targets
    from hourglass.joint_table import format_table, read_joint_set

    check_targets([options.out], [options.source, options.root])
    is_file = options.source in OWN or options.source == 'packed'
    if options.root is not None and not is_file:
        raise InputError(f'--root is for {", ".join(OWN)} and packed')
    entry = DATASETS.get(options.source)
    joint_set = read_joint_set(options.source) if entry is None else entry.joints_of(options.root)
    if options.out:
        with atomic_write(options.out) as partial:
            partial.write_text(format_table(joint_set), encoding='utf-8')
    else:
        print(format_table(joint_set), end='')


def _add_folder_options(command: argparse.ArgumentParser) -> None:
    command.add_argument('--root', metavar='DIR|FILE', help='folder of the data set, or a file of your own (default: '
                                                            'below data/)')
    command.add_argument('--split', nargs='+', metavar='NAME', help='only these splits of COCO: train2017, val2017')


def _add_own_options(command: argparse.ArgumentParser, joints: str) -> None:
    command.add_argument('--images', metavar='DIR', help='folder of the images of csv and coco-json (default: beside '
                                                         'the file)')
    command.add_argument('--joints', metavar='NAME|FILE', help=joints)


def build_parser() -> argparse.ArgumentParser:
    from data.packed import COMPRESSIONS
    from data.sets import DATASETS

    parser = ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar='COMMAND')
    command = commands.add_parser('pack', help='cut all people out once, into one file',
                                  description='Write the people of a set to one file that is fast to train from.')
    command.add_argument('--dataset', required=True, choices=[name for name in DATASETS if name != 'packed'],
                         help='what to pack')
    command.add_argument('--root', metavar='DIR|FILE', help='folder of the data set, or a file of your own (default: '
                                                            'below data/)')
    _add_own_options(command, 'joints to keep: a set by its name, or a table of your own (default: those of the set)')
    command.add_argument('--split', nargs='+', metavar='NAME', help=(
        'the split to train on and, as a second name, the split to validate on, such as "half-fit half-val" of lsp '
        '(default: those of train.py)'))
    command.add_argument('--samples', type=int, metavar='N', help='number of people in each split of the synthetic '
                                                                  'set (default: 20000, and 1000 for validation)')
    command.add_argument('--out', required=True, metavar='FILE', help='the file to write (.h5)')
    command.add_argument('--size', type=int, default=256, metavar='PIXELS',
                         help='side of a person\'s crop, 16 to 2048 (default: 256)')
    command.add_argument('--margin', type=float, default=1.5, metavar='M',
                         help='side of the square that is kept around the crop, in sides of the crop, 1 to 4 '
                              '(default: 1.5)')
    command.add_argument('--compression', choices=COMPRESSIONS, default='lzf',
                         help='compression of the images in the file, without loss (default: lzf)')
    command.set_defaults(function=_pack)

    command = commands.add_parser('check', help='check whether a set is complete and fits its images', description=(
        'Count the people and images of a data set, compare the annotations with the images, name what is missing, and '
        'print where the set comes from.'))
    command.add_argument('dataset', choices=(*PUBLISHED, *OWN), help='the data set')
    _add_folder_options(command)
    _add_own_options(command, 'joint set of csv and coco-json, by name or as a table (default: from the '
                              'names of the joints in the file)')
    command.add_argument('--read-images', action='store_true', help='also decode every image (takes long)')
    command.set_defaults(function=_check)

    command = commands.add_parser('fetch', help='download and unpack a set', description=(
        'Download and unpack what is missing of a data set, resuming where an earlier run stopped. An archive that '
        'was put into the folder by hand is used as it is.'))
    command.add_argument('dataset', choices=PUBLISHED, help='the data set')
    _add_folder_options(command)
    command.add_argument('--keep', action='store_true', help='keep the archives after unpacking')
    command.add_argument('--insecure', action='store_true', help=(
        'allow a download without encryption (HTTP) of an archive whose checksum is not known'))
    command.set_defaults(function=_fetch)

    command = commands.add_parser('joints', help='write a table of joints, to begin a table of your own with',
                                  description='Write the joints of a set or of a file as a table (JSON).')
    command.add_argument('source', metavar='SOURCE', help='a data set, such as lspet; a joint set, such as mpii; csv, '
                                                          'coco-json or packed, with --root; or the file of a table')
    command.add_argument('--root', metavar='FILE', help='the file of csv, coco-json or packed')
    command.add_argument('--out', metavar='FILE', help='where to write (default: the terminal)')
    command.set_defaults(function=_joints)
    return parser


def main() -> None:
    options = build_parser().parse_args()
    options.function(options)


if __name__ == '__main__':
    run(main)
