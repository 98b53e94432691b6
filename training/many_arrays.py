"""Operations on many arrays on a GPU by one launch of a kernel.

A network has hundreds of small arrays; a launch for each takes many times longer than the work on them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from chainer.backends import cuda

# A table of addresses has one column for each array. Its rows: where the array ends if all lie behind each other, the
# row of its numbers, and one row of addresses for each list of arrays.
_FIND = '''
    long long low = 0, high = count - 1;
    while (low < high) {
        long long middle = (low + high) / 2;
        if (i < (long long)table[middle]) high = middle; else low = middle + 1;
    }
    long long at = low ? i - (long long)table[low - 1] : i;
'''


def is_plain(array: Any) -> bool:
    """Return whether a value is an array on a GPU of float32 in C order, as :class:`ManyArrays` takes them."""
    return isinstance(array, cuda.ndarray) and array.dtype.char == 'f' and array.flags.c_contiguous


class ManyArrays:
    """An operation on each element of many arrays, by one launch on the current device and stream.

    Addresses and numbers are kept on the device, and are sent again when they have changed.

    Args:
        name: of the kernel.
        elements: names of the elements in the operation, one for each list of arrays.
        numbers: names of the numbers in the operation.
        operation: C++ with these names; all are ``float``.
    """

    def __init__(self, name: str, elements: Sequence[str], numbers: Sequence[str], operation: str) -> None:
        parts = [_FIND]
        parts += [f'float& {x} = ((float*)table[{k + 2} * count + low])[at];' for k, x in enumerate(elements)]
        parts += [f'float {x} = numbers[{len(numbers)} * (long long)table[count + low] + {k}];'
                  for k, x in enumerate(numbers)]
        self._name, self._operation = name, '\n'.join([*parts, operation])
        self._lists: Sequence[Sequence[Any]] = ()
        self._addresses: list[list[int]] = []
        self._rows: Sequence[int] | None = None
        self._numbers: list[Sequence[float]] = []
        self._device_table = self._device_numbers = None

    def __call__(
        self, lists: Sequence[Sequence[Any]], numbers: Sequence[Sequence[float]] = ((0.0,),),
        rows: Sequence[int] | None = None,
    ) -> None:
        """Do the operation.

        Args:
            lists: plain arrays (:func:`is_plain`) for each name of ``elements``, of the same shapes in all lists.  An
                object that was passed in the call before must hold the same arrays.
            numbers: rows of values for the names of ``numbers``.
            rows: the row of each array's numbers; by default all have the first.
        """
        # The same lists hold the same arrays.
        if lists is not self._lists or rows != self._rows:
            self._lists, self._rows = lists, rows
            sizes = [array.size for array in lists[0]]
            self._count, self._size = len(sizes), sum(sizes)
            addresses = [sizes, list(rows or [0] * len(sizes)), *([a.data.ptr for a in arrays] for arrays in lists)]
            if addresses != self._addresses:
                self._device_table = cuda.cupy.array(np.array([np.cumsum(sizes), *addresses[1:]], np.uint64))
                self._addresses = addresses
        if not self._size:
            return
        if list(numbers) != self._numbers:
            self._device_numbers = cuda.cupy.array(np.array(numbers, np.float32))
            self._numbers = list(numbers)
        kernel = cuda.elementwise('raw uint64 table, raw float32 numbers, int64 count', '', self._operation, self._name)
        kernel(self._device_table, self._device_numbers, self._count, size=self._size)


class Copies:
    """Copies of values; for plain arrays (:func:`is_plain`) all calls write to the same memory."""

    def __init__(self) -> None:
        self._lists: list[list[Any]] = [[], []]  # where the copies are, and the arrays
        self._copy = ManyArrays('hourglass_copy', ['kept', 'value'], [], 'kept = value;')

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """Return copies, which stay as they are until the next call."""
        plain = [value for value in values if is_plain(value)]
        if len(plain) != len(self._lists[1]) or any(map(operator.is_not, plain, self._lists[1])):
            self._lists = [[cuda.cupy.empty_like(array) for array in plain], plain]
        if plain:
            self._copy(self._lists)
        kept = iter(self._lists[0])
        return [next(kept) if is_plain(value) else copy(value) for value in values]
