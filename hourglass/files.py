"""Writing files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hourglass.errors import InputError


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
        if path.is_dir():
            raise IsADirectoryError(None, 'is a folder')
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
