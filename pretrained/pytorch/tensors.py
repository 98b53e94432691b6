"""What a pickle of PyTorch may build: tensors, which are views of storages, and dictionaries of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pretrained.foreign import Damage

#: Element types of storages, as NumPy calls them; bfloat16 is the upper half of a float32.
STORAGES = {
    'torch.FloatStorage': 'f4', 'torch.DoubleStorage': 'f8', 'torch.HalfStorage': 'f2',
    'torch.BFloat16Storage': 'bfloat16', 'torch.LongStorage': 'i8', 'torch.IntStorage': 'i4',
    'torch.ShortStorage': 'i2', 'torch.CharStorage': 'i1', 'torch.ByteStorage': 'u1', 'torch.BoolStorage': '?',
}
_MAX_DIMENSIONS = 8


@dataclass(frozen=True)
class Storage:
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


@dataclass(frozen=True)
class Tensor:
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


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2 ** 40


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Make a tensor of the arguments of ``torch._utils._rebuild_tensor`` or ``_rebuild_tensor_v2``."""
    if not isinstance(storage, Storage):
        raise Damage('a tensor without a storage')
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= _MAX_DIMENSIONS
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


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise Damage('a parameter that is not a tensor')
    return data


def _size(numbers: Any = ()) -> tuple[int, ...]:
    if not isinstance(numbers, tuple) or len(numbers) > _MAX_DIMENSIONS or not all(map(_is_count, numbers)):
        raise Damage('an impossible torch.Size')
    return numbers


def make_key(key: Any) -> str:
    """Make the key of a dictionary a text: texts alone cannot be chosen so that all of them collide."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, float) or (isinstance(key, int) and abs(key) < 2 ** 63):
        return str(key)
    raise Damage(f'a dictionary with {type(key).__name__} for a key')


def _ordered_dict(pairs: Any = ()) -> dict[str, Any]:
    if not isinstance(pairs, (list, tuple)) or any(not isinstance(p, (list, tuple)) or len(p) != 2 for p in pairs):
        raise Damage('an OrderedDict of something that is not pairs')
    return {make_key(key): value for key, value in pairs}


#: What may be called, and what is done in its place.
BUILDERS: dict[str, Callable[..., Any]] = {
    'collections.OrderedDict': _ordered_dict,
    'torch._utils._rebuild_tensor': _tensor,
    'torch._utils._rebuild_tensor_v2': _tensor,
    'torch._utils._rebuild_parameter': _parameter,
    'torch.nn.parameter.Parameter': _parameter,
    'torch.Size': _size,
}


def make_storage(kind: str, key: Any, size: Any, view: Any) -> Storage:
    """Make a storage of what stands for one in a pickle.

    Args:
        kind: name of its class.
        key: its name in the file.
        size: number of elements.
        view: None, or (name, start, size) of the part that is meant.

    Raises:
        Damage: such a storage cannot be.
    """
    if kind not in STORAGES:
        raise Damage('a storage of unknown type')
    if not isinstance(key, (str, int)) or not _is_count(size):
        raise Damage('a storage of impossible size')
    if view is None:
        return Storage(str(key), STORAGES[kind], size)
    if not isinstance(view, tuple) or len(view) != 3 or not all(map(_is_count, view[1:])) or sum(view[1:]) > size:
        raise Damage('a storage of impossible size')
    return Storage(str(key), STORAGES[kind], view[2], view[1])
