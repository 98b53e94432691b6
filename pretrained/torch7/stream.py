"""The values of a Torch7 file one after the other, in both encodings; after torch7's ``File.lua`` and ``DiskFile.c``.

In binary, numbers are little-endian, an int has 4 bytes and a long 8.  In ASCII every value or storage is a line.  No
length is believed before it was compared with what is left of the file.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable
from typing import TypeVar

from hourglass.foreign import Damage

import numpy as np

_LINE = re.compile(rb'\s*([^\n]*)\n?')
_MAX_DIGITS = 64

T = TypeVar('T')


class Stream:
    """A stream of numbers, texts and arrays.

    Args:
        data: the whole file.

    Attributes:
        position: bytes that have been read.

    All methods raise :class:`Damage` where the file does not hold what is asked for.
    """

    def __init__(self, data: bytes) -> None:
        # The first value is a small number, the kind of object.
        self._is_text = bool(re.match(rb'[0-8]\n', data))
        if not self._is_text and not re.match(rb'[\0-\x08]\0\0\0', data):
            raise Damage('it does not begin like one')
        self._data = data
        self.position = 0

    def integer(self) -> int:
        """Read a 32-bit integer."""
        return self._number(int, '<i')

    def number(self) -> float:
        """Read a Lua number."""
        return self._number(float, '<d')

    def string(self) -> str:
        """Read a length and that many bytes; those that are no UTF-8 become lone surrogates."""
        return self.raw(self.integer()).decode('utf-8', 'surrogateescape')

    def raw(self, count: int) -> bytes:
        """Read bytes that stand in the file as they are."""
        left = len(self._data) - self.position
        if not 0 <= count <= left:
            raise Damage(f'it ends: {count:,} bytes of the {left:,} left' if count >= 0 else 'a negative length')
        start, self.position = self.position, self.position + count
        if self._is_text and self._data[self.position:self.position + 1] == b'\n':
            self.position += 1
        return self._data[start:start + count]

    def array(self, count: int, dtype: np.dtype | str) -> np.ndarray:
        """Read numbers: (count,), read-only."""
        dtype = np.dtype(dtype)
        # As text, bytes are written as they are, and other numbers with spaces between them.
        if not self._is_text or dtype.itemsize == 1 or not count:
            start = self.position
            self.raw(count * dtype.itemsize)
            return np.frombuffer(self._data, dtype.newbyteorder('<'), count, start)
        with warnings.catch_warnings(), np.errstate(over='ignore', invalid='ignore'):
            # NumPy warns of text that is not a number, and has announced an error.
            warnings.simplefilter('error', DeprecationWarning)
            try:
                values = np.fromstring(self._line(), np.float64 if dtype.kind == 'f' else np.int64, sep=' ')
            except (DeprecationWarning, ValueError):
                raise Damage('a storage with something that is not a number') from None
            if len(values) != count:
                raise Damage(f'{len(values):,} numbers in a storage of {count:,}')
            values = values.astype(dtype)
        values.flags.writeable = False
        return values

    def expect_end(self) -> None:
        """Make sure that nothing follows."""
        rest = self._data[self.position:]
        if rest.strip() if self._is_text else rest:
            raise Damage(f'{len(rest):,} bytes follow the end of the object')

    def _number(self, kind: Callable[[bytes], T], code: str) -> T:
        if not self._is_text:
            return struct.unpack(code, self.raw(struct.calcsize(code)))[0]
        line = self._line()
        try:
            return kind(line[:_MAX_DIGITS])
        except ValueError:
            raise Damage(f'{ascii(line[:20])[1:]} is not a number') from None

    def _line(self) -> bytes:
        match = _LINE.match(self._data, self.position)
        if match is None or not match[1]:
            raise Damage('the file ends')
        self.position = match.end()
        return match[1]
