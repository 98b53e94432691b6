"""Devices, and arrays that mix with NumPy's no more than CuPy's do."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

N_DEVICES = 2
current = threading.local()


class Device:
    """A device by its number; by default the calling thread's current one."""

    def __init__(self, device: Any = None) -> None:
        self.id = getattr(current, 'id', 0) if device is None else int(device)
        assert 0 <= self.id < N_DEVICES
        self._before: list[int] = []

    def __int__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __enter__(self) -> Device:
        self._before.append(Device().id)
        self.use()
        return self

    def __exit__(self, *_: object) -> None:
        current.id = self._before.pop()

    def use(self) -> None:
        current.id = self.id

    def synchronize(self) -> None:
        pass


class ndarray:
    """An array on a device.  NumPy's functions and arrays refuse it, and it refuses NumPy's arrays."""

    __array_priority__ = 100

    def __init__(self, host: np.ndarray, device: Device) -> None:
        self._host, self.device = host, device

    @property
    def data(self) -> SimpleNamespace:
        """Where the elements are."""
        return SimpleNamespace(ptr=self._host.ctypes.data)

    def get(self, stream: object = None) -> np.ndarray:
        return self._host.copy()

    def __copy__(self) -> ndarray:
        return self.copy()

    def set(self, array: np.ndarray, stream: Any = None) -> None:
        assert isinstance(array, np.ndarray)
        assert (array.shape, array.dtype) == (self.shape, self.dtype)
        self._host[...] = array

    def reduced_view(self) -> ndarray:
        return self.ravel() if self.flags.c_contiguous else self

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise TypeError('Implicit conversion to a NumPy array is not allowed.')

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        known = (ndarray, np.ndarray, np.generic, int, float)
        if method != '__call__' or not all(isinstance(x, known) for x in inputs):
            return NotImplemented
        return on_device(ufunc)(*inputs, **options)

    def __array_function__(self, function: Any, types: object, args: tuple, options: dict) -> Any:
        return on_device(getattr(np, function.__name__))(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name == 'ctypes':
            raise AttributeError(name)
        value = getattr(self._host, name)
        is_view = name in ('T', 'reshape', 'transpose', 'ravel', 'squeeze', 'swapaxes', 'view')
        if callable(value):
            return on_device(value, self.device, is_view)
        return to_device(value, self.device)

    def __getitem__(self, key: Any) -> ndarray:
        key = _index(key)
        return ndarray(self._host[key if any(k is Ellipsis for k in key) else (*key, ...)], self.device)

    def __setitem__(self, key: Any, value: Any) -> None:
        to_host(self, self.device)[_index(key)] = to_host(value, self.device)

    def scatter_add(self, key: Any, value: Any) -> None:
        np.add.at(to_host(self, self.device), _index(key), to_host(value, self.device))

    def __len__(self) -> int:
        return len(self._host)

    def __bool__(self) -> bool:
        return bool(self._host)

    def __int__(self) -> int:
        return int(self._host)

    def __float__(self) -> float:
        return float(self._host)

    def __index__(self) -> int:
        return operator.index(self._host)

    def __format__(self, spec: str) -> str:
        return format(self._host, spec)

    __hash__ = None  # type: ignore[assignment]


def _index(key: Any) -> tuple:
    """Return an index for NumPy; as for CuPy, it may hold arrays of the host."""
    return tuple(k._host if isinstance(k, ndarray) else k for k in (key if isinstance(key, tuple) else (key,)))


def to_host(value: Any, device: Device) -> Any:
    """Return what NumPy computes with; only numbers and arrays of ``device``, which must be current, are accepted."""
    if isinstance(value, ndarray):
        if not value.device == device == Device():
            raise ValueError(f'an array of device {value.device.id} where {device.id} is used and {Device().id} is '
                             'current')
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(f'Unsupported type {type(value)}')
    if isinstance(value, list | tuple):
        return type(value)([to_host(v, device) for v in value])
    return value


def to_device(value: Any, device: Device) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(np.asarray(value), device)
    return type(value)([to_device(v, device) for v in value]) if type(value) in (list, tuple) else value


def on_device(function: Callable, device: Device | None = None, is_view: bool = False) -> Callable:
    """Return a function of NumPy as one of arrays on ``device``, by default the current one."""
    def call(*args: Any, **options: Any) -> Any:
        if device is not None and not is_view and device != Device():
            raise ValueError(f'an array of device {device.id} where {Device().id} is current')
        where = device or Device()
        options = {name: to_host(value, where) for name, value in options.items()}
        result = function(*to_host(args, where), **options)
        return to_device(result, where)

    return call


def _operators() -> None:
    """Give the arrays their operators."""
    def define(name: str, compute: Callable) -> None:
        def method(self: ndarray, *others: Any) -> Any:
            if not all(isinstance(x, (ndarray, np.ndarray, np.generic, int, float)) for x in others):
                return NotImplemented  # a variable of Chainer
            host, *rest = to_host((self, *others), self.device)
            result = compute(host, *rest)
            return self if result is host else to_device(result, self.device)

        setattr(ndarray, name, method)

    for name in ('lt', 'le', 'eq', 'ne', 'gt', 'ge', 'neg', 'abs', 'invert'):
        define(f'__{name}__', getattr(operator, name))
    for name in ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul', 'and', 'or', 'xor'):
        function = getattr(operator, f'__{name}__')
        define(f'__{name}__', function)
        define(f'__r{name}__', lambda a, b, f=function: f(b, a))
        define(f'__i{name}__', getattr(operator, f'__i{name}__'))


_operators()
