"""Telling what is missing or damaged on disk, for the checks of the data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.person import PersonDataset
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.wording import counted

from PIL import Image
from tqdm import tqdm


def listing(title: str, entries: Sequence[str], shown: int = 10) -> list[str]:
    """Return lines for the first of some entries, and how many there are; ``title`` is one of them."""
    if not entries:
        return []
    more = [f'  and {len(entries) - shown} more'] if len(entries) > shown else []
    return [f'{counted(len(entries), title)}:', *(f'  {entry}' for entry in entries[:shown]), *more]


def damage(path: Path, read: bool) -> str | None:
    """Return what is wrong with an image that is there; ``None`` if nothing is."""
    if path.stat().st_size == 0:
        return f'{path}: the file is empty'
    try:
        if read:
            read_image(path)
    except InputError as error:
        return str(error)
    return None


def _problem(path: Path, is_opened: bool) -> str | None:
    """Return what is wrong with an image, from its size and its first bytes."""
    try:
        if path.stat().st_size == 0:
            return 'the file is empty'
        if is_opened:
            Image.open(path).close()
    except FileNotFoundError:
        return 'no such file'
    except Image.UnidentifiedImageError:
        return 'not a picture that can be read'
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f'cannot be read ({error})'
    return None


def check_image_files(dataset: PersonDataset, are_opened: bool = False) -> None:
    """Check that a data set's images are there, before hours of work with them.

    Args:
        dataset: the people; nothing is done for a set without image files.
        are_opened: also look whether each file begins like a picture; pixels are not read.

    Raises:
        InputError: names the first image that cannot be used, and says how many there are.
    """
    if not dataset.has_image_files:
        return
    names = list(dict.fromkeys(person.image for person in dataset.people))
    first, n_bad = '', 0
    for name in tqdm(names, f'images of {dataset.name}', disable=None, delay=2, leave=False, unit='img'):
        path = dataset.image_folder / name
        if (problem := _problem(path, are_opened)) is not None:
            first, n_bad = first or f'{path}: {problem}', n_bad + 1
    if n_bad:
        raise InputError(f'{first} ({n_bad:,} of {counted(len(names), "image")} of {dataset.name} cannot be used)')
