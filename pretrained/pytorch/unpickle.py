"""Tensors out of a pickle, without the pickle module: nothing that a file names is ever looked up or called.

PyTorch describes its tensors in a pickle and keeps their values beside it.  The pickle is a program for a stack
machine; the machine here knows the instructions that build numbers, texts, lists, tuples and dictionaries, and
takes a fixed list of names for what they mean in PyTorch.  Any other name ends the reading.  The instructions are
documented in the standard library's ``pickletools``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hourglass.npz import printable
from pretrained.foreign import Damage
from pretrained.pytorch.tensors import BUILDERS, STORAGES, make_key, make_storage

#: Longest pickle, and largest number of instructions in it, that is read; a checkpoint of 8 stacks with its
#: optimizer (Adam) has 0.3 million.
MAX_PICKLE_BYTES = 32 * 1024 ** 2
MAX_INSTRUCTIONS = 4_000_000
_MAX_ARGUMENTS = 8
_MAX_NAME = 200


@dataclass(frozen=True)
class _Name:
    """A name of something in PyTorch or Python; only a mark on the stack."""

    text: str


class Unpickler:
    """Read pickles that follow one another.

    Args:
        data: the pickles, possibly followed by something else.

    Attributes:
        position: where the next one starts.
        storages: the element type of each storage in the last one, by its key.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.storages: dict[str, str] = {}

    def load(self) -> Any:
        """Read one pickle.

        Returns:
            None, bool, int, float, str, bytes, list, tuple or dict (its keys as texts), or one of
            :mod:`pretrained.pytorch.tensors`.

        Raises:
            Damage: the pickle is damaged, or holds something else.
        """
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._copied = 0
        self.storages = {}
        try:
            for _ in range(MAX_INSTRUCTIONS):
                instruction = self._take(1)[0]
                if instruction == _STOP:
                    return self._stack.pop()
                if instruction not in _INSTRUCTIONS:
                    raise Damage(f'the pickle instruction {instruction:#04x}, which is not known')
                _INSTRUCTIONS[instruction](self)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise Damage(f'a damaged pickle, {type(error).__name__}') from None
        raise Damage(f'a pickle of more than {MAX_INSTRUCTIONS:,} instructions')

    def _take(self, n: int) -> bytes:
        end = self.position + n
        if end > len(self.data):
            raise Damage('the pickle ends early')
        taken, self.position = self.data[self.position:end], end
        return taken

    def _number(self, kind: str) -> Any:
        return struct.unpack(f'<{kind}', self._take(struct.calcsize(f'<{kind}')))[0]

    def _line(self) -> str:
        end = self.data.index(b'\n', self.position, self.position + 1000)
        return self._take(end - self.position + 1)[:-1].decode()

    @staticmethod
    def _version(number: int) -> None:
        if number > 5:
            raise Damage('a pickle of an unknown version')

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        if start > len(self._stack):
            raise Damage('a damaged pickle, a mark above the stack')
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _remember(self, index: int) -> None:
        if index > MAX_INSTRUCTIONS:
            raise Damage('a damaged pickle, a value under an impossible number')
        self._memo[index] = self._stack[-1]

    def _name(self, module: Any, name: Any) -> None:
        if not all(isinstance(part, str) and len(part) <= _MAX_NAME for part in (module, name)):
            raise Damage('a damaged pickle, an impossible name')
        text = f'{module}.{name}'
        if text not in BUILDERS and text not in STORAGES:
            raise Damage(f'{printable(text)} is in it; only tensors, numbers and texts in dictionaries and lists are '
                         'read, as of a state_dict()')
        self._push(_Name(text))

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, _Name) or function.text not in BUILDERS or not isinstance(arguments, tuple):
            raise Damage('a damaged pickle, a call of something that is no function')
        if len(arguments) > _MAX_ARGUMENTS:
            raise Damage('a damaged pickle, a call with too many arguments')
        # One long list can be an argument of many calls.
        self._copied += sum(len(a) for a in arguments if isinstance(a, (list, tuple)))
        if self._copied > MAX_INSTRUCTIONS:
            raise Damage('a pickle with too many entries')
        self._push(BUILDERS[function.text](*arguments))

    def _build(self) -> None:
        # The attributes of an OrderedDict: the version numbers of the modules of a state_dict.
        self._stack.pop()
        if not isinstance(self._stack[-1], dict):
            raise Damage('a damaged pickle, attributes of something that has none')

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise Damage('a damaged pickle, an entry for something that is no list')
        self._stack[-1].extend(values)

    def _set_items(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise Damage('a damaged pickle, an entry for something that is no dictionary')
        for i in range(0, len(values), 2):
            target[make_key(values[i])] = values[i + 1]

    def _persistent(self) -> None:
        name = self._stack.pop()
        if isinstance(name, tuple) and name and name[0] == 'module':
            raise Damage('a whole pickled module; only its state_dict() can be read')
        if not (isinstance(name, tuple) and len(name) in (5, 6) and name[0] == 'storage'
                and isinstance(name[1], _Name)):
            raise Damage('an unknown persistent object')
        _, kind, key, _, size, *view = name
        storage = make_storage(kind.text, key, size, view[0] if view else None)
        if self.storages.setdefault(storage.key, storage.dtype) != storage.dtype:
            raise Damage('a storage of two types')
        self._push(storage)

    def _last(self, n: int) -> list[Any]:
        if len(self._stack) < n:
            raise Damage('a damaged pickle, too few values')
        values = self._stack[-n:]
        del self._stack[-n:]
        return values


_STOP = ord('.')
_INSTRUCTIONS: dict[int, Callable[[Unpickler], object]] = {
    0x80: lambda u: u._version(u._number('B')),  # PROTO
    0x95: lambda u: u._number('Q'),  # FRAME
    ord('('): lambda u: u._marks.append(len(u._stack)),
    ord('0'): lambda u: u._stack.pop(),
    ord('1'): lambda u: u._pop_to_mark(),
    ord('N'): lambda u: u._push(None),
    0x88: lambda u: u._push(True),
    0x89: lambda u: u._push(False),
    ord('J'): lambda u: u._push(u._number('i')),
    ord('K'): lambda u: u._push(u._number('B')),
    ord('M'): lambda u: u._push(u._number('H')),
    0x8a: lambda u: u._push(int.from_bytes(u._take(u._number('B')), 'little', signed=True)),  # LONG1
    ord('G'): lambda u: u._push(struct.unpack('>d', u._take(8))[0]),
    # Texts of Python 2 are bytes of unknown encoding.
    ord('U'): lambda u: u._push(u._take(u._number('B')).decode('latin-1')),
    ord('T'): lambda u: u._push(u._take(u._number('I')).decode('latin-1')),
    ord('C'): lambda u: u._push(u._take(u._number('B'))),
    ord('B'): lambda u: u._push(u._take(u._number('I'))),
    0x8c: lambda u: u._push(u._take(u._number('B')).decode()),  # SHORT_BINUNICODE
    ord('X'): lambda u: u._push(u._take(u._number('I')).decode()),
    ord(')'): lambda u: u._push(()),
    0x85: lambda u: u._push(tuple(u._last(1))),
    0x86: lambda u: u._push(tuple(u._last(2))),
    0x87: lambda u: u._push(tuple(u._last(3))),
    ord('t'): lambda u: u._push(tuple(u._pop_to_mark())),
    ord(']'): lambda u: u._push([]),
    ord('l'): lambda u: u._push(u._pop_to_mark()),
    ord('a'): lambda u: u._append(u._last(1)),
    ord('e'): lambda u: u._append(u._pop_to_mark()),
    ord('}'): lambda u: u._push({}),
    ord('s'): lambda u: u._set_items(u._last(2)),
    ord('u'): lambda u: u._set_items(u._pop_to_mark()),
    ord('h'): lambda u: u._push(u._memo[u._number('B')]),
    ord('j'): lambda u: u._push(u._memo[u._number('I')]),
    ord('q'): lambda u: u._remember(u._number('B')),
    ord('r'): lambda u: u._remember(u._number('I')),
    0x94: lambda u: u._remember(len(u._memo)),  # MEMOIZE
    ord('c'): lambda u: u._name(u._line(), u._line()),
    0x93: lambda u: u._name(*u._last(2)),  # STACK_GLOBAL
    ord('R'): lambda u: u._reduce(),
    ord('b'): lambda u: u._build(),
    ord('Q'): lambda u: u._persistent(),
}
