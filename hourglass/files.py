"""Writing files whole or not at all, and checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from hourglass.errors import InputError

#: As a target, this name stands for standard output.
STDOUT = '-'


def _is_stdout(path: Path) -> bool:
    """Return whether a path is standard output: ``-``, ``/dev/stdout``, or the file that it is redirected to."""
    try:
        return str(path) == STDOUT or os.path.samestat(path.stat(), os.fstat(1))
    except OSError:
        return False


def _final_path(path: Path) -> Path | None:
    """Return the file that a path, which may be a link, leads to.

    ``None`` for a device, a pipe and standard output, which are not replaced.

    Raises:
        OSError: it is a folder, a disk or a socket.
    """
    if _is_stdout(path):
        return None
    final = Path(os.path.realpath(path))
    try:
        mode = path.stat().st_mode
    except OSError:
        return final  # it does not exist yet, or may not be read, which the attempt to write reports
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        return None
    if not stat.S_ISREG(mode):
        raise OSError(None, 'is a folder' if stat.S_ISDIR(mode) else 'is not a regular file')
    return final


def check_targets(targets: Sequence[str | os.PathLike | None], sources: Sequence[str | os.PathLike | None]) -> None:
    """Check, before any work is done, that files can be written and that none replaces another or an input.

    Args:
        targets: files to be written (:func:`atomic_write`); ``None`` is skipped.
        sources: files that are read; what is no file, such as the name of weights, does no harm.

    Raises:
        InputError: names the first file that would be lost or cannot be written.
    """
    taken = {os.path.realpath(source) for source in sources if source is not None}
    for target in targets:
        if target is None:
            continue
        path = Path(target)
        if (place := os.path.realpath(path)) in taken:
            raise InputError(f'{path}: would replace an input file, or is named for two results')
        taken.add(place)
        try:
            final = _final_path(path)
        except OSError as error:
            raise InputError(f'{path}: cannot be written ({error.strerror})') from None
        if final is None:
            if not _is_stdout(path) and not os.access(path, os.W_OK):
                raise InputError(f'{path}: cannot be written (no permission)')
            continue
        folder = next(parent for parent in final.parents if os.path.exists(parent))
        if not os.path.isdir(folder):
            raise InputError(f'{path}: cannot be written ({folder} is not a folder)')
        if not os.access(folder, os.W_OK):
            raise InputError(f'{path}: cannot be written (no permission in {folder})')


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path; when the block ends without an error, the file there becomes ``path``.

    A file appears whole or not at all, also if the disk is full or the machine stops.  A link stays, and the file
    that it leads to is written.  A device, a pipe and ``-`` (standard output) get the bytes when all are there.  The
    temporary name keeps the ending, by which many libraries choose the format.

    Raises:
        InputError: the file cannot be written.
        BrokenPipeError: the reader of a pipe has closed it.
    """
    path = Path(path)
    partial: Path | None = None
    try:
        final = _final_path(path)
        if final is not None:
            final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix='.partial-', dir=final and final.parent)
        os.close(handle)
        partial = Path(name)
        yield partial
        if final is None:
            with partial.open('rb') as file:
                _copy_to_stream(file, path)
        else:
            sync(partial)
            partial.chmod(_mode_of(final))
            os.replace(partial, final)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f'{path}: cannot be written ({error.strerror or error})') from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Write a file as :func:`atomic_write` does, from memory.

    For libraries that write to a descriptor and do not check how much was written, as Pillow does.
    """
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def _copy_to_stream(source: BinaryIO, path: Path) -> None:
    if _is_stdout(path):
        sys.stdout.flush()
        shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with os.fdopen(os.open(path, os.O_WRONLY), 'wb') as target:
        shutil.copyfileobj(source, target)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some file systems only now report a full one."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode_of(path: Path) -> int:
    """Return the permissions of a file, or those of a new file; a temporary file is private."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


#: Checksums of files from this size on may take long.
_SLOW_BYTES = 500_000_000


def sha256_of(path: Path, start: int = 0) -> str:
    """Return the SHA-256 of a file from byte ``start`` on; a progress bar is shown if it takes long."""
    checksum, size = hashlib.sha256(), path.stat().st_size
    with path.open('rb') as file, ExitStack() as stack:
        bar: Any = None
        if size > _SLOW_BYTES:
            from tqdm import tqdm  # only here: it takes longer to import than most files to read

            # disable=None: shown only where stderr is a terminal.
            bar = stack.enter_context(tqdm(desc=f'checking {path.name}', total=size, unit='B', unit_scale=True,
                                           disable=None, leave=False, delay=2))
        file.seek(start)
        while block := file.read(1 << 20):
            checksum.update(block)
            if bar is not None:
                bar.update(len(block))
    return checksum.hexdigest()
