"""Locks that keep other processes from the same work and leave no files behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from platform import node

from hourglass.errors import InputError
from hourglass.files import write_bytes
from hourglass.foreign import printable

from filelock import FileLock, Timeout


@contextmanager
def only_process(path: Path, seconds: float, busy: Callable[[], str], advice: str = '') -> Iterator[None]:
    """Hold a lock file in this block; afterwards it is gone, and so are folders that were made for it and are empty.

    The lock is the system's own, so it is free as soon as the process ends, however it ends.

    Args:
        path: the lock file.
        seconds: how long to wait for another process that holds it.
        busy: returns the error's text if that takes longer.
        advice: end of the error's text if the file or its folder cannot be made.

    Raises:
        InputError: another process holds it, or it cannot be made.
    """
    with ExitStack() as stack:
        try:
            stack.callback(_remove_empty, [folder for folder in path.parents if not folder.exists()])
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path).acquire(timeout=seconds))
        except Timeout:
            raise InputError(busy()) from None
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise InputError(f'{path.parent}: cannot be written to ({reason}){advice}') from None
        # While it is held: a process that waits for it sees that the file is gone, and makes a new one.
        stack.callback(path.unlink, missing_ok=True)
        yield


def _remove_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):  # not empty: something has arrived
        for folder in folders:
            folder.rmdir()


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to the folder of a run in this block.

    Raises:
        InputError: another process writes there (the text names it), or the folder cannot be written to.
    """
    # In a file of its own: some versions of filelock empty the file that they try to lock.
    holder = folder / '.lock.txt'
    with ExitStack() as stack:
        stack.enter_context(only_process(
            folder / '.lock', 0, lambda: f'{folder}: another run writes to it ({_read_holder(holder)})'))
        stack.callback(holder.unlink, missing_ok=True)
        write_bytes(holder, f'process {os.getpid()} on {node()}, since {datetime.now():%Y-%m-%d %H:%M:%S}'.encode())
        yield


def _read_holder(path: Path) -> str:
    try:
        return printable(path.read_text('utf-8', 'replace'), 200)
    except OSError:
        return 'it has just begun'
