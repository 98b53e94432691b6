"""Weights by name: find, download and load them (:mod:`pretrained.entries` is the table)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hourglass import download
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from hourglass.wording import counted
from pretrained.entries import REGISTRY, Entry

if TYPE_CHECKING:
    from pretrained.weights_file import Model

T = TypeVar('T')


def read(entry: Entry, path: Path) -> Model:
    """Read a file as the weights of an entry.

    Raises:
        InputError: the file cannot be read, or is for another network.
    """
    # Imported here because paths alone need none of it.
    from pretrained.formats import load_any

    model = load_any(path)
    found, expected = model.spec.topology, entry.spec.topology
    joints = entry.spec.joints if entry.has_known_sizes else model.spec.joints
    if entry.has_known_sizes and found != expected:
        what = 'a network of another size' if found['network'] == expected['network'] else 'another network'
        raise InputError(f'{path}: {what}, {found} instead of {expected}')
    spec = replace(entry.spec, **found, joints=joints, confidence=model.spec.confidence)
    return replace(model, spec=spec, source=f'{entry.name} ({path})')


def fetch(name: str, connect_seconds: float = 10.0, wait_seconds: float = 600.0) -> Path:
    """Return the file of named weights, downloading it if it is not there or is damaged.

    Args:
        name: a key of :data:`REGISTRY`.
        connect_seconds: time to reach each server.
        wait_seconds: time to wait for another process that downloads the same.

    Raises:
        InputError: the name is unknown, or no source delivered the file.
    """
    if name not in REGISTRY:
        raise InputError(f'{name}: no weights of this name; the names are {", ".join(REGISTRY)}')
    entry = REGISTRY[name]
    if not entry.sources:
        return entry.path
    return download.fetch(entry.file, entry.sources, lambda path: read(entry, path), entry.max_bytes,
                          sha256=entry.sha256, connect_seconds=connect_seconds, wait_seconds=wait_seconds)


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """Return the path of a weights file, downloading named weights that are not in the cache folder yet.

    Args:
        name_or_path: a key of :data:`REGISTRY`, or else the path of a file.  A name comes first; write
            ``./published`` for a file of that name.

    Raises:
        InputError: there is neither such a name nor such a file, or the download failed.
    """
    if name_or_path in REGISTRY:
        entry = REGISTRY[str(name_or_path)]
        return entry.path if entry.is_there else fetch(entry.name)
    path = Path(name_or_path)
    if not os.path.exists(path) and len(path.parts) == 1:
        raise InputError(f'{path}: no such file, and no weights of this name ({", ".join(REGISTRY)})')
    return path


def load(name_or_path: str | os.PathLike[str], part: str | None = None) -> Model:
    """Load weights by name or from a file of any kind.

    Args:
        name_or_path: as for :func:`resolve`; the kinds of files are those of :func:`pretrained.formats.load_any`.
        part: which network, if there is more than one in the file; the error without it lists the names.

    Raises:
        InputError: there are no such weights, they cannot be downloaded or read, or are of another network.
    """
    path = resolve(name_or_path)
    if part is not None or name_or_path not in REGISTRY:
        from pretrained.formats import load_any

        return load_any(path, part)
    entry = REGISTRY[str(name_or_path)]
    try:
        return read(entry, path)
    except InputError as error:
        if not entry.sources:
            raise
        raise InputError(f'{error}; python -m pretrained fetch {entry.name} downloads it again') from None


def load_default() -> Model:
    """Load the published weights if they are in the cache folder or can be downloaded, else the bundled ones.

    A machine without a network gets the bundled ones within seconds, and a download that failed is not tried
    again for an hour.

    Returns:
        The model.  Its ``source`` is a line for the user: which weights these are and why.
    """
    model, source = with_default(load)
    return replace(model, source=source)


def with_default(use: Callable[[str], T]) -> tuple[T, str]:
    """Use the weights that :func:`load_default` would load.

    Args:
        use: called with their name.  If it raises ``InputError`` for the published weights, it is called with the name
            of the bundled ones.

    Returns:
        What ``use`` returned, and a line for the user: which weights these are and why.
    """
    entry = REGISTRY['published']
    try:
        if not entry.is_there:
            if reason := download.recent_failure(entry.file):
                raise InputError(f'{entry.file} could not be downloaded a while ago ({reason}); '
                                 f'python -m pretrained fetch {entry.name} tries again')
            fetch(entry.name, connect_seconds=2.0, wait_seconds=60.0)
        result = use(entry.name)
    except InputError as error:
        spec = REGISTRY['bundled'].spec
        return use('bundled'), f'using the bundled weights, {_summary(spec)}: {error}'
    return result, f'using the published weights, {_summary(entry.spec)}: {entry.path}'


def use_weights(name: str | None, use: Callable[[str], T]) -> T:
    """Return what a function makes of the name of weights; of the default ones without a name, reported on stderr."""
    if name is not None:
        return use(name)
    result, source = with_default(use)
    print(source, file=sys.stderr)
    return result


def _summary(spec: ModelSpec) -> str:
    height, width = spec.input_size
    return (f'{counted(spec.n_stack, "stack")} of width {spec.width}, {counted(spec.out_channels, "joint")}, '
            f'{width}x{height} input')
