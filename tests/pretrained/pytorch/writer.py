"""Writing PyTorch's files, and files around any pickle."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

#: Magic number, version and facts of the machine, which precede the value in the older format.
LEGACY_HEAD = (b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.' + b'\x80\x02M\xe9\x03.'
               + b'\x80\x02}X\x0d\0\0\0little_endian\x88s.')
#: The pickle of a storage of six numbers.
FLOATS = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ'
_STORAGE_NAMES = {'f4': 'FloatStorage', 'f8': 'DoubleStorage', 'f2': 'HalfStorage', 'i8': 'LongStorage',
                  'u1': 'ByteStorage', 'b1': 'BoolStorage'}


class TorchWriter:
    """Write what ``torch.save`` writes of dictionaries, lists, numbers, texts, tensors (as NumPy arrays) and others.

    Every array gets a storage of its own, in row-major order.
    """

    def __init__(self) -> None:
        self.storages: list[np.ndarray] = []

    def pickled(self, value: Any, is_legacy: bool = False) -> bytes:
        """Return a pickle; the arrays are appended to ``storages``."""
        return b'\x80\x02' + self._write(value, is_legacy) + b'.'

    def _write(self, value: Any, is_legacy: bool) -> bytes:
        def write(*values: Any) -> bytes:
            return b''.join(self._write(v, is_legacy) for v in values)

        if isinstance(value, tuple):
            return b'(' + write(*value) + b't'
        if isinstance(value, list):
            return b'](' + write(*value) + b'e'
        if isinstance(value, dict):
            items = b'(' + write(*(part for item in value.items() for part in item)) + b'u'
            return b'ccollections\nOrderedDict\n)R' + items
        if not isinstance(value, np.ndarray):
            return pickle.dumps(value, 2)[2:-1]
        self.storages.append(value)
        kind = _STORAGE_NAMES[value.dtype.str[1:]]
        strides = tuple(s // value.itemsize for s in np.zeros(value.shape, value.dtype).strides)
        storage = b'(' + write('storage') + f'ctorch\n{kind}\n'.encode() + write(
            str(len(self.storages) - 1), 'cpu', value.size) + (b'N' if is_legacy else b'') + b'tQ'
        return (b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + write(0, value.shape, strides, False, {}) + b'tR')

    @classmethod
    def write_zip(cls, path: Path, value: Any, byte_order: str = 'little') -> None:
        """Write the format of PyTorch 1.6 and later."""
        writer = cls()
        data = writer.pickled(value)
        with zipfile.ZipFile(path, 'w') as file:
            file.writestr('archive/data.pkl', data)
            file.writestr('archive/byteorder', byte_order)
            for i, array in enumerate(writer.storages):
                stored = array.astype(array.dtype.newbyteorder('<' if byte_order == 'little' else '>'))
                file.writestr(f'archive/data/{i}', stored.tobytes())
            file.writestr('archive/version', '3\n')

    @classmethod
    def write_legacy(cls, path: Path, value: Any) -> None:
        """Write the format before that."""
        writer = cls()
        data = writer.pickled(value, is_legacy=True)
        with path.open('wb') as file:
            file.write(LEGACY_HEAD + data + pickle.dumps([str(i) for i in range(len(writer.storages))], 2))
            for array in writer.storages:
                file.write(struct.pack('<q', array.size) + array.tobytes())

    @staticmethod
    def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
        """Write the format of safetensors."""
        header, data = {}, b''
        for name, array in arrays.items():
            kind = f'{"I" if array.dtype.kind == "i" else "F"}{8 * array.itemsize}'
            header[name] = {'dtype': kind, 'shape': array.shape, 'data_offsets': [len(data), len(data) + array.nbytes]}
            data += array.tobytes()
        write_safetensors(path, header, data)


def write_safetensors(path: Path, header: Any, data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def write_pickle(path: Path, data: bytes, **storages: bytes) -> None:
    """Write a zip file around a pickle."""
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('x/data.pkl', data)
        for key, raw in storages.items():
            file.writestr(f'x/data/{key.removeprefix("_")}', raw)


def tensor_pickle(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], storage: bytes = FLOATS) -> bytes:
    """Return the pickle of a dictionary with a tensor ``a`` in it, of a storage of six numbers."""
    def numbers(values: tuple[int, ...]) -> bytes:
        return b'(' + b''.join(b'J' + struct.pack('<i', v) for v in values) + b't'

    return (b'\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(' + storage + b'J'
            + struct.pack('<i', offset) + numbers(shape) + numbers(strides) + b'\x89}tRs.')
