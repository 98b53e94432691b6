"""Read the pickles of PyTorch with the standard library, without running anything in them.

All that a pickle can do is call what ``find_class`` returns and change objects that it has built.  ``find_class``
returns the builders of tensors and dictionaries; any other name becomes a :class:`Placeholder`.  None of these looks
anything up, and none has attributes that can be changed.  Two more dangers are removed before the pickle is read: a
number under which a value is remembered (the reader allocates that many places), and Python's own dictionaries and
sets (they hash nested tuples of any depth); they become an OrderedDict and a placeholder.
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

#: Longest pickle, and largest number of instructions in it, that is read; a checkpoint of 8 stacks with its
#: optimizer (Adam) has 0.3 million.
MAX_PICKLE_BYTES = 32 * 1024 ** 2
MAX_INSTRUCTIONS = 2_000_000
#: Most axes of a tensor.
MAX_DIMENSIONS = 8
_MAX_ARGUMENTS = 64
_MAX_NAME = 200
_MAX_NAMES = 1000

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
_MAX_PROTOCOL = 5
_REPLACED = {'FRAME': b'', 'EMPTY_DICT': b'ccollections\nOrderedDict\n)R', 'EMPTY_SET': b'cbuiltins\nset\n)R',
             'FROZENSET': b't'}
# What the standard reader raises on damage; it documents that there may be others.
_ERRORS = (pickle.UnpicklingError, ValueError, TypeError, AttributeError, LookupError, EOFError, OverflowError,
           MemoryError, RecursionError)


def _check_arguments(*arguments: Sized) -> None:
    """Refuse long lists of arguments: a small pickle can use one in many calls."""
    if sum(map(len, arguments)) > _MAX_ARGUMENTS:
        raise Damage('a damaged pickle, a call with too many arguments')


class _Inert:
    """An object that ignores the attributes that a pickle has for it; without this method they would be set."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class Dictionary(_Inert, dict):
    """A dictionary with texts as keys, for texts cannot be made to collide; other entries are left out."""

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        if key is None or isinstance(key, float) or (isinstance(key, int) and abs(key) < 2 ** 63):
            key = str(key)
        if isinstance(key, str):
            super().__setitem__(key, value)


class _Fixed(type):
    """A class whose attributes cannot be set: placeholders are the only classes that a pickle can get hold of."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise Damage(f'a pickle that sets the attribute {printable(name)} of a class')


class Placeholder(Dictionary, metaclass=_Fixed):
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
class Storage(_Inert):
    """A run of numbers beside the pickle.

    Attributes:
        key: its name in the file.
        dtype: a value of :data:`STORAGES`.
        size: number of elements.
        start: first element of the run of the file's that this is a part of.
    """

    key: str
    dtype: str
    size: int
    start: int = 0


@dataclass(frozen=True, eq=False)
class Tensor(_Inert):
    """A view of a storage; all of it lies inside.

    Attributes:
        storage: the numbers.
        offset: the first element.
        shape: of the array.
        strides: elements from one entry to the next, along each axis.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Builder(_Inert):
    """A function that a pickle may call."""

    __slots__ = ('_build',)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        _check_arguments(arguments)
        return self._build(*arguments)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2 ** 40


def make_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Make a tensor of the arguments of ``torch._utils._rebuild_tensor`` or ``_rebuild_tensor_v2``."""
    if not isinstance(storage, Storage):
        raise Damage('a tensor without a storage')
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= MAX_DIMENSIONS
            and all(map(_is_count, (offset, *shape, *strides)))):
        raise Damage('a tensor of impossible size')
    elements, last = 1, offset
    for n, stride in zip(shape, strides, strict=True):
        elements *= n
        last += (n - 1) * stride
    # An axis of stride zero repeats numbers, and could make a huge array of few.
    if elements > storage.size or (elements and last >= storage.size):
        raise Damage('a tensor that is larger than its storage')
    return Tensor(storage, offset, shape, strides)


def _size(numbers: Any = ()) -> tuple[int, ...]:
    if not isinstance(numbers, tuple) or len(numbers) > MAX_DIMENSIONS or not all(map(_is_count, numbers)):
        raise Damage('an impossible torch.Size')
    return numbers


class _Unpickler(pickle.Unpickler):
    """Build tensors and plain values, and placeholders for all else."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding='latin-1')  # texts of Python 2 are of unknown encoding
        self.storages: dict[str, str] = {}
        self._n_pairs = 0
        tensor, parameter = _Builder(make_tensor), _Builder(lambda data, *_: data)
        self._names: dict[str, Any] = {
            **STORAGES, 'collections.OrderedDict': _Builder(self._ordered_dict), 'torch.Size': _Builder(_size),
            'torch._utils._rebuild_tensor': tensor, 'torch._utils._rebuild_tensor_v2': tensor,
            'torch._utils._rebuild_parameter': parameter, 'torch.nn.parameter.Parameter': parameter,
            'torch._utils._rebuild_parameter_with_state': parameter,
        }

    def find_class(self, module: str, name: str) -> Any:
        text = f'{module}.{name}'
        if text not in self._names:
            if len(text) > _MAX_NAME or len(self._names) > _MAX_NAMES:
                raise Damage('a name that is too long, or too many names')
            self._names[text] = _Fixed(text, (Placeholder,), {'__slots__': ()})
        return self._names[text]

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == 'module':
            return pid[1]  # the class of a pickled module, with its source text
        if not (isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == 'storage'):
            raise Damage('an unknown persistent object')
        _, dtype, key, _, size, *view = pid
        # The type first: to look a nested tuple up could take forever.
        if not isinstance(dtype, str) or dtype not in STORAGES.values():
            raise Damage('a storage of unknown type')
        start, n = 0, size
        if view and view[0] is not None:
            if not isinstance(view[0], tuple) or len(view[0]) != 3:
                raise Damage('a storage of impossible size')
            start, n = view[0][1:]
        if not isinstance(key, (str, int)) or not all(map(_is_count, (size, start, n))) or start + n > size:
            raise Damage('a storage of impossible size')
        if self.storages.setdefault(str(key), dtype) != dtype:
            raise Damage('a storage of two types')
        return Storage(str(key), dtype, n, start)

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


class Pickles:
    """Pickles that follow one another.

    Args:
        data: the pickles, possibly followed by something else.

    Attributes:
        position: where the next one starts.
        storages: the element type of each storage in the last one, by its key.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self.storages: dict[str, str] = {}

    def load(self) -> Any:
        """Read one pickle.

        Returns:
            None, bool, int, float, str, bytes, list, tuple, :class:`Dictionary`, :class:`Tensor`, :class:`Storage` or
            :class:`Placeholder`.

        Raises:
            Damage: the pickle is damaged, or holds more than is read.
        """
        try:
            unpickler = _Unpickler(self._harmless())
            value = unpickler.load()
        except _ERRORS as error:
            raise Damage(f'a damaged pickle, {printable(str(error) or type(error).__name__, 100)}') from None
        self.storages = unpickler.storages
        return value

    def _harmless(self) -> bytes:
        """Return the next pickle without what the standard reader cannot be trusted with."""
        stream = io.BytesIO(self._data)
        stream.seek(self.position)
        parts: list[bytes] = []
        for opcode, argument, start in pickletools.genops(stream):
            if opcode.name in _REFUSED or opcode.proto > _MAX_PROTOCOL:
                raise Damage(f'the pickle instruction {opcode.name}, which is not read')
            if len(parts) >= MAX_INSTRUCTIONS:
                raise Damage(f'a pickle of more than {MAX_INSTRUCTIONS:,} instructions')
            if opcode.name == 'LONG_BINPUT' and (argument or 0) > MAX_INSTRUCTIONS:
                raise Damage('a damaged pickle, a value under an impossible number')
            parts.append(_REPLACED.get(opcode.name, self._data[start:stream.tell()]))
        self.position = stream.tell()
        return b''.join(parts)
