from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.foreign import printable
from hourglass.npz import NpzFile
from pretrained.weights_file import load_model

import numpy as np
import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'file.npz'


def read_entry(path: Path, key: str | None) -> None:
    with NpzFile(path) as file:
        if key is not None:
            file.header(key)
            file.read(key)


def message(path: Path, key: str | None = None, read: Callable[..., Any] = read_entry, most_bytes: float = 4e6) -> str:
    tracemalloc.start()
    with pytest.raises(InputError) as caught:
        read(path, key)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most_bytes
    assert str(caught.value).startswith(f'{path}: ')
    return str(caught.value)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def entry_header(text: str, version: int = 1) -> bytes:
    length = struct.pack('<H' if version == 1 else '<L', len(text))
    return b'\x93NUMPY' + bytes([version, 0]) + length + text.encode()


def test_reads_arrays_by_clean_keys(path: Path) -> None:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('/a//b/W.npy', npy(np.arange(6.).reshape(2, 3)))
        file.writestr('text.npy', npy(np.array('words')))
    with NpzFile(path) as npz:
        assert npz.keys == ['a/b/W', 'text']
        assert npz.header('a/b/W') == ((2, 3), np.dtype(float))
        np.testing.assert_array_equal(npz.read('a/b/W'), np.arange(6.).reshape(2, 3))
        assert npz.text('text', 100) == 'words'
        with pytest.raises(InputError, match='at most 4 characters'):
            npz.text('text', 16)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert 'No such file' in message(tmp_path / 'none.npz')
    assert 'a folder' in message(tmp_path)
    os.mkfifo(tmp_path / 'pipe')
    assert 'not a regular file' in message(tmp_path / 'pipe')


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'empty'),
    (b'<!DOCTYPE html><html>Quota exceeded</html>' * 100, 'not a zip file'),
    (b'PK\5\6' + b'\1' * 18, 'more entries than are read'),
    (b'\0' * 100 + b'PK\5\6' + b'\0' * 8 + b'\xff\0\0\0' * 2 + b'\0\0', 'not a readable .npz file'),
])
def test_what_is_no_zip_file(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    assert reason in message(path)


def test_truncated_file(path: Path, small_weights: Path) -> None:
    content = small_weights.read_bytes()
    for length in (1, 100, len(content) // 2, len(content) - 22, len(content) - 1):
        path.write_bytes(content[:length])
        assert 'only a part of one' in message(path)


def test_list_of_entries_is_bounded(path: Path) -> None:
    # An empty comment field of 9 MB in the directory: entries that zipfile would keep in memory.
    with zipfile.ZipFile(path, 'w') as file:
        for i in range(150):
            info = zipfile.ZipInfo(f'{i}.npy')
            info.comment = b'c' * 65535
            file.writestr(info, b'')
    assert 'more entries than are read' in message(path)
    end_64 = struct.pack('<4sQ2H2L4Q', b'PK\6\6', 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = struct.pack('<4sLQL', b'PK\6\7', 0, 0, 1)
    path.write_bytes(end_64 + locator + struct.pack('<4s4H2LH', b'PK\5\6', 0, 0, 1, 1, 10, 0, 0))
    assert 'more entries than are read' in message(path)


def test_too_large_file_is_not_opened_as_zip(path: Path) -> None:
    with path.open('wb') as file:
        file.truncate(2 * 1024 ** 3 + 1)  # a hole: it takes no space
    assert 'more than the limit' in message(path)


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_entry_that_is_there_twice(path: Path) -> None:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a.npy', npy(np.zeros(1)))
        file.writestr('a.npy', npy(np.ones(1)))
    assert 'two entries a' in message(path)


ONE = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"


@pytest.mark.parametrize('content', [
    b'', entry_header(ONE) + b'\0' * 3, entry_header(ONE) + b'\0' * 5, entry_header(ONE, 2) + b'\0' * 4,
    entry_header(ONE.replace('<f4', '|O')) + b'\0' * 8, entry_header('(' * 9000),
    entry_header("__import__('os').abort()"),
])
def test_damaged_entry(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a/W.npy', content)
    assert 'not a readable .npz file at a/W' in message(path, 'a/W')


@pytest.mark.parametrize(('method', 'reason'), [
    (zipfile.ZIP_BZIP2, 'unknown compression'), (zipfile.ZIP_STORED, 'CRC'),
])
def test_entry_that_numpy_does_not_write(path: Path, method: int, reason: str) -> None:
    with zipfile.ZipFile(path, 'w', method) as file:
        file.writestr('a.npy', npy(np.zeros(1000)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= method == zipfile.ZIP_STORED
    path.write_bytes(content)
    assert reason in message(path, 'a')


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """Entries of about 50 kB that unpack to 50 MB, or say that they do."""
    zeros = b'\0' * 50_000_000
    bomb_shape = ONE.replace('(1,)', '(12500000,)')
    yield 'instead of a small array', 'conv0/W.npy', entry_header(bomb_shape) + zeros
    yield 'behind a small array', 'conv0/b.npy', entry_header(ONE) + b'\0' * 4 + zeros
    yield 'as the description', 'meta.npy', entry_header(bomb_shape.replace("(12500000,)", '()').replace(
        '<f4', '<U12500000')) + zeros
    yield 'a shape without data', 'conv0/W.npy', entry_header(ONE.replace('(1,)', '(4000, 3, 70, 70)'))


@pytest.mark.parametrize(('name', 'content'), [pytest.param(n, c, id=title) for title, n, c in bombs()])
def test_small_files_that_unpack_to_large_ones(path: Path, small_weights: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(small_weights) as source, zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        for other in source.namelist():
            if other not in (name, 'meta.npy'):
                file.writestr(other, source.read(other))
        file.writestr(name, content)
    message(path, None, lambda path, _: load_model(path), 5e6)


def test_names_from_files_are_safe_to_print() -> None:
    assert printable('hg1/conv1/W') == 'hg1/conv1/W'
    assert '\x1b' not in printable('\x1b[2Ja')
    assert len(printable('a' * 1000)) < 70
