"""Reading what ``torch.save`` of Torch7 wrote, after torch7's ``File.lua``.

An object is a tag followed by its content.  Tables, Torch objects, tensors and storages carry a number; the second
time a number occurs it stands for the object that had it first, which may not be complete yet, as graphs are cyclic.
Nothing in a file is executed, and nothing is looked up by the names in it but the tables of this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO

from hourglass.errors import InputError
from hourglass.npz import printable
from pretrained.foreign import open_file
from pretrained.torch7.ascii_source import AsciiSource
from pretrained.torch7.objects import LuaFunction, Table, TorchObject
from pretrained.torch7.source import MAX_BYTES, BinarySource, Damage, Source

import numpy as np

#: Most values in a file, of any kind; a network of 8 stacks has about 70,000.
MAX_VALUES = 1_000_000
#: Deepest nesting.  Nothing here recurses; this bounds the memory of what is half read.
MAX_DEPTH = 100_000
_MAX_DIMENSIONS = 32

_ELEMENTS = {
    'Byte': np.uint8, 'Char': np.int8, 'Short': np.int16, 'Int': np.int32, 'Long': np.int64,
    'Half': np.float16, 'Float': np.float32, 'Double': np.float64,
}
# The plain CUDA class is the one of floats; all others name their element.
_ARRAYS = {name: np.dtype(element) for kind, element in _ELEMENTS.items() for name in (kind, f'Cuda{kind}')}
_ARRAYS['Cuda'] = _ARRAYS.pop('CudaFloat')
_TENSORS = {f'torch.{name}Tensor': dtype for name, dtype in _ARRAYS.items()}
_STORAGES = {f'torch.{name}Storage': dtype for name, dtype in _ARRAYS.items()}

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION = range(7)
_CLOSURES = (7, 8)

# A part that is being read: it yields when it needs the next object and is sent that object.
_Part = Generator[None, Any, Any]


def read_t7(path: str | os.PathLike[str]) -> Any:
    """Read a Torch7 file.

    Args:
        path: what ``torch.save`` wrote on a 64-bit little-endian machine, in binary or with ``'ascii'``.

    Returns:
        A value as described in :mod:`pretrained.torch7.objects`.  Functions are left out.

    Raises:
        InputError: the file cannot be read, is larger than 2 GB, is not such a file, or is damaged.
    """
    path = Path(path)
    try:
        with open_file(path, 'a Torch7 file') as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            return _read(path, stream, size)
    except MemoryError:
        raise InputError(f'{path}: there is not enough memory for it') from None
    except OSError as error:
        raise InputError(f'{path}: {error.strerror or error}') from None


def _read(path: Path, stream: BinaryIO, size: int) -> Any:
    source = None
    try:
        source = _open_source(stream, size)
        value = _Reader(source).read()
        source.expect_end()
    except Damage as error:
        place = f' at byte {source.position:,} of {size:,}' if source else ''
        raise InputError(f'{path}: not a readable Torch7 file{place} ({error})') from None
    return value


def _open_source(stream: BinaryIO, size: int) -> Source:
    """Choose the encoding by the first value, the small number that tells the kind of object."""
    head = stream.read(4)
    stream.seek(0)
    if re.match(rb'[0-8]\n', head):
        return AsciiSource(stream, size)
    if re.match(rb'[\0-\x08]\0\0\0', head):
        return BinarySource(stream, size)
    raise Damage('it does not begin like one')


class _Reader:
    """The objects of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._objects: dict[int, Any] = {}
        self._storages: dict[int, np.ndarray] = {}
        self._n_values = 0

    def read(self) -> Any:
        """Read an object and all that it contains."""
        # The parts that are being read, outermost first.  A stack of our own, as files are nested more deeply than
        # Python's own stack allows.
        parts: list[_Part] = []
        value = self._begin(parts)
        while parts:
            try:
                parts[-1].send(value)
            except StopIteration as end:
                parts.pop()
                value = end.value
            else:
                value = self._begin(parts)
        return value

    def _begin(self, parts: list[_Part]) -> Any:
        """Read a value that contains no other, or put a new part on top, which first is sent None."""
        self._n_values += 1
        if self._n_values > MAX_VALUES:
            raise Damage(f'more than {MAX_VALUES:,} values')
        source = self._source
        tag = source.integer()
        if tag == _NIL:
            return None
        if tag == _NUMBER:
            return source.number()
        if tag == _STRING:
            return source.string()
        if tag == _BOOLEAN:
            return source.integer() != 0
        part = self._part(tag)
        if isinstance(part, Generator):
            if len(parts) >= MAX_DEPTH:
                raise Damage(f'nested more than {MAX_DEPTH:,} levels deep')
            parts.append(part)
            return None
        return part

    def _part(self, tag: int) -> Any:
        """Return a new part, or the object that was meant."""
        if tag == _FUNCTION:
            return self._function(None)
        if tag not in (_TABLE, _TORCH, *_CLOSURES):
            raise Damage(f'an unknown kind of object, {tag}')
        index = self._source.integer()
        if index in self._objects:
            return self._objects[index]
        if tag in _CLOSURES:
            return self._function(index)
        if tag == _TABLE:
            return self._table(index)
        version, class_name = self._class()
        if class_name in _STORAGES:
            return self._storage(index, _STORAGES[class_name])
        if class_name in _TENSORS:
            return self._tensor(index, _TENSORS[class_name])
        if class_name.startswith(('torch.', 'tds.')):
            # These write themselves in formats of their own.
            raise Damage(f'an object of the class {printable(class_name)}, which is not known')
        return self._torch_object(index, class_name, version)

    def _class(self) -> tuple[int, str]:
        """Read the version and the name of a class; the oldest files have no version."""
        text = self._source.string()
        if not text.startswith('V '):
            return 0, text
        number = text[2:]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Damage(f'the version {printable(number)} of a class')
        return int(number), self._source.string()

    def _function(self, index: int | None) -> _Part:
        function = LuaFunction()
        if index is not None:
            self._objects[index] = function
        self._source.skip(self._source.integer())  # the compiled code
        yield  # the variables it uses
        return function

    def _table(self, index: int) -> _Part:
        table = self._objects[index] = Table()
        count = self._source.integer()
        if count < 0:
            raise Damage('a table of negative size')
        for _ in range(count):
            key = yield
            value = yield
            if key is None or (isinstance(key, float) and key != key):
                raise Damage('a table without a key for a value')
            if value is not None:
                table[key] = value
        return table

    def _torch_object(self, index: int, class_name: str, version: int) -> _Part:
        found = self._objects[index] = TorchObject(class_name, version, Table())
        fields = yield
        if not isinstance(fields, Table):
            raise Damage(f'an object of the class {printable(class_name)} without fields')
        found.fields = fields
        return found

    def _storage(self, index: int, dtype: np.dtype) -> np.ndarray:
        (count,) = self._source.longs(1)
        array = self._objects[index] = self._source.array(count, dtype)
        self._storages[id(array)] = array
        return array

    def _tensor(self, index: int, dtype: np.dtype) -> _Part:
        source = self._source
        n_dimensions = source.integer()
        if not 0 <= n_dimensions <= _MAX_DIMENSIONS:
            raise Damage(f'a tensor of {n_dimensions} dimensions')
        shape, strides = source.longs(n_dimensions), source.longs(n_dimensions)
        (offset,) = source.longs(1)
        storage = yield
        if storage is not None and (id(storage) not in self._storages or storage.dtype != dtype):
            raise Damage('a tensor without a storage of its type')
        array = self._objects[index] = _view(storage, shape, strides, offset - 1, dtype)
        return array


def _view(storage: np.ndarray | None, shape: list[int], strides: list[int], offset: int, dtype: np.dtype) -> np.ndarray:
    """Return the part of a storage that a tensor is; sizes, strides and offset count elements."""
    if not shape:  # in Torch7 this is the empty tensor; a single number has one dimension
        return np.empty(0, dtype)
    strides = [stride if size > 1 else 0 for size, stride in zip(shape, strides, strict=True)]
    count = distinct = 1
    for size, stride in zip(shape, strides, strict=True):
        count *= size
        distinct *= size if stride else 1  # expanded tensors have a stride of 0
        if size < 1 or count * dtype.itemsize > MAX_BYTES:
            raise Damage('a tensor of impossible size')
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if storage is None or offset < 0 or min(strides) < 0 or last >= len(storage) or distinct > len(storage):
        raise Damage('a tensor that reaches beyond its storage')
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [stride * dtype.itemsize for stride in strides], writeable=False)
