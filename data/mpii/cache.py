"""Keeping the official annotations in a form that loads at once; parsing the MATLAB file takes a while."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

from data.mpii.matlab import read_matlab
from data.mpii.people import People
from hourglass.errors import InputError
from hourglass.files import atomic_write, sha256_of

import numpy as np

# Raised with every change of what is stored, so that no older cache is used.
_VERSION = 2


def _places(path: Path, key: str) -> list[Path]:
    """Return where the cache may be: beside the annotations, or among the downloads if that is not writable."""
    from hourglass.download import cache_folder

    return [path.with_suffix('.cache.npz'), cache_folder() / f'mpii-{key}.npz']


def _key(path: Path) -> str:
    """Return a text that differs for every content of the file."""
    try:
        return f'{_VERSION}-{sha256_of(path)[:32]}'
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None


def _load(place: Path, key: str) -> People | None:
    """Read a cache; ``None`` if it is missing, damaged, or made from another file."""
    try:
        with np.load(place, allow_pickle=False) as arrays:
            if str(arrays['key']) != key:
                return None
            return People(**{field.name: arrays[field.name] for field in fields(People)})
    except Exception:
        # NumPy reports damage with nearly any exception; then the cache is made anew.
        return None


def _save(place: Path, key: str, people: People) -> None:
    arrays = {field.name: getattr(people, field.name) for field in fields(people)}
    with atomic_write(place) as partial:
        np.savez(partial, key=np.array(key), **arrays)


def read_cached(path: str | Path) -> People:
    """Read MPII's official annotations (:func:`data.mpii.matlab.read_matlab`), from the cache where there is one.

    The cache belongs to the file's content: another file, or a damaged cache, is parsed anew.  It lies beside
    the file, or in the folder of downloads where the data cannot be written to.

    Raises:
        InputError: the annotations cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    key = _key(path)
    places = _places(path, key)
    for place in places:
        if (people := _load(place, key)) is not None:
            return people

    print(f'Reading {path} (once; the next start is faster) ...', file=sys.stderr)
    people = read_matlab(path)
    for place in places:
        try:
            _save(place, key, people)
            break
        except InputError as error:
            reason = error
    else:
        print(f'The annotations will be parsed again next time: {reason}', file=sys.stderr)
    return people
