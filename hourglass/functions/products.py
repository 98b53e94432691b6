"""Products of matrices.

On a GPU they call cuBLAS, which CuPy has loaded, directly: CuPy's own products cannot be recorded in a CUDA graph.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from typing import Any

from hourglass.functions.layout import Array

import numpy as np
from chainer.backends import cuda

#: By dtype: cuBLAS's numbers of the type of the arrays and of the sums, and C's type of a factor.
_TYPES = {
    # As for CuPy's products, the user decides about TF32 with this variable.
    'f': (0, 77 if os.environ.get('CUPY_TF32') == '1' else 68, ctypes.c_float),
    'd': (1, 70, ctypes.c_double),
}
#: Bytes for cuBLAS's intermediate results: NVIDIA's advice for the largest GPUs.
_WORKSPACE = 2 ** 25
_LOCK = threading.Lock()


@cache
def _library() -> Any:
    """Return cuBLAS."""
    cuda.cupy.cuda.Device().cublas_handle  # noqa: B018  loads the library, which is then found by its name
    major = cuda.cupy.cuda.runtime.runtimeGetVersion() // 1000
    return ctypes.CDLL(f'cublas64_{major}.dll' if os.name == 'nt' else f'libcublas.so.{major}')


@cache
def _handle(device: int) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    _check(_library().cublasCreate_v2(ctypes.byref(handle)))
    return handle


@cache
def _workspace(device: int, stream: int) -> Any:
    # Products on different streams may be computed at the same time.
    return cuda.cupy.cuda.memory.Memory(_WORKSPACE)


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f'cuBLAS reports status {status}')


def _operand(a: Array) -> tuple[Array, int, int, int]:
    """Return a matrix, or several, as cuBLAS takes them.

    Returns:
        The array (R, C) or (B, R, C), copied if need be; cuBLAS's flag that it is transposed; and the numbers of
        elements from one of its lines, and from one of the matrices, to the next.  To cuBLAS, whose lines are columns,
        an array in C order is the transposed matrix.
    """
    size = a.itemsize
    rows, columns = a.strides[-2] // size, a.strides[-1] // size
    step = a.strides[0] // size if a.ndim == 3 else 0
    if columns == 1 and rows >= a.shape[-1]:
        return a, 0, rows, step
    if rows == 1 and columns >= a.shape[-2]:
        return a, 1, columns, step
    return _operand(cuda.cupy.ascontiguousarray(a))


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return the product of ``a`` (M, K) and ``b`` (K, N) or (B, K, N), all float32 or float64.

    Args:
        a: the first factor.
        b: the second factor, or several.
        out: for the result; its rows are contiguous.
    """
    return np.matmul(a, b, out=out) if isinstance(a, np.ndarray) else _on_gpu(a, b, out)


def _on_gpu(a: Array, b: Array, out: Array | None) -> Array:
    if out is None:
        out = cuda.cupy.empty((*b.shape[:-2], len(a), b.shape[-1]), a.dtype)
    if not out.size:
        return out
    kind, sums, factor = _TYPES[a.dtype.char]
    a, transposed_a, lines_a, step_a = _operand(a)
    b, transposed_b, lines_b, step_b = _operand(b)
    target, transposed, lines, step = _operand(out)
    assert target is out
    assert not transposed
    assert a.dtype == b.dtype == out.dtype
    m, n, k, count = len(a), b.shape[-1], a.shape[1], len(b) if b.ndim == 3 else 1
    one, zero, long = ctypes.byref(factor(1)), ctypes.byref(factor(0)), ctypes.c_longlong
    device, stream = cuda.cupy.cuda.Device().id, cuda.cupy.cuda.get_current_stream().ptr
    library, handle, workspace = _library(), _handle(device), _workspace(device, stream)
    with _LOCK:
        _check(library.cublasSetStream_v2(handle, ctypes.c_void_p(stream)))
        _check(library.cublasSetWorkspace_v2(handle, ctypes.c_void_p(workspace.ptr), ctypes.c_size_t(_WORKSPACE)))
        # To cuBLAS all is transposed, and so the factors change places.
        _check(library.cublasGemmStridedBatchedEx(
            handle, transposed_b, transposed_a, n, m, k,
            one, ctypes.c_void_p(b.data.ptr), kind, lines_b, long(step_b),
            ctypes.c_void_p(a.data.ptr), kind, lines_a, long(step_a),
            zero, ctypes.c_void_p(out.data.ptr), kind, lines, long(step), count, sums, -1))
    return out
