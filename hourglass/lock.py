"""Keeping other processes from the same work, without leaving anything behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock


@contextmanager
def only_process(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock file in this block; afterwards it is gone, and so are folders that were made for it and are empty.

    Args:
        path: the lock file.
        seconds: how long to wait for another process that holds it.

    Raises:
        filelock.Timeout: another process holds it.
        OSError, NotImplementedError: the file or its folder cannot be made.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path).acquire(timeout=seconds):
            try:
                yield
            finally:
                # While it is held: who waits for it sees that the file is no longer there, and makes a new one.
                path.unlink(missing_ok=True)
    finally:
        with suppress(OSError):  # not empty: something has arrived
            for folder in made:
                folder.rmdir()
