"""A stand-in for CuPy on the CPU: arrays that mix with NumPy's no more than CuPy's do.

It finds host arrays on a device path, and work on a device that is not current, where there is no GPU.  It has two
devices.  Kernels are compiled as C++.  No figure of speed or memory comes from it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import operator
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import chainer
import numpy as np
import pytest
from chainer.backends import cuda
from chainer.functions.activation import relu

N_DEVICES = 2
_current = threading.local()


class Device:
    """A device by its number; by default the calling thread's current one."""

    def __init__(self, device: Any = None) -> None:
        self.id = getattr(_current, 'id', 0) if device is None else int(device)
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
        _current.id = self._before.pop()

    def use(self) -> None:
        _current.id = self.id

    def synchronize(self) -> None:
        pass


class ndarray:
    """An array on a device.  NumPy's functions and arrays refuse it, and it refuses NumPy's arrays."""

    __array_priority__ = 100

    def __init__(self, host: np.ndarray, device: Device) -> None:
        self._host, self.device = host, device

    def get(self, stream: object = None) -> np.ndarray:
        return self._host.copy()

    def set(self, array: np.ndarray) -> None:
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
        return _on_device(ufunc)(*inputs, **options)

    def __array_function__(self, function: Any, types: object, args: tuple, options: dict) -> Any:
        return getattr(cupy, function.__name__)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or name in ('ctypes', 'data', 'tobytes', 'tolist_', 'tofile'):
            raise AttributeError(name)
        value = getattr(self._host, name)
        is_view = name in ('T', 'reshape', 'transpose', 'ravel', 'squeeze', 'swapaxes', 'view')
        if callable(value):
            return _on_device(value, self.device, is_view)
        return _to_device(value, self.device)

    def __getitem__(self, key: Any) -> ndarray:
        key = _index(key)
        return ndarray(self._host[key if any(k is Ellipsis for k in key) else (*key, ...)], self.device)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._host[_index(key)] = _to_host(value, self.device)

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


def _to_host(value: Any, device: Device) -> Any:
    """Return what NumPy computes with; only numbers and arrays of ``device``, which must be current, are accepted."""
    if isinstance(value, ndarray):
        if not value.device == device == Device():
            raise ValueError(f'an array of device {value.device.id} where {device.id} is used and {Device().id} is '
                             'current')
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(f'Unsupported type {type(value)}')
    if isinstance(value, list | tuple):
        return type(value)([_to_host(v, device) for v in value])
    return value


def _to_device(value: Any, device: Device) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(np.asarray(value), device)
    return type(value)([_to_device(v, device) for v in value]) if type(value) in (list, tuple) else value


def _on_device(function: Callable, device: Device | None = None, is_view: bool = False) -> Callable:
    """Return a function of NumPy as one of arrays on ``device``, by default the current one."""
    def call(*args: Any, **options: Any) -> Any:
        if device is not None and not is_view and device != Device():
            raise ValueError(f'an array of device {device.id} where {Device().id} is current')
        where = device or Device()
        options = {name: _to_host(value, where) for name, value in options.items()}
        result = function(*_to_host(args, where), **options)
        return _to_device(result, where)

    return call


def _operators() -> None:
    """Give the arrays their operators."""
    def define(name: str, compute: Callable) -> None:
        def method(self: ndarray, *others: Any) -> Any:
            if not all(isinstance(x, (ndarray, np.ndarray, np.generic, int, float)) for x in others):
                return NotImplemented  # a variable of Chainer
            host, *rest = _to_host((self, *others), self.device)
            result = compute(host, *rest)
            return self if result is host else _to_device(result, self.device)

        setattr(ndarray, name, method)

    for name in ('lt', 'le', 'eq', 'ne', 'gt', 'ge', 'neg', 'abs', 'invert'):
        define(f'__{name}__', getattr(operator, name))
    for name in ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul', 'and', 'or', 'xor'):
        function = getattr(operator, f'__{name}__')
        define(f'__{name}__', function)
        define(f'__r{name}__', lambda a, b, f=function: f(b, a))
        define(f'__i{name}__', getattr(operator, f'__i{name}__'))


_operators()

# What CUDA has and C++ lacks.
_PREAMBLE = '''
#include <cmath>
#include <cstdint>
typedef _Float16 float16; typedef float float32; typedef double float64; typedef bool bool_;
typedef int32_t int32; typedef int64_t int64; typedef uint8_t uint8; typedef uint64_t uint64;
template<class A, class B> auto min(A a, B b) { return b < a ? b : a; }
template<class A, class B> auto max(A a, B b) { return b > a ? b : a; }
template<class T, class V> void atomicAdd(T* to, V value) { *to += value; }
using std::isnan; using std::isinf;
'''


@functools.cache
def _compiled(source: str) -> Callable:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / 'kernel.so'
        subprocess.run(['g++', '-x', 'c++', '-', '-O1', '-w', '-shared', '-fPIC', '-o', library], input=source,
                       text=True, check=True)
        return ctypes.CDLL(str(library)).run


class ElementwiseKernel:
    """A kernel that computes each element on its own, as CuPy's of the same name.

    Args:
        in_params: types and names such as ``'raw T x, int32 n'``; a single letter is any type.
        out_params: of the outputs.
        operation: C++ for element ``i``.
    """

    def __init__(self, in_params: str, out_params: str, operation: str, name: str, preamble: str = '') -> None:
        self.n_in = len(in_params.split(','))
        params = [part.split() for part in f'{in_params},{out_params}'.split(',')]
        self.params = [(p[0] == 'raw', *p[-2:]) for p in params]
        self.operation, self.preamble = operation, preamble

    def __call__(self, *args: Any, size: int | None = None) -> Any:
        hosts = list(_to_host(args, Device()))
        types: dict[str, Any] = {}
        for (_, kind, _), host in zip(self.params, hosts, strict=False):
            if isinstance(host, np.ndarray | np.generic) and types.setdefault(kind, host.dtype) != host.dtype:
                raise TypeError(f'{kind} is {types[kind]} and {host.dtype}')
        types = {kind: types.get(kind, np.dtype(float)) if len(kind) == 1 else np.dtype(kind)
                 for _, kind, _ in self.params}
        wide = [np.shape(host) for (raw, *_), host in zip(self.params, hosts, strict=False) if not raw]
        shape = np.broadcast_shapes(*wide) if size is None else (size,)
        outputs = [*hosts[self.n_in:], *(np.empty(shape, types[k]) for _, k, _ in self.params[len(hosts):])]
        arrays = []
        for (raw, kind, _), host in zip(self.params, hosts[:self.n_in] + outputs, strict=True):
            array = np.asarray(host, types[kind])
            arrays.append(np.array(array if raw else np.broadcast_to(array, shape), order='C'))
        heads = ', '.join(f'{types[kind]}* {"" if raw else "all_"}{name}' for raw, kind, name in self.params)
        each = ' '.join(f'{types[kind]}& {name} = all_{name}[i];' for raw, kind, name in self.params if not raw)
        names = ' '.join(f'typedef {types[kind]} {kind};' for kind in types if len(kind) == 1)
        _compiled(f'{_PREAMBLE} {names} {self.preamble} extern "C" void run(int64_t n, {heads}) '
                  f'{{ for (int64_t i = 0; i < n; ++i) {{ {each} {self.operation}; }} }}')(
            ctypes.c_int64(int(np.prod(shape))), *(ctypes.c_void_p(array.ctypes.data) for array in arrays))
        for output, array in zip(outputs, arrays[self.n_in:], strict=True):
            output[...] = array
        results = [arg if isinstance(arg, ndarray) else ndarray(output, Device())
                   for arg, output in zip((*args[self.n_in:], *[None] * len(outputs)), outputs, strict=False)]
        return results[0] if len(results) == 1 else tuple(results)


def _nms_kernel(n: int, threshold: float, boxes: np.ndarray, out: np.ndarray) -> None:
    """Write bits of the later boxes that overlap each box, as ChainerCV's kernel does."""
    n_blocks = -(-n // 64)
    top_left = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    overlaps = common / (area[:, None] + area[None, :] - common) >= threshold
    mask = out.reshape(n, n_blocks)
    for i in range(n):
        for j in range(i + 1, n):
            if overlaps[i, j]:
                mask[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)


class RawKernel:
    """A kernel by its name, of those that are in this file."""

    def __init__(self, code: str, name: str) -> None:
        self.compute = {'nms_kernel': _nms_kernel}[name]

    def __call__(self, grid: tuple, block: tuple, args: tuple) -> None:
        self.compute(*_to_host(args, Device()))


class _Module(ModuleType):
    """A module of NumPy as one of CuPy."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__.replace('numpy', 'cupy'))
        self._module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            return _Module(value)
        return _on_device(value) if callable(value) and not isinstance(value, type) else value


cupy: Any = _Module(np)


def _array(obj: Any, dtype: Any = None, copy: bool = True) -> ndarray:
    """Copy an array of the host or of another device, which other functions refuse, to the current device."""
    host = obj._host if isinstance(obj, ndarray) else np.asarray(obj)
    return ndarray(np.array(host, dtype), Device())


def _asarray(obj: Any, dtype: Any = None) -> ndarray:
    is_here = isinstance(obj, ndarray) and obj.device == Device() and dtype in (None, obj.dtype)
    return obj if is_here else _array(obj, dtype)


def _get_array_module(*args: Any) -> Any:
    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


def _split(x: ndarray, at: Any, axis: int = 0) -> list[ndarray]:
    """Split an array; the places are a number or an array of the host."""
    return _on_device(np.split)(x, at if isinstance(at, int) else list(at), axis)


vars(cupy).update(
    __version__='14.0.0', ndarray=ndarray, array=_array, asarray=_asarray, split=_split,
    asnumpy=lambda a: a.get() if isinstance(a, ndarray) else np.asarray(a),
    get_array_module=_get_array_module, ElementwiseKernel=ElementwiseKernel, RawKernel=RawKernel,
    cuda=SimpleNamespace(Device=Device, runtime=SimpleNamespace(
        getDeviceCount=lambda: N_DEVICES, CUDARuntimeError=RuntimeError)),
)
cupyx = SimpleNamespace(rsqrt=lambda x, dtype=None: 1 / cupy.sqrt(x, dtype=dtype))


def install(patch: pytest.MonkeyPatch) -> None:
    """Let Chainer and this project find the stand-in where they look for CuPy."""
    nms = importlib.import_module('chainercv.utils.bbox.non_maximum_suppression')  # the function has the same name
    patch.setattr(nms, 'cp', cupy, raising=False)
    patch.setitem(sys.modules, 'cupy', cupy)
    for name, value in {'available': True, 'cupy': cupy, 'cupyx': cupyx, 'cuda': cupy.cuda, 'ndarray': ndarray,
                        'Device': Device, '_cudnn_disabled_by_user': True}.items():
        patch.setattr(cuda, name, value, raising=False)
    patch.setattr(cuda.GpuDevice, 'xp', cupy)
    patch.setattr(cuda.GpuDevice, 'supported_array_types', (ndarray,))
    patch.setattr(chainer, '_array_types', (np.ndarray, ndarray))
    patch.setattr(chainer, '_cpu_array_types', (np.ndarray,))
    patch.setattr(relu, '_relu_grad2_kernel',
                  cuda.elementwise('T y, T gy', 'T gx', 'gx = y > 0 ? gy : (T)0', 'relu_bwd'), raising=False)
    patch.setattr(_current, 'id', 0, raising=False)
