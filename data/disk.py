"""Telling what is missing or damaged on disk, for the checks of the data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.image import read_image
from hourglass.errors import InputError


def listing(title: str, entries: Sequence[str], shown: int = 10) -> list[str]:
    """Return lines for the first of some entries, and how many there are."""
    if not entries:
        return []
    more = [f'  and {len(entries) - shown} more'] if len(entries) > shown else []
    return [f'{len(entries)} {title}:', *(f'  {entry}' for entry in entries[:shown]), *more]


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
