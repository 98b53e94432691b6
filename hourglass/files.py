"""Files: written whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hourglass.errors import InputError


def _obstacle(path: Path) -> str | None:
    """Say what is there that a file must not take the place of: a folder, or something like ``/dev/stdout``."""
    # os.path takes what may not be looked into for missing; pathlib raises.
    if os.path.isdir(path):
        return 'is a folder'
    return 'is no ordinary file' if os.path.exists(path) and not os.path.isfile(path) else None


def check_targets(targets: Sequence[str | os.PathLike | None], sources: Sequence[str | os.PathLike | None]) -> None:
    """Check, before any work is done, that files can be written and that none replaces another or an input.

    Args:
        targets: files to be written; ``None`` is passed over.
        sources: files that are read; what is no file, such as the name of weights, does no harm.

    Raises:
        InputError: names the first file that would be lost or cannot be written.
    """
    taken = {Path(source).resolve() for source in sources if source is not None}
    for target in targets:
        if target is None:
            continue
        path = Path(target)
        if path.resolve() in taken:
            raise InputError(f'{path}: would replace a file that is read, or be written twice')
        taken.add(path.resolve())
        if obstacle := _obstacle(path):
            raise InputError(f'{path}: cannot be written ({obstacle})')
        folder = next(parent for parent in path.absolute().parents if os.path.exists(parent))
        if not os.path.isdir(folder):
            raise InputError(f'{path}: cannot be written ({folder} is not a folder)')
        if not os.access(folder, os.W_OK):
            raise InputError(f'{path}: cannot be written (no permission in {folder})')


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path``; when the block ends without an error it takes the place of ``path``.

    The temporary name keeps the ending, by which many libraries choose the format.

    Raises:
        InputError: the folder cannot be written to.
    """
    path = Path(path)
    partial: Path | None = None
    try:
        if obstacle := _obstacle(path):
            raise OSError(None, obstacle)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix='.partial-', dir=path.parent)
        os.close(handle)
        partial = Path(name)
        yield partial
        # mkstemp makes a private file; the result gets the permissions of any other new file.
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror or error})') from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the checksum of a file."""
    checksum = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            checksum.update(block)
    return checksum.hexdigest()
