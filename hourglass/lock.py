"""Keeping other processes from the same work, without leaving anything behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from platform import node

from hourglass.errors import InputError
from hourglass.files import write_bytes

from filelock import FileLock, Timeout


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


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to the folder of a run in this block.

    The lock is the system's own, so it is free as soon as the process ends, however it ends.

    Raises:
        InputError: another process writes there, and the text says which; or the folder cannot be written to.
    """
    # In a file of its own: some versions of filelock empty the file that they try to lock.
    holder = folder / '.lock.txt'
    with ExitStack() as stack:
        try:
            stack.enter_context(only_process(folder / '.lock', 0))
            stack.callback(holder.unlink, missing_ok=True)
            write_bytes(holder, f'process {os.getpid()} on {node()}, since {datetime.now():%Y-%m-%d %H:%M:%S}'.encode())
        except Timeout:
            raise InputError(f'{folder}: another run writes to it ({_read_holder(holder)})') from None
        except (OSError, NotImplementedError) as error:
            raise InputError(f'{folder}: cannot be written to ({getattr(error, "strerror", None) or error})') from None
        yield


def _read_holder(path: Path) -> str:
    try:
        text = path.read_text('utf-8', 'replace')[:200]
    except OSError:
        return 'it has just begun'
    return text if text.isprintable() else ascii(text)
