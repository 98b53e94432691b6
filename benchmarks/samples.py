"""How many training samples a second one core prepares: from whole images, and from packed people.

    python -m benchmarks samples --dataset lsp --root DIR

A sample is read, cut out, given its heatmaps and changed at random.  The time is that of the processor, so that other
programs do not count.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import Run, positive, script_parser, table, time_by_turns
from data.augment import Augmentation
from data.packed import COMPRESSIONS, PackedDataset, pack
from data.person import PersonDataset
from data.sets import DATASETS
from data.transform import TrainTransform
from hourglass.errors import InputError
from hourglass.joints import JOINT_SETS
from hourglass.spec import ModelSpec

import cv2
import numpy as np


def preparation(dataset: PersonDataset, size: int, n: int) -> Run:
    """Return what prepares ``n`` samples for an input of ``size`` x ``size`` pixels."""
    joint_set = dataset.joint_set
    spec = ModelSpec(out_channels=len(joint_set), joints=joint_set.name, input_size=(size, size))
    transform, rng = TrainTransform(spec, Augmentation()), np.random.default_rng(0)

    def run() -> None:
        for i in range(n):
            transform(dataset[i % len(dataset)], rng)

    return run


def main(arguments: list[str]) -> None:
    parser = script_parser('samples', __doc__)
    parser.add_argument('--dataset', choices=('mpii', 'lsp', 'lspet', 'coco', 'synthetic'), default='synthetic',
                        help='whose people (default: synthetic)')
    parser.add_argument('--root', metavar='DIR', help='folder of the data set (default: below data/)')
    parser.add_argument('--split', metavar='NAME', help='which of them (default: those that are validated on)')
    parser.add_argument('--sizes', type=positive, nargs='+', default=[128, 256], metavar='PIXELS',
                        help='height and width of the input (default: 128 256)')
    parser.add_argument('-n', type=positive, default=200, help='samples of each timing (default: 200)')
    options = parser.parse_args(arguments)
    if any(size % 64 for size in options.sizes):
        raise InputError('--sizes must be multiples of 64')

    cv2.setNumThreads(1)
    entry = DATASETS[options.dataset]
    assert entry.joints is not None  # only sets of a user's own have none
    extra = {'samples': min(options.n, 50)} if entry.has_samples else {}
    split = options.split or entry.val_split or entry.train_split
    dataset = entry.load(options.root, split, JOINT_SETS[entry.joints], **extra)
    rows = [[f'{dataset.name}, samples/s on one core', 'whole images', *(f'packed, {name}' for name in COMPRESSIONS)]]
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            runs = {'whole': preparation(dataset, size, options.n)}
            for compression in COMPRESSIONS:
                path = Path(folder) / f'{compression}.h5'
                pack({'train': dataset}, path, entry.title, entry.threshold, size=size, compression=compression)
                runs[compression] = preparation(PackedDataset(path), size, options.n)
            seconds = time_by_turns(runs, 1, clock='cpu')
        rows.append([f'{size} x {size}', *(f'{options.n / times[0]:.0f}' for times in seconds.values())])
    print(table(rows))
