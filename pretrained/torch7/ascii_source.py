"""The encoding of ``torch.save(..., 'ascii')``, after torch7's ``DiskFile.c``."""

from __future__ import annotations

import re
import warnings
from typing import BinaryIO

from pretrained.torch7.source import Damage, Source

import numpy as np

_CHUNK = 65536
_MAX_TOKEN = 64


class AsciiSource(Source):
    """Numbers as text, one value or storage a line; strings and bytes as they are."""

    _TOKEN = re.compile(rb'\s*(\S+)')
    _INTEGER = re.compile(rb'[+-]?[0-9]{1,20}')

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream, size)
        self._buffer = b''
        self._at = 0
        self._read = 0

    @property
    def position(self) -> int:
        return self._read - len(self._buffer) + self._at

    def integer(self) -> int:
        value = self._parse_integer()
        if not -2 ** 31 <= value < 2 ** 31:
            raise Damage(f'{value} is not an int')
        return value

    def longs(self, count: int) -> list[int]:
        self._check(count, 1)
        return [self._parse_integer() for _ in range(count)]

    def number(self) -> float:
        token = self._token()
        try:
            return float(token)
        except ValueError:
            raise Damage(f'{ascii(token)[1:]} is not a number') from None

    def array(self, count: int, dtype: np.dtype) -> np.ndarray:
        is_raw = dtype.itemsize == 1  # bytes and characters are not written as numbers
        self._check(count, 1, 0 if is_raw else 1)
        self._check_storage(count, dtype)
        if is_raw:
            return np.frombuffer(self._raw(count), dtype)
        values = np.empty(count, dtype)
        done = 0
        while done < count:
            part = self._numbers(dtype)
            if done + len(part) > count:
                raise Damage(f'more than {count:,} numbers in a storage')
            values[done:done + len(part)] = part
            done += len(part)
            if self._buffer[self._at - 1:self._at] == b'\n' and done < count:
                raise Damage(f'{done:,} numbers in a storage of {count:,}')
        if self._buffer[self._at - 1:self._at] != b'\n' and self._line_goes_on():
            raise Damage(f'more than {count:,} numbers in a storage')
        values.flags.writeable = False
        return values

    def skip(self, count: int) -> None:
        self._check(count, 1)
        while count:
            part = min(count, _CHUNK)
            self._raw(part, ends=part == count)
            count -= part

    def expect_end(self) -> None:
        while True:
            if self._buffer[self._at:].strip():
                raise Damage(f'{self.size - self.position:,} bytes follow the end of the object')
            self._at = len(self._buffer)
            if not self._fill():
                return

    def _raw(self, count: int, ends: bool = True) -> bytes:
        parts, missing = [], count
        while missing:
            part = self._buffer[self._at:self._at + missing]
            self._at += len(part)
            missing -= len(part)
            parts.append(part)
            if missing and not self._fill():
                raise Damage('the file ends')
        if count and ends:
            self._end_of_line()
        return b''.join(parts)

    def _parse_integer(self) -> int:
        token = self._token()
        if not self._INTEGER.fullmatch(token):
            raise Damage(f'{ascii(token)[1:]} is not an integer')
        return int(token)

    def _token(self) -> bytes:
        """Read up to the next white space, and the end of the line where it ends there."""
        while True:
            match = self._TOKEN.match(self._buffer, self._at)
            length = len(match[1]) if match else 0
            if length > _MAX_TOKEN:
                raise Damage(f'{ascii(match[1][:20])[1:]}... is not a number')  # type: ignore[index]
            if match and match.end() < len(self._buffer):
                break
            if not match:
                self._at = len(self._buffer)
            if not self._fill():
                if match:
                    break
                raise Damage('the file ends')
        self._at = match.end()
        self._end_of_line()
        return match[1]

    def _numbers(self, dtype: np.dtype) -> np.ndarray:
        """Read the numbers of a line as far as the buffer holds them, at least one."""
        while True:
            end = self._buffer.find(b'\n', self._at) + 1
            if not end:  # only what stands before a space is surely complete
                end = self._buffer.rfind(b' ', self._at) + 1
            text = self._buffer[self._at:end].strip() if end else b''
            if text:
                break
            if end:
                self._at = end
            if len(self._buffer) - self._at > _CHUNK:
                raise Damage('a storage without spaces between its numbers')
            if not self._fill():
                end = len(self._buffer)
                text = self._buffer[self._at:].strip()
                if not text:
                    raise Damage('the file ends')
                break
        self._at = end
        wide = np.dtype(np.float64 if dtype.kind == 'f' else np.int64)
        with warnings.catch_warnings():
            # NumPy warns of what is not a number, and has announced an error.
            warnings.simplefilter('error', DeprecationWarning)
            try:
                values = np.fromstring(text, wide, sep=' ')
            except (DeprecationWarning, ValueError):
                raise Damage('a storage with something that is not a number') from None
        with np.errstate(over='ignore', invalid='ignore'):
            return values.astype(dtype)

    def _line_goes_on(self) -> bool:
        while True:
            rest = self._buffer[self._at:]
            blanks = len(rest) - len(rest.lstrip(b' '))
            self._at += blanks
            if blanks < len(rest):
                goes_on = rest[blanks:blanks + 1] != b'\n'
                self._at += not goes_on
                return goes_on
            if not self._fill():
                return False

    def _end_of_line(self) -> None:
        if (self._at < len(self._buffer) or self._fill()) and self._buffer[self._at:self._at + 1] == b'\n':
            self._at += 1

    def _fill(self) -> bool:
        """Read on; return whether there was anything left."""
        more = self._stream.read(_CHUNK)
        self._buffer = self._buffer[self._at:] + more
        self._at = 0
        self._read += len(more)
        return bool(more)
