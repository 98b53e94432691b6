"""Writing files whole or not at all, and checksums."""

from __future__ import annotations

import errno
import hashlib
import os
import re
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
_DESCRIPTORS = re.compile(r'(?:/proc/(?:self|thread-self|\d+)(?:/task/\d+)?|/dev)/fd')


def _follow_links(path: Path) -> Path:
    """Return what a path that may be a link leads to, but no farther than an open file of a process (``/dev/stdout``).

    Raises:
        OSError: the links lead in a circle.
    """
    if str(path) == STDOUT:
        return path
    for _ in range(40):
        folder = os.path.realpath(path.parent)
        if not path.is_symlink() or _DESCRIPTORS.fullmatch(folder):
            return Path(folder, path.name)
        path = Path(folder, os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _is_stream(path: Path) -> bool:
    """Return whether a path (after :func:`_follow_links`) is a device, a pipe or an open file, which is not replaced.

    Raises:
        OSError: it is a folder, a disk or a socket.
    """
    if str(path) == STDOUT or _DESCRIPTORS.fullmatch(str(path.parent)):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # it is not there yet, or may not be looked at, which the attempt to write reports
    for is_kind, kind in ((stat.S_ISDIR, 'folder'), (stat.S_ISBLK, 'disk'), (stat.S_ISSOCK, 'socket')):
        if is_kind(mode):
            raise OSError(None, f'is a {kind}')
    return not stat.S_ISREG(mode)


def check_targets(targets: Sequence[str | os.PathLike | None], sources: Sequence[str | os.PathLike | None]) -> None:
    """Check, before any work is done, that files can be written and that none replaces another or an input.

    Args:
        targets: files to be written (:func:`atomic_write`); ``None`` is passed over.
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
            raise InputError(f'{path}: would replace a file that is read, or be written twice')
        taken.add(place)
        try:
            final = _follow_links(path)
            is_stream = _is_stream(final)
        except OSError as error:
            raise InputError(f'{path}: cannot be written ({error.strerror})') from None
        if is_stream:
            if str(path) != STDOUT and not os.access(path, os.W_OK):
                raise InputError(f'{path}: cannot be written (no permission)')
            continue
        folder = next(parent for parent in final.absolute().parents if os.path.exists(parent))
        if not os.path.isdir(folder):
            raise InputError(f'{path}: cannot be written ({folder} is not a folder)')
        if not os.access(folder, os.W_OK):
            raise InputError(f'{path}: cannot be written (no permission in {folder})')


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path; when the block ends without an error, what is there becomes the content of ``path``.

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
        final = _follow_links(path)
        is_stream = _is_stream(final)
        if not is_stream:
            final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix='.partial-', dir=None if is_stream else final.parent)
        os.close(handle)
        partial = Path(name)
        yield partial
        if is_stream:
            with partial.open('rb') as file:
                _copy_to_stream(file, final)
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

    For libraries that write to a descriptor without a look at what was written, as Pillow does.
    """
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def _copy_to_stream(source: BinaryIO, path: Path) -> None:
    if str(path) == STDOUT:
        sys.stdout.flush()
        shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    # To open an own descriptor by its name would begin at the start of the file that it may be.
    is_own = str(path.parent) == os.path.realpath('/proc/self/fd')
    with os.fdopen(os.dup(int(path.name)) if is_own else os.open(path, os.O_WRONLY), 'wb') as target:
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
