"""Kernels: those for each element are compiled as C++ for the CPU, others have a rule here."""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fake_cupy.arrays import Device, ndarray, to_host

import numpy as np

# What CUDA has and C++ lacks; without a header a kernel is compiled in a few hundredths of a second.
_PREAMBLE = '''
typedef float float32; typedef double float64;
typedef int int32; typedef long int64; typedef unsigned char uint8; typedef unsigned long uint64;
inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline float log(float x) { return __builtin_logf(x); }
template<class A, class B> auto min(A a, B b) { return b < a ? b : a; }
template<class A, class B> auto max(A a, B b) { return b > a ? b : a; }
inline float __fmul_rn(float x, float y) { return x * y; }
template<class T, class V> void atomicAdd(T* to, V value) { *to += value; }
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
        params = [part.split() for part in f'{in_params},{out_params}'.split(',') if part]
        self.params = [(p[0] == 'raw', *p[-2:]) for p in params]
        self.operation, self.preamble = operation, preamble

    def __call__(self, *args: Any, size: int | None = None) -> Any:
        hosts = list(to_host(args, Device()))
        types: dict[str, Any] = {}
        for (_, kind, _), host in zip(self.params, hosts, strict=False):
            if len(kind) > 1:
                types[kind] = np.dtype(kind)
            if isinstance(host, np.ndarray) and types.setdefault(kind, host.dtype) != host.dtype:
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
        names = 'typedef _Float16 float16; ' if np.dtype(np.float16) in types.values() else ''  # from GCC 12 on
        names += ' '.join(f'typedef {types[kind]} {kind};' for kind in types if len(kind) == 1)
        _compiled(f'{_PREAMBLE} {names} {self.preamble} extern "C" void run(int64 n, {heads}) '
                  f'{{ for (int64 i = 0; i < n; ++i) {{ {each} {self.operation}; }} }}')(
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
        self.compute(*to_host(args, Device()))
