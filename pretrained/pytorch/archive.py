"""Read files of tensors: the two formats of ``torch.save`` and that of safetensors.

``torch.save`` writes a zip file since PyTorch 1.6, and before that pickles followed by the numbers.
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

from hourglass.foreign import Damage, open_file, open_zip
from pretrained.pytorch.pickles import Tensor, load_pickle

import numpy as np

# Files of the older format begin with the pickle of a number that PyTorch chose; before it stand the version of the
# pickle and, from version 4, a length.
_LEGACY_NUMBER = b'\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
ZIP_START = b'PK\3\4'

_MAX_HEADER_BYTES = 16 * 1024 ** 2
_SAFETENSORS_TYPES = {'F64': 'f8', 'F32': 'f4', 'F16': 'f2', 'BF16': 'bfloat16', 'I64': 'i8', 'I32': 'i4',
                      'I16': 'i2', 'I8': 'i1', 'U8': 'u1', 'BOOL': '?'}


def is_legacy(start: bytes) -> bool:
    """Return whether a file with this beginning is of the format before PyTorch 1.6."""
    return start.startswith(b'\x80') and start.find(_LEGACY_NUMBER) in (2, 11)


def is_safetensors(start: bytes) -> bool:
    """Return whether a file with this beginning is one of safetensors: a length, and that many bytes of JSON."""
    return start[8:10] in (b'{"', b'{}') and struct.unpack('<Q', start[:8])[0] <= _MAX_HEADER_BYTES


def read_tensors(path: Path) -> tuple[Any, str]:
    """Read a file of PyTorch or safetensors; in a child process (:mod:`hourglass.sandbox`), which bounds its cost.

    Returns:
        What it holds (as :func:`pretrained.pytorch.pickles.load_pickle`), and the name of the format.

    Raises:
        InputError: the file is missing or larger than 2 GB.
        Exception: it is damaged, or of another format; nearly any.
    """
    with open_file(path, 'a PyTorch file') as stream:
        start = stream.read(512)
        stream.seek(0)
        if start.startswith(ZIP_START):
            return _read_zip(stream), 'PyTorch'
        if is_safetensors(start):
            return _read_safetensors(stream), 'safetensors'
        return _read_legacy(stream), 'PyTorch'


def _numbers(raw: bytes | memoryview, dtype: str, byte_order: str = '<') -> np.ndarray:
    """Return a storage as a flat array of the machine's byte order; NumPy has no bfloat16."""
    if dtype == 'bfloat16':
        return (np.frombuffer(raw, f'{byte_order}u2').astype(np.uint32) << 16).view(np.float32)
    stored = np.dtype(byte_order + dtype)
    return np.frombuffer(raw, stored).astype(stored.newbyteorder('='), copy=False)


def _read_zip(stream: BinaryIO) -> Any:
    """Read a folder in a zip file: ``data.pkl``, ``data/`` with a file for each storage, ``byteorder``, ``version``."""
    archive = open_zip(stream)
    entries = archive.namelist()
    names = [name for name in entries if name.rpartition('/')[2] == 'data.pkl']
    if len(names) != 1:
        raise Damage(f'a zip file with {len(names)} entries data.pkl')
    folder = names[0].removesuffix('data.pkl')
    order = '>' if f'{folder}byteorder' in entries and archive.read(f'{folder}byteorder') == b'big' else '<'

    def read_storage(key: str, dtype: str, size: int) -> np.ndarray:
        return _numbers(archive.read(f'{folder}data/{key}'), dtype, order)

    return load_pickle(io.BytesIO(archive.read(names[0])), read_storage)


def _read_legacy(stream: BinaryIO) -> Any:
    """Read pickles of a magic number, a version, facts of the machine, the object and keys of storages; then these."""
    storages: dict[str, tuple[str, np.ndarray]] = {}

    def allocate(key: str, dtype: str, size: int) -> np.ndarray:
        array = np.zeros(size, 'f4' if dtype == 'bfloat16' else dtype)
        storages[key] = dtype, array
        return array

    def load() -> Any:
        return load_pickle(stream, allocate)

    load()  # the magic number, by which the file was recognised
    load()  # the version, of which there is one
    if load()['little_endian'] is not True:
        raise Damage('numbers of another byte order')
    value, keys = load(), load()
    for key in keys:
        # Before each storage stands the number of its elements.
        dtype, array = storages.pop(str(key), ('u1', np.zeros(0, 'u1')))
        if stream.read(8) != struct.pack('<q', len(array)):
            raise Damage('the file ends early, or its storages are damaged')
        item_size = 2 if dtype == 'bfloat16' else array.itemsize
        array[:] = _numbers(stream.read(len(array) * item_size), dtype)
    if storages:
        raise Damage(f'the storage {next(iter(storages))} is missing')
    return value


def _read_safetensors(stream: BinaryIO) -> dict[str, Tensor]:
    """Read JSON with type, shape and place of each tensor, and then the numbers."""
    length = struct.unpack('<Q', stream.read(8))[0]
    header, data = stream.read(length), memoryview(stream.read())
    tensors: dict[str, Tensor] = {}
    for name, entry in json.loads(header).items():
        if name != '__metadata__':
            begin, end = entry['data_offsets']
            numbers = _numbers(data[begin:end], _SAFETENSORS_TYPES[entry['dtype']])
            tensors[name] = Tensor(numbers.reshape(entry['shape']))
    return tensors
