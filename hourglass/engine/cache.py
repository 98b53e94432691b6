"""The cache of graphs for engines, so that each graph is made only once.

An entry is one file: a line of JSON with the description of the network and the checksum of that and of the graph, then
the graph.  Its name is a hash of everything that the graph depends on.  A damaged entry is made again.  If the folder
cannot be written, a graph is made each time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hourglass.download import cache_folder
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.spec import ModelSpec

#: Number of entries that are kept, those used last; the graph of the full network takes 105 MB.
MAX_ENTRIES = 8
#: Version of the entries, a part of every name.  Raise it when other graphs are made of the same weights, when their
#: description is read in another way, or when the format of the files changes.
GRAPH_VERSION = 3


@dataclass(frozen=True)
class Entry:
    """A graph, and the description of its weights."""

    graph: bytes
    spec: ModelSpec


def key_of(*parts: str) -> str:
    """Return the name of an entry, a hash of all texts."""
    return hashlib.sha256(json.dumps([GRAPH_VERSION, *parts]).encode()).hexdigest()[:32]


def cached(key: str, make: Callable[[], Entry]) -> Entry:
    """Return the entry of this name (:func:`key_of`); make it if it is missing or damaged."""
    try:
        path = cache_folder() / 'engines' / f'{key}.graph'
    except InputError:  # there is no such folder on this machine
        return make()
    entry = _read(path)
    if entry is None:
        entry = make()
        with suppress(InputError):
            _write(path, entry)
            _remove_oldest(path.parent)
    return entry


def _checksum(spec: str, graph: bytes) -> str:
    checksum = hashlib.sha256(spec.encode() + b'\n')
    checksum.update(graph)
    return checksum.hexdigest()


def _read(path: Path) -> Entry | None:
    """Return an entry; None if there is none or it is damaged."""
    try:
        with path.open('rb') as file:
            header = json.loads(file.readline(1 << 20))
            graph = file.read()
        if _checksum(header['spec'], graph) != header['sha256']:
            return None
        entry = Entry(graph, ModelSpec.from_json(header['spec']))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        return None
    with suppress(OSError):
        os.utime(path)  # it is in use: not the next to be removed
    return entry


def _write(path: Path, entry: Entry) -> None:
    spec = entry.spec.to_json()
    header = {'sha256': _checksum(spec, entry.graph), 'spec': spec}
    with atomic_write(path) as partial, partial.open('wb') as file:
        file.write(json.dumps(header).encode() + b'\n')
        file.write(entry.graph)


def _remove_oldest(folder: Path) -> None:
    with suppress(OSError):  # another process removes them, too
        files = sorted(folder.glob('*.graph'), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[MAX_ENTRIES:]:
            path.unlink()
