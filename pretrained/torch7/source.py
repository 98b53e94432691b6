"""A Torch7 file as numbers, strings and arrays one after the other, in the default encoding.

After torch7's ``File.lua`` and ``DiskFile.c``; the other encoding is in :mod:`pretrained.torch7.ascii_source`.
No length is believed before it was compared with what is left of the file, so no more memory is asked for than the
file is long, or :data:`MAX_BYTES` in text.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import BinaryIO

import numpy as np

#: Largest file, and largest sum of storages, that is read.
MAX_BYTES = 2 * 1024 ** 3
#: Largest sum of strings; a network has about a megabyte.
MAX_STRING_BYTES = 32 * 1024 ** 2


class Damage(Exception):
    """What is wrong with a file."""


class Source(ABC):
    """A stream of primitive values.

    Args:
        stream: the file, at its beginning.
        size: its length in bytes.

    All methods raise :class:`Damage` where the file does not hold what is asked for.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size
        self._storage_bytes = self._string_bytes = 0

    @property
    @abstractmethod
    def position(self) -> int:
        """Bytes that have been read."""

    @abstractmethod
    def integer(self) -> int:
        """Read a 32-bit integer."""

    @abstractmethod
    def longs(self, count: int) -> list[int]:
        """Read 64-bit integers."""

    @abstractmethod
    def number(self) -> float:
        """Read a Lua number."""

    @abstractmethod
    def array(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Read the content of a storage: (count,), read-only."""

    @abstractmethod
    def skip(self, count: int) -> None:
        """Pass over bytes that stand in the file as they are."""

    @abstractmethod
    def _raw(self, count: int) -> bytes:
        """Read bytes that stand in the file as they are."""

    @abstractmethod
    def expect_end(self) -> None:
        """Make sure that nothing follows."""

    def string(self) -> str:
        """Read a length and that many bytes."""
        count = self.integer()
        self._check(count, 1)
        self._string_bytes += count
        if self._string_bytes > MAX_STRING_BYTES:
            raise Damage(f'strings of more than {MAX_STRING_BYTES:,} bytes')
        return self._raw(count).decode('utf-8', 'surrogateescape')

    def _check(self, count: int, smallest: int, between: int = 0) -> None:
        """Refuse more values than the rest of the file can hold, of ``smallest`` bytes with ``between`` in between."""
        left = self.size - self.position
        if not 0 <= count * (smallest + between) <= left + between:
            raise Damage(f'{count:,} values in the {left:,} bytes that are left' if count >= 0 else 'a negative length')

    def _check_storage(self, count: int, dtype: np.dtype) -> None:
        self._storage_bytes += count * dtype.itemsize
        if self._storage_bytes > MAX_BYTES:
            raise Damage(f'storages of more than {MAX_BYTES:,} bytes')


class BinarySource(Source):
    """The default encoding: little-endian, C's int in 4 bytes and long in 8."""

    _INT = struct.Struct('<i')
    _NUMBER = struct.Struct('<d')

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream, size)
        self._position = 0

    @property
    def position(self) -> int:
        return self._position

    def integer(self) -> int:
        (value,) = self._INT.unpack(self._raw(4))
        return value

    def longs(self, count: int) -> list[int]:
        self._check(count, 8)
        return list(struct.unpack(f'<{count}q', self._raw(8 * count)))

    def number(self) -> float:
        (value,) = self._NUMBER.unpack(self._raw(8))
        return value

    def array(self, count: int, dtype: np.dtype) -> np.ndarray:
        self._check(count, dtype.itemsize)
        self._check_storage(count, dtype)
        return np.frombuffer(self._raw(count * dtype.itemsize), dtype.newbyteorder('<'))

    def skip(self, count: int) -> None:
        self._check(count, 1)
        self._stream.seek(count, 1)
        self._position += count

    def expect_end(self) -> None:
        if self._position != self.size:
            raise Damage(f'{self.size - self._position:,} bytes follow the end of the object')

    def _raw(self, count: int) -> bytes:
        value = self._stream.read(count)
        if len(value) != count:
            raise Damage('the file ends')
        self._position += count
        return value
