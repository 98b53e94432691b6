"""The division of MPII's training images into training and validation.

MPII publishes no labels of its test images, so part of the training images is set aside: those that Tompson et al.
(*Efficient Object Localization Using Convolutional Networks*, CVPR 2015) and the Torch7 code validate on,
2,729 images with 2,958 people.  ``validation_images.npz`` holds for each the first 48 bits of the
SHA-256 of its name, in increasing order (:func:`name_hashes`).  None of the other 21,298 images with people,
training or test, has one of these hashes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.mpii.hdf5 import read_names
from hourglass.errors import InputError

import numpy as np

#: ``trainval`` is both parts together.
SPLITS = ('train', 'val', 'trainval')
#: ``one-per-image`` validates on the first person of each image, as the reference does; ``all`` on
#: all people, as the Torch7 code does.
PROTOCOLS = ('one-per-image', 'all')

#: The list of the Torch7 code in the data root; if it exists, it is used and not the hashes.
NAMES_FILE = Path('annot/valid_images.txt')
_HASHES_FILE = Path(__file__).with_name('validation_images.npz')


def name_hashes(names: np.ndarray) -> np.ndarray:
    """Return (N,) uint64, the first 48 bits of the SHA-256 of each name."""
    return np.array([int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:6], 'big') for name in names],
                    np.uint64)


def validation_hashes(root: Path) -> np.ndarray:
    """Return the hashes of the validation images, sorted, each once."""
    if (root / NAMES_FILE).is_file():
        return np.unique(name_hashes(np.array(read_names(root / NAMES_FILE), str)))
    with np.load(_HASHES_FILE, allow_pickle=False) as arrays:
        return arrays['hashes']


def select(images: np.ndarray, is_validation: np.ndarray, split: str, protocol: str) -> np.ndarray:
    """Return the rows of a split, in order.

    Args:
        images: (N,) str, the image of each person.
        is_validation: (N,) bool, whether it is a validation image.
        split: one of :data:`SPLITS`.
        protocol: one of :data:`PROTOCOLS`; concerns ``val`` alone.
    """
    if split not in SPLITS:
        raise InputError(f'MPII has no split {split!r}; it has {", ".join(SPLITS)}')
    if protocol not in PROTOCOLS:
        raise InputError(f'MPII has no protocol {protocol!r}; it has {", ".join(PROTOCOLS)}')
    if split == 'trainval':
        return np.arange(len(images))
    rows = np.flatnonzero(is_validation == (split == 'val'))
    if (split, protocol) != ('val', 'one-per-image'):
        return rows
    # The rows in which a name occurs for the first time.
    return rows[np.sort(np.unique(images[rows], return_index=True)[1])]
