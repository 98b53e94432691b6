"""The pictures that a command line names: files, folders, patterns; and what their results are called."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import InputError

from PIL import Image

#: What is written for each picture.
RESULTS = ('input', 'output', 'tiled')


@dataclass(frozen=True)
class Picture:
    """A file.

    Attributes:
        path: where it is.
        is_named: whether it was named itself, and not a folder or a pattern.
    """

    path: Path
    is_named: bool


def _picture_endings() -> set[str]:
    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def _pictures_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files whose endings are pictures', without hidden ones and results of an earlier run."""
    endings = _picture_endings()
    found = [p for p in sorted(paths) if p.suffix.lower() in endings and p.name[0] != '.' and p.is_file()]
    stems = {p.stem for p in found}

    def is_result(path: Path) -> bool:
        stem, _, result = path.stem.rpartition('_')
        return result in RESULTS and stem in stems

    return [p for p in found if not is_result(p)]


def _expand(argument: str) -> list[Picture]:
    if not argument:
        raise InputError('an empty name is no picture')
    path = Path(argument)
    if path.is_dir():
        found, complaint = _pictures_of(list(path.iterdir())), 'no pictures in this folder'
    elif glob.has_magic(argument) and not path.exists():
        found, complaint = _pictures_of([Path(p) for p in glob.glob(argument, recursive=True)]), 'fits no picture'
    else:
        return [Picture(path, True)]
    if not found:
        raise InputError(f'{argument}: {complaint}')
    return [Picture(p, False) for p in found]


def find_pictures(arguments: Sequence[str]) -> list[Picture]:
    """Return the pictures that arguments name, each once, in the arguments' order and by name within each.

    Args:
        arguments: files, which need not exist; folders, of which the files with pictures' endings are taken, but
            none of folders within; patterns with ``*``, ``?``, ``[...]`` and ``**``.

    Raises:
        InputError: a folder or a pattern gives no picture, or a folder cannot be read.
    """
    found: dict[Path, Picture] = {}
    for argument in arguments:
        try:
            pictures = _expand(argument)
        except OSError as error:
            raise InputError(f'{argument}: cannot be read ({error.strerror})') from None
        for picture in pictures:
            key = picture.path.resolve()
            if key not in found or picture.is_named:
                found[key] = Picture(found.get(key, picture).path, picture.is_named)
    return list(found.values())


def result_names(pictures: Sequence[Picture]) -> list[str]:
    """Return what the names of each picture's results begin with.

    Nothing for a single picture that is named; else the picture's name without its ending and ``_``.  Pictures with
    the same name get ``-2``, ``-3`` after it, in their order.
    """
    if len(pictures) == 1 and pictures[0].is_named:
        return ['']
    taken: set[str] = set()
    names = []
    for picture in pictures:
        # Some file systems do not tell upper from lower case.
        name, number = picture.path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f'{picture.path.stem}-{number}'
        taken.add(name.lower())
        names.append(f'{name}_')
    return names
