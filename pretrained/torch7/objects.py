"""What a Torch7 file holds, as plain Python values.

Numbers are float, booleans bool, nil is None, strings are str (bytes that are no UTF-8 become lone surrogates,
``surrogateescape``).  Tensors and storages are read-only NumPy arrays, whatever device they were on; those that
shared a storage in Torch share memory here.  Everything else is one of the classes below; they are compared
by identity, as in Lua, for the graph of a network is cyclic.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any


def _entry(key: Any) -> Hashable:
    # In Python True == 1, and an array cannot be hashed at all; in Lua all but strings and numbers is an identity.
    return key if type(key) in (str, float) else (id(key),)


class Table:
    """A Lua table: values by keys of any kind.  It has neither an order nor a length."""

    __slots__ = ('_pairs',)

    def __init__(self) -> None:
        self._pairs: dict[Hashable, tuple[Any, Any]] = {}

    def __repr__(self) -> str:
        return f'<Table with {len(self._pairs)} entries>'

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Iterate over (key, value) in the order of the file, which means nothing."""
        return iter(self._pairs.values())

    def __setitem__(self, key: Any, value: Any) -> None:
        self._pairs[_entry(key)] = key, value

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key; whole numbers may be given as int."""
        pair = self._pairs.get(_entry(float(key) if type(key) is int else key))
        return default if pair is None else pair[1]

    def array(self) -> list[Any]:
        """Return the values of the keys 1, 2, ... up to the first that is not there."""
        values: list[Any] = []
        while (pair := self._pairs.get(float(len(values) + 1))) is not None:
            values.append(pair[1])
        return values


@dataclass(eq=False, slots=True)
class TorchObject:
    """An object of a Torch class that is no tensor and no storage.

    Attributes:
        class_name: for instance ``nn.ReLU``.
        version: number of the class's layout.
        fields: its fields; the keys are mostly strings.
    """

    class_name: str
    version: int
    fields: Table

    def __repr__(self) -> str:
        return f'<{self.class_name}>'

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field."""
        return self.fields.get(name, default)


class LuaFunction:
    """In the place of a function; its code is not kept."""

    __slots__ = ()

    def __repr__(self) -> str:
        return '<function>'
