"""Read the pickles of PyTorch with the standard library, without running anything in them.

A pickle can only call what ``find_class`` returns and change objects that it has built.  ``find_class`` returns
builders of tensors and dictionaries, and an inert :class:`Placeholder` for any other name.  Two more dangers are
removed before a pickle is read: large numbers under which a value is remembered (the reader allocates that many
places), and Python's own dictionaries and sets (they hash nested tuples of any depth).
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Any

from hourglass.npz import printable
from pretrained.foreign import Damage

import numpy as np

#: Longest pickle, and largest number of instructions in it, that is read; a checkpoint of 8 stacks with its
#: optimizer (Adam) has 0.3 million.
MAX_PICKLE_BYTES = 32 * 1024 ** 2
MAX_INSTRUCTIONS = 2_000_000
_MAX_DIMENSIONS = 8
_MAX_ARGUMENTS = 64
_MAX_NAME = 200
_MAX_NAMES = 1000
_MAX_PROTOCOL = 5

#: Element types of storages, as NumPy calls them; bfloat16 is the upper half of a float32.
STORAGES = {
    'torch.FloatStorage': 'f4', 'torch.DoubleStorage': 'f8', 'torch.HalfStorage': 'f2',
    'torch.BFloat16Storage': 'bfloat16', 'torch.LongStorage': 'i8', 'torch.IntStorage': 'i4',
    'torch.ShortStorage': 'i2', 'torch.CharStorage': 'i1', 'torch.ByteStorage': 'u1', 'torch.BoolStorage': '?',
    'torch.ComplexFloatStorage': 'c8', 'torch.ComplexDoubleStorage': 'c16', 'torch.storage.UntypedStorage': 'u1',
}
# Not read: texts of version 0 (parsing them is slow), dictionaries of hashed keys, and objects that the caller has.
_REFUSED = {'INT', 'LONG', 'FLOAT', 'STRING', 'UNICODE', 'GET', 'PUT', 'PERSID', 'DICT', 'EXT1', 'EXT2', 'EXT4',
            'NEXT_BUFFER', 'READONLY_BUFFER'}
_REPLACED = {'FRAME': b'', 'EMPTY_DICT': b'ccollections\nOrderedDict\n)R', 'EMPTY_SET': b'cbuiltins\nset\n)R',
             'FROZENSET': b't'}
# What the standard reader raises on damage; it documents that there may be others.
_ERRORS = (pickle.UnpicklingError, ValueError, TypeError, AttributeError, LookupError, EOFError, OverflowError,
           MemoryError, RecursionError)

#: Returns the numbers of a storage, (n,): takes its key, its type (a value of :data:`STORAGES`) and n.
ReadStorage = Callable[[str, str, int], np.ndarray]


class _Inert:
    """An object that ignores the attributes that a pickle has for it; without this method they would be set."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class Dictionary(_Inert, dict):
    """A dictionary with texts as keys, for texts cannot be made to collide; other entries are left out."""

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        if key is None or isinstance(key, (int, float)):
            key = str(key)
        if isinstance(key, str):
            super().__setitem__(key, value)


class Placeholder(Dictionary):
    """In the place of an object of any class; only its entries are kept, as a subclass of OrderedDict has them."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **options: Any) -> Placeholder:
        _check_arguments(arguments, options)
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __call__(self, *arguments: Any) -> Placeholder:
        return Placeholder(*arguments)

    def append(self, value: Any) -> None:
        """Ignore an entry."""

    extend = add = append


@dataclass(frozen=True, eq=False)
class Tensor(_Inert):
    """A tensor or a storage; the pickle cannot get at the array."""

    array: np.ndarray


class _Builder(_Inert):
    """A function that a pickle may call."""

    __slots__ = ('_build',)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        _check_arguments(arguments)
        return self._build(*arguments)


def _check_arguments(*arguments: Sized) -> None:
    """Refuse long lists of arguments: a small pickle can use one in many calls."""
    if sum(map(len, arguments)) > _MAX_ARGUMENTS:
        raise Damage('a damaged pickle, a call with too many arguments')


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2 ** 40


def _make_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Make a tensor of the arguments of ``torch._utils._rebuild_tensor`` or ``_rebuild_tensor_v2``."""
    if not isinstance(storage, Tensor) or storage.array.ndim != 1:
        raise Damage('a tensor without a storage')
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= _MAX_DIMENSIONS
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


class _Unpickler(pickle.Unpickler):
    """Build tensors and plain values, and placeholders for all else."""

    def __init__(self, data: bytes, read_storage: ReadStorage) -> None:
        super().__init__(io.BytesIO(data), encoding='latin-1')  # texts of Python 2 are of unknown encoding
        self._read_storage = read_storage
        self._storages: dict[str, tuple[str, int, Tensor]] = {}
        self._n_pairs = 0
        tensor, parameter = _Builder(_make_tensor), _Builder(lambda data, *_: data)
        self._names: dict[str, Any] = {
            **STORAGES, 'collections.OrderedDict': _Builder(self._ordered_dict),
            'torch.Size': _Builder(lambda numbers=(): numbers),
            'torch._utils._rebuild_tensor': tensor, 'torch._utils._rebuild_tensor_v2': tensor,
            'torch._utils._rebuild_parameter': parameter, 'torch.nn.parameter.Parameter': parameter,
            'torch._utils._rebuild_parameter_with_state': parameter,
        }

    def find_class(self, module: str, name: str) -> Any:
        text = f'{module}.{name}'
        if text not in self._names:
            if len(text) > _MAX_NAME or len(self._names) > _MAX_NAMES:
                raise Damage('a name that is too long, or too many names')
            self._names[text] = type(text, (Placeholder,), {'__slots__': ()})
        return self._names[text]

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == 'module':
            return pid[1]  # the class of a pickled module, with its source text
        if not (isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == 'storage' and pid[5:] in ((), (None,))):
            raise Damage('an unknown persistent object')
        _, dtype, key, _, size = pid[:5]
        # The type first: to look a nested tuple up could take forever.
        if not isinstance(dtype, str) or dtype not in STORAGES.values():
            raise Damage('a storage of unknown type')
        if not isinstance(key, (str, int)) or not _is_count(size):
            raise Damage('a storage of impossible size')
        key = str(key)
        if key not in self._storages:
            self._storages[key] = dtype, size, Tensor(self._read_storage(key, dtype, size))
        if self._storages[key][:2] != (dtype, size):
            raise Damage('a storage of two types')
        return self._storages[key][2]

    def _ordered_dict(self, pairs: Any = ()) -> Dictionary:
        if not isinstance(pairs, (list, tuple)):
            raise Damage('an OrderedDict of something that is not pairs')
        self._n_pairs += len(pairs)  # one long list can be used in many calls
        if self._n_pairs > MAX_INSTRUCTIONS:
            raise Damage('a pickle with too many entries')
        found = Dictionary()
        for pair in pairs:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise Damage('an OrderedDict of something that is not pairs')
            found[pair[0]] = pair[1]
        return found


def load_pickle(data: bytes, start: int, read_storage: ReadStorage) -> tuple[Any, int]:
    """Read one pickle.

    Args:
        data: the pickle, possibly among others.
        start: where it begins.
        read_storage: called once for each storage.

    Returns:
        The value, made of None, bool, int, float, str, bytes, list, tuple, :class:`Dictionary`, :class:`Tensor` and
        :class:`Placeholder`; and where the pickle ends.

    Raises:
        Damage: the pickle is damaged, or holds more than is read.
    """
    try:
        harmless, end = _harmless(data, start)
        return _Unpickler(harmless, read_storage).load(), end
    except _ERRORS as error:
        raise Damage(f'a damaged pickle, {printable(str(error) or type(error).__name__, 100)}') from None


def _harmless(data: bytes, start: int) -> tuple[bytes, int]:
    """Return a pickle without what the standard reader cannot be trusted with, and where it ends."""
    stream = io.BytesIO(data)
    stream.seek(start)
    parts: list[bytes] = []
    for opcode, argument, position in pickletools.genops(stream):
        if opcode.name in _REFUSED or opcode.proto > _MAX_PROTOCOL:
            raise Damage(f'the pickle instruction {opcode.name}, which is not read')
        if len(parts) >= MAX_INSTRUCTIONS:
            raise Damage(f'a pickle of more than {MAX_INSTRUCTIONS:,} instructions')
        if opcode.name == 'LONG_BINPUT' and (argument or 0) > MAX_INSTRUCTIONS:
            raise Damage('a damaged pickle, a value under an impossible number')
        parts.append(_REPLACED.get(opcode.name, data[position:stream.tell()]))
    return b''.join(parts), stream.tell()
