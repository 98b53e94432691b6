"""Read files of Torch7's ``torch.save``, after torch7's ``File.lua``.

An object is a tag followed by its content.  Tables, Torch objects, tensors and storages carry a number; the second
time a number occurs it stands for the object that had it first, which may not be complete yet, as graphs are cyclic.
Nothing in a file is executed, and the names in it are looked up in the tables of this module only.  The child process
that reads the file bounds the cost of a damaged one (:mod:`hourglass.sandbox`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hourglass.foreign import Damage, open_file, open_zip, printable
from pretrained.torch7.stream import Stream

import numpy as np

_ELEMENTS = {'Byte': 'u1', 'Char': 'i1', 'Short': 'i2', 'Int': 'i4', 'Long': 'i8', 'Half': 'f2', 'Float': 'f4',
             'Double': 'f8'}
# The plain CUDA class is the one of floats; all others name their element.
_ARRAYS = {**{prefix + kind: np.dtype(element) for kind, element in _ELEMENTS.items() for prefix in ('', 'Cuda')},
           'Cuda': np.dtype('f4')}

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION = range(7)
_CLOSURES = (7, 8)

# An object that is being read: it yields a generator for each object in it, and is sent that object.
_Part = Generator[Any, Any, Any]


class Table(dict[Any, Any]):
    """A Lua table.

    Keys are texts and floats (for which whole numbers may be given as int); entries with other keys are left out.
    """

    def array(self) -> list[Any]:
        """Return the values of the keys 1, 2, ... up to the first that is not there."""
        values: list[Any] = []
        while len(values) + 1 in self:
            values.append(self[len(values) + 1])
        return values


@dataclass(eq=False)
class TorchObject:
    """An object of a Torch class that is no tensor and no storage.

    Attributes:
        class_name: for instance ``nn.ReLU``.
        fields: its fields.
    """

    class_name: str
    fields: Table


def read_t7(path: str | os.PathLike[str]) -> Any:
    """Read a Torch7 file.

    Args:
        path: what ``torch.save`` wrote on a 64-bit little-endian machine, in binary or with ``'ascii'``; or a zip file
            with one such file in it, as weights were published.

    Returns:
        None (nil, functions), float, bool, str, :class:`Table`, :class:`TorchObject`, or a read-only array for a tensor
        or a storage, on whatever device it was; those that shared a storage in Torch share memory here.

    Raises:
        InputError: the file is missing or larger than 2 GB.
        Exception: it is not such a file, or is damaged; nearly any.
    """
    with open_file(Path(path), 'a Torch7 file') as file:
        return _Reader(Stream(_content(file))).read()


def _content(file: BinaryIO) -> bytes:
    data = file.read()
    if not data.startswith(b'PK\3\4'):
        return data
    with open_zip(file) as archive:
        names = [name for name in archive.namelist() if name.endswith('.t7')]
        if len(names) != 1:
            raise Damage(f'a zip file with {len(names)} .t7 files in it')
        return archive.read(names[0])


class _Reader:
    """The objects of one file."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._objects: dict[int, Any] = {}

    def read(self) -> Any:
        """Read an object and all that it contains."""
        # A stack of our own, as files are nested more deeply than Python's own stack allows.
        parts: list[_Part] = [self._object()]
        value = None
        while parts:
            try:
                parts.append(parts[-1].send(value))
                value = None
            except StopIteration as end:
                parts.pop()
                value = end.value
        return value

    def _object(self) -> _Part:
        stream = self._stream
        tag = stream.integer()
        if tag == _NIL:
            return None
        if tag == _NUMBER:
            return stream.number()
        if tag == _STRING:
            return stream.string()
        if tag == _BOOLEAN:
            return stream.integer() != 0
        if tag not in (_TABLE, _TORCH, _FUNCTION, *_CLOSURES):
            raise Damage(f'an unknown kind of object, {tag}')
        if tag != _FUNCTION:  # it has no number
            index = stream.integer()
            if index in self._objects:
                return self._objects[index]
            if tag == _TABLE:
                table = self._objects[index] = Table()
                for _ in range(stream.integer()):
                    key = yield self._object()
                    value = yield self._object()
                    if value is not None and type(key) in (str, float):
                        table[key] = value
                return table
            if tag == _TORCH:
                return (yield from self._torch_object(index))
            self._objects[index] = None
        stream.raw(stream.integer())  # the compiled code of a function
        yield self._object()  # the variables it uses
        return None

    def _torch_object(self, index: int) -> _Part:
        stream = self._stream
        name = stream.string()
        if name.startswith('V '):  # the version; the oldest files have none
            name = stream.string()
        array = re.fullmatch(r'torch\.(\w+)(Storage|Tensor)', name)
        if array is not None and (dtype := _ARRAYS.get(array[1])):
            if array[2] == 'Storage':
                self._objects[index] = stream.array(int(stream.array(1, '<i8')[0]), dtype)
            else:
                n_dimensions = stream.integer()
                shape, strides = (stream.array(n_dimensions, '<i8').tolist() for _ in range(2))
                (offset,) = stream.array(1, '<i8').tolist()
                self._objects[index] = _view((yield self._object()), shape, strides, offset - 1, dtype)
            return self._objects[index]
        if name.startswith(('torch.', 'tds.')):
            # These classes write formats of their own.
            raise Damage(f'an object of the class {printable(name)}, which is not known')
        found = self._objects[index] = TorchObject(name, Table())
        found.fields = yield self._object()
        return found


def _view(storage: Any, shape: list[int], strides: list[int], offset: int, dtype: np.dtype) -> np.ndarray:
    """Return the part of a storage that a tensor is; sizes, strides and offset count elements."""
    if not shape:  # in Torch7 this is the empty tensor; a single number has one dimension
        return np.empty(0, dtype)
    if not (isinstance(storage, np.ndarray) and storage.ndim == 1 and storage.flags.c_contiguous
            and storage.dtype == dtype):
        raise Damage('a tensor without a storage of its type')
    strides = [stride if size > 1 else 0 for size, stride in zip(shape, strides, strict=True)]
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if offset < 0 or min(shape) < 1 or min(strides) < 0 or last >= len(storage):
        raise Damage('a tensor that reaches beyond its storage')
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [stride * dtype.itemsize for stride in strides], writeable=False)
