"""Files of PyTorch around any pickle."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pretrained.pytorch import read_tensors
from tests.refusal import refusal

import pytest

# Magic number, version and facts of the machine, which precede the value in the older format.
LEGACY_HEAD = (b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.' + b'\x80\x02M\xe9\x03.'
               + b'\x80\x02}X\x0d\0\0\0little_endian\x88s.')
FLOATS = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'weights.pth'


@pytest.fixture
def message() -> Callable[[Path], str]:
    """Return the reason for which a file is refused."""
    return partial(refusal, read_tensors)


@pytest.fixture
def write_pickle() -> Callable[..., None]:
    """Write a zip file around a pickle."""
    def write(path: Path, data: bytes, **storages: bytes) -> None:
        with zipfile.ZipFile(path, 'w') as file:
            file.writestr('x/data.pkl', data)
            for key, raw in storages.items():
                file.writestr(f'x/data/{key.removeprefix("_")}', raw)

    return write


@pytest.fixture
def legacy_head() -> bytes:
    return LEGACY_HEAD


@pytest.fixture
def tensor_pickle() -> Callable[..., bytes]:
    """Return the pickle of a dictionary with a tensor ``a`` in it, of a storage of six numbers."""
    def pickled(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], storage: bytes = FLOATS) -> bytes:
        def numbers(values: tuple[int, ...]) -> bytes:
            return b'(' + b''.join(b'J' + struct.pack('<i', v) for v in values) + b't'

        return (b'\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(' + storage + b'J'
                + struct.pack('<i', offset) + numbers(shape) + numbers(strides) + b'\x89}tRs.')

    return pickled
