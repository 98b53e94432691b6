"""The values of a Torch7 file one after the other, in both encodings; after torch7's ``File.lua`` and ``DiskFile.c``.

In binary, numbers are little-endian, an int has 4 bytes and a long 8.  In ASCII every value or storage is a line.  No
length is believed before it was compared with what is left of the file.
"""

from __future__ import annotations

import re
import struct

from hourglass.foreign import Damage

import numpy as np

_LINE = re.compile(rb'\s*([^\n]*)\n?')


class Stream:
    """A stream of numbers, texts and arrays.

    Args:
        data: the whole file.

    All methods raise an exception where the file does not hold what is asked for: :class:`Damage`, or one of Python's
    and NumPy's.
    """

    def __init__(self, data: bytes) -> None:
        # The first value is a small number, the kind of object.
        self._is_text = bool(re.match(rb'[0-8]\n', data))
        self._data = data
        self._position = 0

    def integer(self) -> int:
        """Read a 32-bit integer."""
        return int(self._line()) if self._is_text else struct.unpack('<i', self.raw(4))[0]

    def number(self) -> float:
        """Read a Lua number."""
        return float(self._line()) if self._is_text else struct.unpack('<d', self.raw(8))[0]

    def string(self) -> str:
        """Read a length and that many bytes; those that are no UTF-8 become lone surrogates."""
        return self.raw(self.integer()).decode('utf-8', 'surrogateescape')

    def raw(self, count: int) -> bytes:
        """Read bytes that stand in the file as they are."""
        if not 0 <= count <= len(self._data) - self._position:
            raise Damage('it ends early, or a length is wrong')
        start, self._position = self._position, self._position + count
        if self._is_text and self._data[self._position:self._position + 1] == b'\n':
            self._position += 1
        return self._data[start:start + count]

    def array(self, count: int, dtype: np.dtype | str) -> np.ndarray:
        """Read numbers: (count,), read-only."""
        dtype = np.dtype(dtype)
        # As text, bytes are written as they are, and other numbers with spaces between them.
        if not self._is_text or dtype.itemsize == 1 or not count:
            start = self._position
            self.raw(count * dtype.itemsize)
            return np.frombuffer(self._data, dtype.newbyteorder('<'), count, start)
        words = self._line().split()
        if len(words) != count:
            raise Damage(f'{len(words):,} numbers in a storage of {count:,}')
        with np.errstate(over='ignore'):
            values = np.array(words, np.float64 if dtype.kind == 'f' else np.int64).astype(dtype)
        values.flags.writeable = False
        return values

    def _line(self) -> bytes:
        match = _LINE.match(self._data, self._position)
        assert match is not None
        self._position = match.end()
        return match[1]
