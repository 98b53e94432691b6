"""Keeping the official annotations in a form that loads at once; parsing the MATLAB file takes a while."""

from __future__ import annotations

import sys
from pathlib import Path

from data.mpii.matlab import read_matlab
from data.mpii.people import People
from hourglass.download import cache_folder
from hourglass.errors import InputError
from hourglass.files import atomic_write, sha256_of

import numpy as np

# Raised with every change of what is stored, so that no older cache is used.
_VERSION = 3


def read_cached(path: str | Path) -> People:
    """Read MPII's official annotations (:func:`data.mpii.matlab.read_matlab`), from the cache where there is one.

    The cache lies in the folder of downloads and belongs to the file's content: another file, or a damaged cache, is
    parsed anew.

    Raises:
        InputError: the annotations cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    place = cache_folder() / f'mpii-{_VERSION}-{sha256_of(path)[:32]}.npz'
    try:
        with np.load(place, allow_pickle=False) as arrays:
            return People(**arrays)
    except Exception:
        # It is not there, or damaged, which NumPy reports with nearly any exception.
        print(f'Reading {path} (once; the next start is faster) ...', file=sys.stderr)
    people = read_matlab(path)
    try:
        with atomic_write(place) as partial:
            np.savez(partial, **vars(people))
    except InputError as error:
        print(f'The annotations will be parsed again next time: {error}', file=sys.stderr)
    return people
