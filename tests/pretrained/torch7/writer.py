"""Writing the stream of a Torch7 file, in binary or as text."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

CODES = {'uint8': 'Byte', 'int8': 'Char', 'int16': 'Short', 'int32': 'Int', 'int64': 'Long', 'float16': 'Half',
         'float32': 'Float', 'float64': 'Double'}


class Obj:
    """An object of a Torch class; ``fields`` is a dict, or anything else for a broken object."""

    def __init__(self, name: str, fields: Any) -> None:
        self.name, self.fields = name, fields


class Storage:
    def __init__(self, values: Any, prefix: str = '') -> None:
        self.values = np.ascontiguousarray(values).ravel()
        code = CODES[self.values.dtype.name]
        self.kind = prefix if prefix == 'Cuda' and code == 'Float' else prefix + code


class Tensor:
    """A tensor with its own storage, or a view of one; ``offset`` counts from 1."""

    def __init__(self, values: Any = None, storage: Storage | None = None, shape: Sequence[int] = (),
                 strides: Sequence[int] = (), offset: int = 1, prefix: str = '', kind: str = '') -> None:
        if storage is None and values is not None:
            values = np.ascontiguousarray(values)
            storage, shape = Storage(values, prefix), values.shape
            strides = [s // values.itemsize for s in values.strides]
        self.storage, self.shape, self.strides, self.offset = storage, list(shape), list(strides), offset
        self.kind = kind or (storage.kind if storage else f'{prefix}Float')


class Table:
    """A table with any keys, as a list of pairs."""

    def __init__(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        self.pairs = list(pairs)


class Function:
    def __init__(self, tag: int, code: bytes, variables: Any) -> None:
        self.tag, self.code, self.variables = tag, code, variables


class Writer:
    def __init__(self, ascii: bool = False) -> None:
        self.ascii, self.parts, self.indices, self.kept = ascii, [], {}, []

    def numbers(self, values: Any, code: str) -> None:
        if self.ascii:
            texts = (f'{v:.17g}' if isinstance(v, (float, np.floating)) else str(int(v)) for v in values)
            self.parts.append(' '.join(texts).encode() + b'\n')
        else:
            self.parts.append(struct.pack(f'<{len(values)}{code}', *values))

    def int(self, value: int) -> None:
        self.numbers([value], 'i')

    def raw(self, content: bytes) -> None:
        self.parts.append(content + (b'\n' if self.ascii else b''))

    def string(self, text: str) -> None:
        content = text.encode('utf-8', 'surrogateescape')  # which the reader has for bytes that are no text
        self.int(len(content))
        self.raw(content)

    def is_new(self, tag: int, value: Any) -> bool:
        self.int(tag)
        new = id(value) not in self.indices
        self.int(self.indices.setdefault(id(value), len(self.indices) + 1))
        self.kept.append(value)
        return new

    def header(self, name: str) -> None:
        self.string('V 1')
        self.string(name)

    def write(self, value: Any) -> Writer:
        if value is None:
            self.int(0)
        elif isinstance(value, bool):
            self.int(5)
            self.int(value)
        elif isinstance(value, (int, float)):
            self.int(1)
            self.numbers([float(value)], 'd')
        elif isinstance(value, str):
            self.int(2)
            self.string(value)
        elif isinstance(value, (dict, list, Table)):
            self.table(value)
        elif isinstance(value, Function):
            self.function(value)
        elif self.is_new(4, value):
            if isinstance(value, Obj):
                self.header(value.name)
                self.write(value.fields)
            elif isinstance(value, Tensor):
                self.header(f'torch.{value.kind}Tensor')
                self.int(len(value.shape))
                self.numbers(value.shape, 'q')
                self.numbers(value.strides, 'q')
                self.numbers([value.offset], 'q')
                self.write(value.storage)
            else:
                self.header(f'torch.{value.kind}Storage')
                self.storage(value.values)
        return self

    def storage(self, values: np.ndarray) -> None:
        self.numbers([len(values)], 'q')
        if self.ascii and values.itemsize > 1:
            self.numbers(values, '')
        elif not self.ascii or len(values):
            self.raw(values.tobytes())

    def table(self, value: Any) -> None:
        if not self.is_new(3, value):
            return
        if isinstance(value, Table):
            pairs = value.pairs
        else:
            pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value, 1))
        self.int(len(pairs))
        for key, entry in pairs:
            self.write(key)
            self.write(entry)

    def function(self, value: Function) -> None:
        if value.tag == 6:
            self.int(6)
        elif not self.is_new(value.tag, value):
            return
        self.int(len(value.code))
        self.raw(value.code)
        self.write(value.variables)

    @property
    def content(self) -> bytes:
        return b''.join(self.parts)


def dump(value: Any, ascii: bool = False) -> bytes:
    return Writer(ascii).write(value).content
