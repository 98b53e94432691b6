"""Reading .npz files of unknown origin: nothing in them is executed, and every size in them is checked.

NumPy (``numpy.lib.format``) reads the arrays themselves, without pickle.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from hourglass.errors import InputError
from hourglass.foreign import MAX_BYTES, open_file, open_zip, printable

import numpy as np


class Header(NamedTuple):
    """Shape and dtype of an array, from the head of its entry."""

    shape: tuple[int, ...]
    dtype: np.dtype


class NpzFile:
    """Arrays of an .npz file by key.

    Keys lose leading, trailing and double slashes and the ``.npy`` of the zip entry.  To be used in a ``with``
    statement.

    Args:
        path: the file.
        max_bytes: a larger file is refused.

    Raises:
        InputError: the file is missing, not a file, empty, too large, not a zip file or damaged; the same for
            :meth:`header` and :meth:`read`.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        with ExitStack() as stack:
            stream = stack.enter_context(open_file(path, 'an .npz file', max_bytes))
            self.size = stream.seek(0, 2)
            with self._damage():
                self._zip = stack.enter_context(open_zip(stream))
            self._members = self._list_members()
            self._opened = stack.pop_all()

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def keys(self) -> list[str]:
        return list(self._members)

    def header(self, key: str) -> Header:
        """Read the shape and dtype of an array, not its values."""
        with self._entry(key) as stream:
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        return Header(shape, dtype)

    def read(self, key: str) -> np.ndarray:
        """Read an array; check its :meth:`header` first."""
        with self._entry(key) as stream:
            stream.seek(0)
            array = np.lib.format.read_array(stream, allow_pickle=False)
            # The checksum is compared when the end is reached.
            if stream.read(1):
                raise ValueError('more data than its header states')
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
        """Turn the exceptions of the libraries for a damaged file into an ``InputError``."""
        place = '' if key is None else f' at {printable(key)}'
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # NumPy's, of sizes written under Python 2 (``64L``), and of damage
                yield
        except Exception as error:  # zipfile, zlib and NumPy's parser of an array's head raise nearly any
            reason = getattr(error, 'strerror', None) or str(error) or type(error).__name__
            raise InputError(f'{self.path}: not a readable .npz file{place} ({printable(reason, 120)})') from None

    def _list_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            key = '/'.join(part for part in info.filename.removesuffix('.npy').split('/') if part)
            if key in members:
                raise InputError(f'{self.path}: two entries {printable(key)}')
            members[key] = info
        return members

    @contextmanager
    def _entry(self, key: str) -> Iterator[IO[bytes]]:
        """Open an array behind the version of its format."""
        with self._damage(key):
            info = self._members[key]
            # bzip2 and LZMA, which NumPy never writes, decompress in steps of unbounded size.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError('unknown compression')
            with self._zip.open(info) as stream:
                # Version 1 has at most 64 kB of header; versions 2 and 3 allow 4 GB and are for record types.
                if np.lib.format.read_magic(stream) != (1, 0):
                    raise ValueError('unknown version of the .npy format')
                yield stream
