"""Writing PyTorch's files."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

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

        if value is None or isinstance(value, bool):
            return {None: b'N', True: b'\x88', False: b'\x89'}[value]
        if isinstance(value, int):
            return b'J' + struct.pack('<i', value)
        if type(value) is float:
            return b'G' + struct.pack('>d', value)
        if isinstance(value, str):
            return b'X' + struct.pack('<I', len(value.encode())) + value.encode()
        if isinstance(value, tuple):
            return b'(' + write(*value) + b't'
        if isinstance(value, list):
            return b'](' + write(*value) + b'e'
        if isinstance(value, dict):
            items = b'(' + write(*(part for item in value.items() for part in item)) + b'u'
            return b'ccollections\nOrderedDict\n)R' + items
        if not isinstance(value, np.ndarray):
            return pickle.dumps(value, 2)[2:-1]
        array = value
        self.storages.append(array)
        kind = _STORAGE_NAMES[array.dtype.str[1:]]
        strides = tuple(s // array.itemsize for s in np.zeros(array.shape, array.dtype).strides)
        storage = b'(' + write('storage') + f'ctorch\n{kind}\n'.encode() + write(
            str(len(self.storages) - 1), 'cpu', array.size) + (b'N' if is_legacy else b'') + b'tQ'
        return (b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + write(0, array.shape, strides, False, {}) + b'tR')

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
        head = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'
        head += cls().pickled({'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'int': 4}})
        head += writer.pickled(value, is_legacy=True)
        head += cls().pickled([str(i) for i in range(len(writer.storages))])
        with path.open('wb') as file:
            file.write(head)
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
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack('<Q', len(text)) + text + data)
