"""Read the pickles of PyTorch with the standard library, without running anything in them.

A pickle can only call what ``find_class`` returns and change objects that it has built.  ``find_class`` returns
builders of tensors, and an inert :class:`Placeholder` for any other name.  What a damaged pickle costs is bounded by
the child process that it is read in (:mod:`hourglass.sandbox`).
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from hourglass.foreign import Damage

import numpy as np

#: Element types of storages, as NumPy calls them; bfloat16 is the upper half of a float32.
STORAGES = {
    'torch.FloatStorage': 'f4', 'torch.DoubleStorage': 'f8', 'torch.HalfStorage': 'f2',
    'torch.BFloat16Storage': 'bfloat16', 'torch.LongStorage': 'i8', 'torch.IntStorage': 'i4',
    'torch.ShortStorage': 'i2', 'torch.CharStorage': 'i1', 'torch.ByteStorage': 'u1', 'torch.BoolStorage': '?',
    'torch.ComplexFloatStorage': 'c8', 'torch.ComplexDoubleStorage': 'c16', 'torch.storage.UntypedStorage': 'u1',
}

#: Returns the numbers of a storage, (n,): takes its key, its type (a value of :data:`STORAGES`) and n.
ReadStorage = Callable[[str, str, int], np.ndarray]


class _Inert:
    """An object that ignores attributes from a pickle; without its method they would be set."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class Placeholder(_Inert, dict):
    """Stands for an object of any class; only its entries are kept, like those of a subclass of OrderedDict."""

    __slots__ = ()

    def __new__(cls, *_: Any, **__: Any) -> Placeholder:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any) -> Placeholder:
        return Placeholder()

    def __hash__(self) -> int:  # type: ignore[override]  # objects may be in sets
        return id(self)

    def append(self, value: Any) -> None:
        """Ignore an entry."""

    extend = add = append


@dataclass(frozen=True, eq=False)
class Tensor(_Inert):
    """A tensor or a storage; the pickle cannot reach the array."""

    array: np.ndarray


class _Builder(_Inert):
    """A function that a pickle may call."""

    __slots__ = ('_build',)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        return self._build(*arguments)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2 ** 40


def _make_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Make a tensor of the arguments of ``torch._utils._rebuild_tensor`` or ``_rebuild_tensor_v2``."""
    if not isinstance(storage, Tensor) or storage.array.ndim != 1:
        raise Damage('a tensor without a storage')
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
            and all(map(_is_count, (offset, *shape, *strides)))):
        raise Damage('a tensor of impossible size')
    elements, last, numbers = 1, offset, storage.array
    for n, stride in zip(shape, strides, strict=True):
        elements *= n
        last += (n - 1) * stride
    # An axis of stride zero repeats numbers, and could make a huge array of few.
    if elements > len(numbers) or (elements and last >= len(numbers)):
        raise Damage('a tensor that is larger than its storage')
    steps = [stride * numbers.itemsize for stride in strides]
    return Tensor(np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False))


_TENSOR, _PARAMETER = _Builder(_make_tensor), _Builder(lambda data, *_: data)
#: What a pickle can name.
_NAMES: dict[str, Any] = {
    **STORAGES, 'collections.OrderedDict': _Builder(OrderedDict), 'torch.Size': _Builder(tuple),
    'torch._utils._rebuild_tensor': _TENSOR, 'torch._utils._rebuild_tensor_v2': _TENSOR,
    'torch._utils._rebuild_parameter': _PARAMETER, 'torch.nn.parameter.Parameter': _PARAMETER,
    'torch._utils._rebuild_parameter_with_state': _PARAMETER,
}


class _Unpickler(pickle.Unpickler):
    """Build tensors and plain values, and placeholders for all else."""

    def __init__(self, stream: BinaryIO, read_storage: ReadStorage) -> None:
        super().__init__(stream, encoding='latin-1')  # texts of Python 2 are of unknown encoding
        self._read_storage = read_storage
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        text = f'{module}.{name}'
        return _NAMES[text] if text in _NAMES else type(text, (Placeholder,), {'__slots__': ()})

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == 'module':
            return pid[1]  # the class of a pickled module, with its source text
        kind, dtype, key, _, size, *view = pid
        if kind != 'storage' or dtype not in STORAGES.values() or not _is_count(size) or view not in ([], [None]):
            raise Damage('a storage of unknown type or impossible size')
        key = str(key)
        if key not in self._storages:
            self._storages[key] = Tensor(self._read_storage(key, dtype, size))
        return self._storages[key]


def load_pickle(stream: BinaryIO, read_storage: ReadStorage) -> Any:
    """Read one pickle; the stream is behind it afterwards.

    Args:
        stream: the pickle, and perhaps more.
        read_storage: called once for each storage.

    Returns:
        The value, made of Python's plain types, :class:`Tensor` and :class:`Placeholder`.

    Raises:
        Exception: the pickle is damaged; nearly any.
    """
    return _Unpickler(stream, read_storage).load()
