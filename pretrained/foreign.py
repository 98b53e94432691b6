"""Opening files of unknown origin: checks before a library reads them."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from hourglass.errors import InputError
from hourglass.npz import MAX_BYTES, MAX_DIRECTORY_BYTES, printable

#: What zipfile and zlib raise on damaged input; OSError is for places outside of the file.
ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError, OverflowError,
              RuntimeError, OSError, struct.error)


class Damage(Exception):
    """A file cannot be read; the text is the reason."""


def open_file(path: Path, kind: str) -> BinaryIO:
    """Open a file for reading, if it is one.

    Args:
        path: the file.
        kind: what it should be, for messages: 'a PyTorch file'.

    Raises:
        InputError: it is missing, not a regular file, empty, or larger than any weights.
    """
    try:
        # A named pipe would wait for a writer, so the kind of file is asked for before it is opened.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f'{path}: {"a folder" if path.is_dir() else "not a regular file"}, not {kind}')
        if status.st_size == 0:
            raise InputError(f'{path}: the file is empty')
        if status.st_size > MAX_BYTES:
            raise InputError(f'{path}: {status.st_size:,} bytes are more than the {MAX_BYTES:,} that are read')
        return path.open('rb')
    except OSError as error:
        raise InputError(f'{path}: {error.strerror or error}') from None
    except ValueError as error:  # a null character in the name
        raise InputError(f'{str(path)!r}: {error}') from None


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file whose list of entries is not too long.

    Raises:
        Damage: it has no such list, or a damaged one.
    """
    size = stream.seek(0, 2)
    # The end record is 22 bytes and a comment; the 64-bit form, which PyTorch writes besides, takes 76 before it.
    stream.seek(max(0, size - 22 - 65535 - 76))
    tail = stream.read()
    end = tail.rfind(b'PK\5\6')
    if end < 0 or len(tail) < end + 22:
        raise Damage('no list of entries at its end; only a part of the file?')
    (directory_bytes,) = struct.unpack('<L', tail[end + 12:end + 16])
    record = tail.rfind(b'PK\6\6', 0, end)
    if 0 <= record <= end - 56:
        (large,) = struct.unpack('<Q', tail[record + 40:record + 48])
        directory_bytes = large if directory_bytes == 0xffffffff else max(directory_bytes, large)
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise Damage('a zip file with more entries than are read')
    try:
        return zipfile.ZipFile(stream)
    except ZIP_DAMAGE as error:
        raise Damage(f'a damaged zip file, {printable(str(error))}') from None
