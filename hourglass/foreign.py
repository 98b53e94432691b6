"""Opening files of unknown origin: checks before a library reads them."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hourglass.errors import InputError

#: Largest file that is read; of weights, also the largest sum of arrays as float32.
MAX_BYTES = 2 * 1024 ** 3
#: Largest list of entries at the end of a zip file; each entry costs about ten times its size in memory.
MAX_DIRECTORY_BYTES = 8 * 1024 ** 2

#: What zipfile and zlib raise on damaged input; OSError is for places outside of the file.
ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, OverflowError,
              RuntimeError, OSError, struct.error)


class Damage(Exception):
    """A file cannot be read, or does not hold what it should; the text is the reason."""


def printable(name: str, length: int = 60) -> str:
    """Return a name from a file of unknown origin in a form that is safe to print."""
    name = name if name.isprintable() else ascii(name)
    return name if len(name) <= length else f'{name[:length]}...'


@contextmanager
def open_file(path: Path, kind: str, max_bytes: int = MAX_BYTES) -> Iterator[BinaryIO]:
    """Open a file for reading in a ``with`` statement, if it is one.

    Args:
        path: the file.
        kind: what it should be, for messages: 'a PyTorch file'.
        max_bytes: a larger file is refused.

    Raises:
        InputError: it is missing, not a regular file, empty or too large, or cannot be read within the statement.
    """
    try:
        # A named pipe would wait for a writer, so the kind of file is checked before it is opened.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f'{path}: {"a folder" if path.is_dir() else "not a regular file"}, not {kind}')
        if status.st_size == 0:
            raise InputError(f'{path}: the file is empty')
        if status.st_size > max_bytes:
            raise InputError(f'{path}: {status.st_size:,} bytes, more than the limit of {max_bytes:,}')
        with path.open('rb') as file:
            yield file
    except OSError as error:
        raise InputError(f'{path}: {error.strerror or error}') from None


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file whose list of entries, which zipfile reads without a limit, is not too long.

    Raises:
        Damage: it has no such list, or a damaged one.
    """
    size = stream.seek(0, 2)
    # The end record is 22 bytes and a comment; the 64-bit form takes 76 bytes before it: its record and its place.
    start = stream.seek(max(0, size - 22 - 65535 - 76))
    tail = stream.read()
    end = tail.rfind(b'PK\5\6')
    if end < 0 or len(tail) < end + 22:
        raise Damage('not a zip file, or only a part of one')
    (directory_bytes,) = struct.unpack('<L', tail[end + 12:end + 16])
    record = end - 76
    if end >= 20 and tail[end - 20:end - 16] == b'PK\6\7':
        if record < 0 or struct.unpack('<Q', tail[end - 12:end - 4])[0] != start + record:
            raise Damage('the place of its list of entries is damaged')
        (directory_bytes,) = struct.unpack('<Q', tail[record + 40:record + 48])
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise Damage('a zip file with more entries than are read')
    try:
        return zipfile.ZipFile(stream)
    except ZIP_DAMAGE as error:
        raise Damage(f'a damaged zip file, {printable(str(error))}') from None
