"""Reading what ``torch.save`` of Torch7 wrote, after torch7's ``File.lua``.

An object is a tag followed by its content.  Tables, Torch objects, tensors and storages carry a number; the second
time a number occurs it stands for the object that had it first, which may not be complete yet, as graphs are cyclic.
Nothing in a file is executed, and nothing is looked up by the names in it but the tables of this module.  What a
damaged file costs is bounded by the child process that it is read in (:mod:`hourglass.sandbox`).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hourglass.errors import InputError
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

# A part that is being read: it yields when it needs the next object and is sent that object.
_Part = Generator[None, Any, Any]


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
        InputError: the file cannot be read, is larger than 2 GB, is not such a file, or is damaged.
    """
    path = Path(path)
    try:
        with open_file(path, 'a Torch7 file') as file:
            return _Reader(Stream(_content(file))).read()
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # zipfile, NumPy and the stream report damage with nearly any exception.
        reason = printable(str(error) or type(error).__name__, 120)
        raise InputError(f'{path}: not a readable Torch7 file ({reason})') from None


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
        part = self._part(tag)
        if isinstance(part, Generator):
            parts.append(part)
            return None
        return part

    def _part(self, tag: int) -> Any:
        """Return a new part, or the object that was meant."""
        if tag not in (_TABLE, _TORCH, _FUNCTION, *_CLOSURES):
            raise Damage(f'an unknown kind of object, {tag}')
        index = self._stream.integer() if tag != _FUNCTION else 0
        if tag != _FUNCTION and index in self._objects:
            return self._objects[index]
        if tag == _TABLE:
            return self._table(index)
        if tag != _TORCH:
            return self._function(index)
        name = self._stream.string()
        if name.startswith('V '):  # the version; the oldest files have none
            name = self._stream.string()
        kind = name.removeprefix('torch.')
        if (dtype := _ARRAYS.get(kind.removesuffix('Storage'))) and kind != name and kind.endswith('Storage'):
            self._objects[index] = self._stream.array(int(self._stream.array(1, '<i8')[0]), dtype)
            return self._objects[index]
        if (dtype := _ARRAYS.get(kind.removesuffix('Tensor'))) and kind != name and kind.endswith('Tensor'):
            return self._tensor(index, dtype)
        if name.startswith(('torch.', 'tds.')):
            # These classes write formats of their own.
            raise Damage(f'an object of the class {printable(name)}, which is not known')
        return self._torch_object(index, name)

    def _function(self, index: int) -> _Part:
        if index:
            self._objects[index] = None
        self._stream.raw(self._stream.integer())  # the compiled code
        yield  # the variables it uses

    def _table(self, index: int) -> _Part:
        table = self._objects[index] = Table()
        for _ in range(self._stream.integer()):
            key = yield
            value = yield
            if value is not None and type(key) in (str, float):
                table[key] = value
        return table

    def _torch_object(self, index: int, class_name: str) -> _Part:
        found = self._objects[index] = TorchObject(class_name, Table())
        found.fields = yield
        return found

    def _tensor(self, index: int, dtype: np.dtype) -> _Part:
        n_dimensions = self._stream.integer()
        shape, strides = (self._stream.array(n_dimensions, '<i8').tolist() for _ in range(2))
        (offset,) = self._stream.array(1, '<i8').tolist()
        storage = yield
        array = self._objects[index] = _view(storage, shape, strides, offset - 1, dtype)
        return array


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
