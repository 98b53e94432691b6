"""Read files of tensors: the two formats of ``torch.save`` and that of safetensors.

``torch.save`` writes a zip file since PyTorch 1.6, and before that pickles followed by the numbers.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from hourglass.errors import InputError
from hourglass.npz import MAX_BYTES, printable
from pretrained.foreign import ZIP_DAMAGE, Damage, open_file, open_zip
from pretrained.pytorch.pickles import MAX_DIMENSIONS, MAX_PICKLE_BYTES, Pickles, Storage, Tensor, make_tensor

import numpy as np

# Files of the older format begin with the pickle of a number that PyTorch chose; before it stand the version of the
# pickle and, from version 4, a length.
_LEGACY_NUMBER = b'\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
_LEGACY_VERSION = 1001
ZIP_START = b'PK\3\4'
#: Where a tar file says that it is one; PyTorch wrote such files before 0.1.10 (2017).
TAR_MARK = slice(257, 262)
_TAR_ENTRIES = ('sys_info', 'pickle', 'tensors', 'storages')

_MAX_HEADER_BYTES = 16 * 1024 ** 2
_SAFETENSORS_TYPES = {'F64': 'f8', 'F32': 'f4', 'F16': 'f2', 'BF16': 'bfloat16', 'I64': 'i8', 'I32': 'i4',
                      'I16': 'i2', 'I8': 'i1', 'U8': 'u1', 'BOOL': '?'}


def is_legacy(start: bytes) -> bool:
    """Return whether a file with this beginning is of the format before PyTorch 1.6."""
    return start.startswith(b'\x80') and start.find(_LEGACY_NUMBER) in (2, 11)


def is_safetensors(start: bytes) -> bool:
    """Return whether a file with this beginning is one of safetensors: a length, and that many bytes of JSON."""
    return start[8:10] in (b'{"', b'{}') and struct.unpack('<Q', start[:8])[0] <= _MAX_HEADER_BYTES


class _Content(NamedTuple):
    """What a file holds: the object, the bytes of each storage by its key, and the byte order of its numbers."""

    value: Any
    storage: Callable[[str], bytes]
    byte_order: str = '<'


def _read_zip(stream: BinaryIO) -> _Content:
    """Read a folder in a zip file: ``data.pkl``, ``data/`` with a file for each storage, ``byteorder``, ``version``."""
    archive = open_zip(stream)
    entries = archive.namelist()
    names = [name for name in entries if name.rpartition('/')[2] == 'data.pkl']
    if len(names) != 1:
        raise Damage(f'a zip file with {len(names)} entries data.pkl')
    folder = names[0].removesuffix('data.pkl')
    if f'{folder}constants.pkl' in entries:
        raise Damage('a TorchScript program (torch.jit.save); only state_dicts written by torch.save are read')

    def read(name: str, max_bytes: int) -> bytes:
        try:
            info = archive.getinfo(folder + name)
            if info.compress_type != zipfile.ZIP_STORED:
                raise Damage(f'its entry {printable(name)} is compressed, which torch.save never does')
            if info.file_size > max_bytes or info.compress_size != info.file_size:
                raise Damage(f'its entry {printable(name)} has {info.file_size:,} bytes')
            # The checksum is compared when the end is reached.
            return archive.read(info)
        except ZIP_DAMAGE as error:
            raise Damage(f'its entry {printable(name)} is damaged or missing, {printable(str(error))}') from None

    order = read('byteorder', 16) if f'{folder}byteorder' in entries else b'little'
    if order not in (b'little', b'big'):
        raise Damage('an unknown byte order')
    return _Content(Pickles(read('data.pkl', MAX_PICKLE_BYTES)).load(), lambda key: read(f'data/{key}', MAX_BYTES),
                    '<' if order == b'little' else '>')


def _placed(stream: BinaryIO, places: Mapping[str, tuple[int, int]]) -> Callable[[str], bytes]:
    """Return what reads storages whose first byte and number of bytes are known."""
    def read(key: str) -> bytes:
        if key not in places:
            raise Damage(f'the storage {printable(key)} is missing')
        start, n_bytes = places[key]
        stream.seek(start)
        return stream.read(n_bytes)

    return read


def _read_legacy(stream: BinaryIO) -> _Content:
    """Read pickles of a magic number, a version, facts of the machine, the object and keys of storages; then these."""
    size = stream.seek(0, 2)
    stream.seek(0)
    pickles = Pickles(stream.read(min(size, MAX_PICKLE_BYTES)))
    pickles.load()  # the magic number, by which the file was recognised
    if pickles.load() != _LEGACY_VERSION:
        raise Damage('an unknown version of the format')
    machine = pickles.load()
    if not isinstance(machine, dict) or machine.get('little_endian') is not True:
        raise Damage('numbers of another byte order')
    value, types, keys = pickles.load(), pickles.storages, pickles.load()
    if not isinstance(keys, list) or not all(isinstance(key, (str, int)) for key in keys):
        raise Damage('a damaged list of storages')
    # Before each storage stands the number of its elements; which type these have is in the pickle.
    places: dict[str, tuple[int, int]] = {}
    position = pickles.position
    for key in map(str, keys):
        stream.seek(position)
        head = stream.read(8)
        position += 8
        if len(head) < 8 or key not in types or key in places:
            raise Damage('the file ends early, or its storages are damaged')
        n_bytes = struct.unpack('<q', head)[0] * _item_type(types[key]).itemsize
        if not 0 <= n_bytes <= size - position:
            raise Damage('the file ends early, or its storages are damaged')
        places[key] = position, n_bytes
        position += n_bytes
    return _Content(value, _placed(stream, places))


def _read_safetensors(stream: BinaryIO) -> _Content:
    """Read JSON with type, shape and place of each tensor, and then the numbers."""
    length = struct.unpack('<Q', stream.read(8))[0]
    start, size = 8 + length, stream.seek(0, 2)
    stream.seek(8)
    tensors: dict[str, Tensor] = {}
    places: dict[str, tuple[int, int]] = {}
    try:
        for name, entry in json.loads(stream.read(length)).items():
            if name == '__metadata__':
                continue
            dtype, shape, (begin, end) = entry['dtype'], tuple(entry['shape']), entry['data_offsets']
            if len(shape) > MAX_DIMENSIONS or not all(type(n) is int for n in shape):
                raise Damage('a tensor of impossible size')
            storage = Storage(name, _SAFETENSORS_TYPES[dtype], math.prod(shape))
            tensors[name] = make_tensor(storage, 0, shape, tuple(math.prod(shape[i + 1:]) for i in range(len(shape))))
            n_bytes = storage.size * _item_type(storage.dtype).itemsize
            if not 0 <= begin <= end <= size - start or end - begin != n_bytes:
                raise Damage(f'it ends early, or {printable(name)} is damaged')
            places[name] = start + begin, end - begin
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Damage(f'a damaged header, or a type that is not known, {printable(str(error), 100)}') from None
    return _Content(tensors, _placed(stream, places))


def _item_type(dtype: str, byte_order: str = '<') -> np.dtype:
    """Return how an element of a storage lies in the file; NumPy has no bfloat16."""
    return np.dtype(byte_order + ('u2' if dtype == 'bfloat16' else dtype))


def _numbers(raw: bytes, dtype: str, byte_order: str) -> np.ndarray:
    """Return a storage as a flat array of the machine's byte order."""
    item = _item_type(dtype, byte_order)
    if len(raw) % item.itemsize:
        raise Damage('a storage of a broken number of bytes')
    flat = np.frombuffer(raw, item)
    if dtype == 'bfloat16':
        return (flat.astype(np.uint32) << 16).view(np.float32)
    if dtype == '?':
        return flat.view(np.uint8) != 0
    return flat.astype(item.newbyteorder('='), copy=False)


def _view(numbers: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Return a copy of a part of a storage."""
    storage = tensor.storage
    part = numbers[storage.start:storage.start + storage.size]
    if len(part) < storage.size:
        raise Damage(f'the storage {printable(storage.key)} is smaller than its tensors')
    # All strides lie inside the storage: that was checked when the tensor was made.
    strides = [stride * part.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(part[tensor.offset:], tensor.shape, strides).copy()


class TorchFile:
    """A file written by ``torch.save`` or safetensors.  To be used in a ``with`` statement.

    Args:
        path: the file.

    Attributes:
        value: the object in it, as :meth:`pretrained.pytorch.pickles.Pickles.load` returns it: the numbers of a
            :class:`~pretrained.pytorch.pickles.Tensor` are not read yet.
        title: name of the format.

    Raises:
        InputError: the file is missing, damaged, of the oldest format (tar), or holds more than is read; the same for
            :meth:`read`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = open_file(path, 'a PyTorch file')
        self.title = 'PyTorch'
        try:
            with self._damage():
                start = self._stream.read(512)
                self._stream.seek(0)
                self._content = self._open(start)
        except BaseException:
            self._stream.close()
            raise
        self.value = self._content.value

    def _open(self, start: bytes) -> _Content:
        if start.startswith(ZIP_START):
            return _read_zip(self._stream)
        if is_legacy(start):
            return _read_legacy(self._stream)
        if is_safetensors(start):
            self.title = 'safetensors'
            return _read_safetensors(self._stream)
        if start[TAR_MARK] == b'ustar':
            name = start[:100].partition(b'\0')[0].decode('latin-1')
            if name not in _TAR_ENTRIES:
                raise Damage(f'a tar archive with {printable(name)} in it; unpack it first')
            raise Damage('the tar format of PyTorch before 0.1.10, which is not read; a later one can write it anew')
        raise Damage('neither of the two formats of torch.save')

    def __enter__(self) -> TorchFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._stream.close()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (Damage, OSError) as error:
            raise InputError(f'{self.path}: not a readable {self.title} file ({error})') from None

    def read(self, tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Read the numbers of tensors, each storage once.

        Args:
            tensors: any of those in ``value``.  Their sizes are the caller's to check: many can share a storage.
        """
        by_storage: dict[str, list[str]] = {}
        for name, tensor in tensors.items():
            by_storage.setdefault(tensor.storage.key, []).append(name)
        arrays = {}
        with self._damage():
            for key, names in by_storage.items():
                dtype = tensors[names[0]].storage.dtype
                numbers = _numbers(self._content.storage(key), dtype, self._content.byte_order)
                arrays.update({name: _view(numbers, tensors[name]) for name in names})
        return arrays
