"""Reading .npz files of unknown origin: nothing in them is executed, and no size in them is believed unchecked.

NumPy (``numpy.lib.format``) reads the arrays themselves, without pickle.  The checks before that are here: which
entries there are, and how large their arrays claim to be.
"""

from __future__ import annotations

import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from hourglass.errors import InputError

import numpy as np

#: Largest file, and largest sum of arrays as float32, that is read.
MAX_BYTES = 2 * 1024 ** 3
#: Largest list of entries at the end of the zip file; each entry costs about ten times its size in memory.
MAX_DIRECTORY_BYTES = 8 * 1024 ** 2
#: Deflate cannot pack more than this many bytes into one.
MAX_DEFLATE_RATIO = 1032

# What zipfile, zlib and NumPy raise on damaged input; MemoryError comes from the parser of an array's head.
_DAMAGE = (MemoryError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, TypeError, KeyError, IndexError,
           OverflowError, RuntimeError, SyntaxError, OSError, struct.error, tokenize.TokenError)


class Header(NamedTuple):
    """Shape and dtype of an array, from the head of its entry."""

    shape: tuple[int, ...]
    dtype: np.dtype


def printable(name: str, length: int = 60) -> str:
    """Return a name from a file of unknown origin in a form that is safe to print."""
    name = name if name.isprintable() else ascii(name)
    return name if len(name) <= length else f'{name[:length]}...'


@contextmanager
def _no_header_warnings() -> Iterator[None]:
    """Suppress NumPy's warnings about a header: of sizes written under Python 2 (``64L``), and of damage."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


class NpzFile:
    """Arrays of an .npz file by key.

    Keys lose leading, trailing and double slashes and the ``.npy`` of the zip entry.  To be used in a ``with``
    statement.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing, not a file, empty, too large, not a zip file or damaged; the same for
            :meth:`header` and :meth:`read`.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        try:
            # Opening a named pipe would wait for a writer, so the kind of file is checked first.
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f'{path}: {"a folder" if path.is_dir() else "not a regular file"}, not an .npz file')
            self.size = status.st_size
            self._stream = path.open('rb')
        except OSError as error:
            raise InputError(f'{path}: {error.strerror or error}') from None
        except ValueError as error:  # a null character in the name
            raise InputError(f'{str(path)!r}: {error}') from None
        try:
            self._check_size()
            with self._damage():
                self._zip = zipfile.ZipFile(self._stream)
            self._members = self._list_members()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._zip.close()
        self._stream.close()

    @property
    def keys(self) -> list[str]:
        return list(self._members)

    def header(self, key: str) -> Header:
        """Read the shape and dtype of an array, not its values."""
        with self._damage(key), self._open(key) as stream:
            return self._read_header(stream)

    def read(self, key: str) -> np.ndarray:
        """Read an array; check its :meth:`header` first."""
        with self._damage(key):
            with self._open(key) as stream:
                self._check_version(stream)
            with self._open(key) as stream:
                with _no_header_warnings():
                    array = np.lib.format.read_array(stream, allow_pickle=False)
                # The checksum is compared when the end is reached.
                if stream.read(1):
                    raise ValueError('more data than its header says')
        return array

    def text(self, key: str, max_bytes: int) -> str:
        """Read a text, stored as a 0-dimensional array of Unicode."""
        header = self.header(key)
        if header.dtype.kind != 'U' or header.shape != () or header.dtype.itemsize > max_bytes:
            raise InputError(f'{self.path}: {printable(key)} is not a text of at most {max_bytes // 4} characters')
        array = self.read(key)
        with self._damage(key):
            # NumPy's own conversion accepts numbers that are no characters.
            little_endian = array.astype(array.dtype.newbyteorder('<'))
            return little_endian.tobytes().decode('utf-32-le').rstrip('\0')

    @contextmanager
    def _damage(self, key: str | None = None) -> Iterator[None]:
        """Turn what a damaged file makes the libraries raise into an ``InputError``."""
        place = '' if key is None else f' at {printable(key)}'
        try:
            yield
        except _DAMAGE as error:
            reason = getattr(error, 'strerror', None) or str(error) or type(error).__name__
            raise InputError(f'{self.path}: not a readable .npz file{place} ({printable(reason, 120)})') from None

    def _check_size(self) -> None:
        """Check the size of what zipfile reads without a limit: the list of all entries at the end of the file."""
        if self.size == 0:
            raise InputError(f'{self.path}: the file is empty')
        if self.size > self._max_bytes:
            raise InputError(f'{self.path}: {self.size:,} bytes are more than the {self._max_bytes:,} that are read')
        with self._damage():
            self._stream.seek(max(0, self.size - 22 - 65535 - 20))
            tail = self._stream.read()
            # The end record is 22 bytes and a comment, and lies at the very end unless there is a comment.
            end = len(tail) - 22 if tail[-22:-18] == b'PK\5\6' and tail[-2:] == b'\0\0' else tail.rfind(b'PK\5\6')
            if end < 0 or len(tail) < end + 22:
                raise InputError(f'{self.path}: not an .npz file, or only a part of one (no zip directory at its end)')
            (directory_bytes,) = struct.unpack('<L', tail[end + 12:end + 16])
        # The 64-bit form, announced 20 bytes before, is for files that are too large in any case.
        has_64_bit_record = end >= 20 and tail[end - 20:end - 16] == b'PK\6\7'
        if has_64_bit_record or directory_bytes > MAX_DIRECTORY_BYTES:
            raise InputError(f'{self.path}: the zip file has more entries than are read')

    def _list_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            key = '/'.join(part for part in info.filename.removesuffix('.npy').split('/') if part)
            if key in members:
                raise InputError(f'{self.path}: two entries {printable(key)}')
            members[key] = info
        return members

    def _open(self, key: str) -> BinaryIO:
        info = self._members[key]
        # bzip2 and LZMA, which NumPy never writes, decompress in steps of unbounded size.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError('unknown compression')
        return self._zip.open(info)  # type: ignore[return-value]

    @staticmethod
    def _check_version(stream: BinaryIO) -> None:
        # Version 1 has at most 64 kB of header; versions 2 and 3 allow 4 GB and are for record types.
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError('unknown version of the .npy format')

    def _read_header(self, stream: BinaryIO) -> Header:
        self._check_version(stream)
        with _no_header_warnings():
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        return Header(shape, dtype)
