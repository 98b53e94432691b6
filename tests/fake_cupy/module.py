"""A stand-in for CuPy on the CPU, with two devices.

It finds host arrays on a device path, and work on a device that is not current, where there is no GPU.  No figure of
speed or memory comes from it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from tests.fake_cupy.arrays import N_DEVICES, Device, current, ndarray, on_device
from tests.fake_cupy.kernels import ElementwiseKernel, RawKernel

import chainer
import numpy as np
import pytest
from chainer.backends import cuda
from chainer.functions.activation import relu


class _Module(ModuleType):
    """A module of NumPy as one of CuPy."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__.replace('numpy', 'cupy'))
        self._module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            return _Module(value)
        return on_device(value) if callable(value) and not isinstance(value, type) else value


cupy: Any = _Module(np)


def _array(obj: Any, dtype: Any = None, copy: bool = True) -> ndarray:
    """Copy an array of the host or of another device, which other functions refuse, to the current device."""
    host = obj._host if isinstance(obj, ndarray) else np.asarray(obj)
    return ndarray(np.array(host, dtype), Device())


def _asarray(obj: Any, dtype: Any = None) -> ndarray:
    is_here = isinstance(obj, ndarray) and obj.device == Device() and dtype in (None, obj.dtype)
    return obj if is_here else cupy.array(obj, dtype)


def _get_array_module(*args: Any) -> Any:
    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


def _copyto(to: ndarray, source: ndarray) -> None:
    """Copy from the same or another device."""
    to._host[...] = source._host


def _split(x: ndarray, at: Any, axis: int = 0) -> list[ndarray]:
    """Split an array; the places are a number or an array of the host."""
    return on_device(np.split)(x, at if isinstance(at, int) else list(at), axis)


vars(cupy).update(
    __version__='14.0.0', ndarray=ndarray, array=_array, asarray=_asarray, copyto=_copyto, split=_split,
    asnumpy=lambda a: a.get() if isinstance(a, ndarray) else np.asarray(a),
    get_array_module=_get_array_module, ElementwiseKernel=ElementwiseKernel, RawKernel=RawKernel,
    cuda=SimpleNamespace(Device=Device, runtime=SimpleNamespace(
        getDeviceCount=lambda: N_DEVICES, getDeviceProperties=lambda device: {'name': b'stand-in'},
        memGetInfo=lambda: (0, 0), CUDARuntimeError=RuntimeError)),
)
cupyx = SimpleNamespace(empty_pinned=np.empty, rsqrt=lambda x, dtype=None: 1 / cupy.sqrt(x, dtype=dtype))


class _Recorder:
    """What replaces ``hourglass.functions.graph.Recorder``: a graph that does all the work again."""

    def __init__(self) -> None:
        self._results: dict[Callable[[], Any], Any] = {}

    def run(self, work: Callable[[], Any]) -> Any:
        return self._results.setdefault(work, work())

    def record(self, work: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        result = self._results[work].copy()

        def launch() -> None:
            result[...] = work()

        return launch, result


def install(patch: pytest.MonkeyPatch) -> None:
    """Let Chainer and this project find the stand-in where they look for CuPy."""
    nms = importlib.import_module('chainercv.utils.bbox.non_maximum_suppression')  # the function has the same name
    patch.setattr(nms, 'cp', cupy, raising=False)
    patch.setitem(sys.modules, 'cupy', cupy)
    for name, value in {'available': True, 'cupy': cupy, 'cupyx': cupyx, 'cuda': cupy.cuda, 'ndarray': ndarray,
                        'Device': Device, '_cudnn_disabled_by_user': True}.items():
        patch.setattr(cuda, name, value, raising=False)
    patch.setattr(cuda, 'memory_pool', SimpleNamespace(free_all_blocks=int), raising=False)
    patch.setattr(cuda.GpuDevice, 'xp', cupy)
    patch.setattr(cuda.GpuDevice, 'supported_array_types', (ndarray,))
    patch.setattr(chainer, '_array_types', (np.ndarray, ndarray))
    patch.setattr(chainer, '_cpu_array_types', (np.ndarray,))
    patch.setattr(relu, '_relu_grad2_kernel',
                  cuda.elementwise('T y, T gy', 'T gx', 'gx = y > 0 ? gy : (T)0', 'relu_bwd'), raising=False)
    patch.setattr(current, 'id', 0, raising=False)
    patch.setattr('hourglass.functions.products._on_gpu', lambda a, b, out: cupy.matmul(a, b, out=out))
    patch.setattr('hourglass.functions.graph.Recorder', _Recorder)
    patch.setattr('hourglass.engine.chainer_engine.Recorder', _Recorder)
    patch.setattr('training.graph.Recorder', _Recorder)
    patch.setattr(cuda.Stream, 'null', None, raising=False)
    patch.setattr(cuda, 'Event', lambda: SimpleNamespace(synchronize=int, record=lambda stream: None))
