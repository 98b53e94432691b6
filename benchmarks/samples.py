"""How many training samples a second one core prepares: from whole images, and from packed people.

    python -m benchmarks.samples --dataset lsp --root DIR

A sample is read, cut out, given its heatmaps and changed at random.  The time is that of the processor, so that other
programs do not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from data.augment import Augmentation
from data.packed import COMPRESSIONS, PackedDataset, pack
from data.person import PersonDataset
from data.sets import DATASETS
from data.transform import TrainTransform
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.joints import JOINT_SETS
from hourglass.spec import ModelSpec

import cv2
import numpy as np


def samples_per_second(dataset: PersonDataset, size: int, n: int) -> float:
    """Prepare ``n`` samples for an input of ``size`` x ``size`` pixels."""
    joint_set = dataset.joint_set
    spec = ModelSpec(out_channels=len(joint_set), joints=joint_set.name, input_size=(size, size))
    transform, rng = TrainTransform(spec, Augmentation()), np.random.default_rng(0)
    transform(dataset[0], rng)
    start = time.process_time()
    for i in range(n):
        transform(dataset[i % len(dataset)], rng)
    return n / (time.process_time() - start)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = ArgumentParser(prog='python -m benchmarks.samples',
                            description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument('--dataset', choices=('mpii', 'lsp', 'lspet', 'coco', 'synthetic'), default='synthetic',
                        help='whose people (default: synthetic)')
    parser.add_argument('--root', metavar='DIR', help='folder of the data set (default: below data/)')
    parser.add_argument('--split', metavar='NAME', help='which of them (default: those that are validated on)')
    parser.add_argument('--sizes', type=int, nargs='+', default=[128, 256], metavar='PIXELS',
                        help='height and width of the input (default: 128 256)')
    parser.add_argument('-n', type=int, default=200, help='samples of each timing (default: 200)')
    options = parser.parse_args(arguments)
    if options.n < 1 or min(options.sizes) < 64 or any(size % 64 for size in options.sizes):
        raise InputError('-n must be at least 1, and --sizes multiples of 64')
    return options


def main() -> None:
    options = parse()
    cv2.setNumThreads(1)
    entry = DATASETS[options.dataset]
    assert entry.joints is not None  # only sets of a user's own have none
    extra = {'samples': min(options.n, 50)} if entry.has_samples else {}
    split = options.split or entry.val_split or entry.train_split
    dataset = entry.load(options.root, split, JOINT_SETS[entry.joints], **extra)
    for size in options.sizes:
        rates = {'whole images': samples_per_second(dataset, size, options.n)}
        for compression in COMPRESSIONS:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / 'people.h5'
                pack({'train': dataset}, path, entry.title, entry.threshold, size=size, compression=compression)
                rates[f'packed, {compression}'] = samples_per_second(PackedDataset(path), size, options.n)
        print(f'{dataset.name}, {size} x {size}, samples/s on one core: '
              + ', '.join(f'{name} {rate:.0f}' for name, rate in rates.items()), flush=True)


if __name__ == '__main__':
    run(main)
