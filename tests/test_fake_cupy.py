"""The stand-in for CuPy is as strict as CuPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import DEVICES

import chainer
import numpy as np
import pytest

HOST = np.ones((2, 3), np.float32)
MIXED = {
    'NumPy + device': lambda x, xp: HOST + x, 'device + NumPy': lambda x, xp: x + HOST,
    'in place': lambda x, xp: x.__iadd__(HOST), 'NumPy in place': lambda x, xp: HOST.copy().__iadd__(x),
    'asarray': lambda x, xp: np.asarray(x), 'array of arrays': lambda x, xp: np.array([x, x]),
    'ufunc of NumPy': lambda x, xp: np.maximum(HOST, x), 'function of NumPy': lambda x, xp: np.stack([HOST, x]),
    'output of NumPy': lambda x, xp: np.exp(HOST, out=x), 'function': lambda x, xp: xp.concatenate([x, HOST]),
    'of the host alone': lambda x, xp: xp.exp(HOST), 'method': lambda x, xp: x.dot(HOST.T),
    'assignment': lambda x, xp: x.__setitem__(slice(None), HOST),
    'assignment to NumPy': lambda x, xp: HOST.copy().__setitem__(slice(None), x),
    'kernel': lambda x, xp: xp.ElementwiseKernel('T x, T y', 'T z', 'z = x + y', 'add')(x, HOST),
}


@pytest.mark.parametrize('name', MIXED)
@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_arrays_of_host_and_device_are_not_mixed(name: str, device: int) -> None:
    place = chainer.get_device(device)
    # CuPy has another error here, the stand-in has not.
    error = ValueError if (name, device) == ('assignment', 0) else TypeError
    with chainer.using_device(place), pytest.raises(error):
        MIXED[name](place.send(HOST), place.xp)


@pytest.mark.parametrize('device', ['stand-in'], indirect=True)
@pytest.mark.parametrize('function', [lambda x: x + 1, lambda x: x.sum(), lambda x: x.__setitem__(0, 1)])
def test_the_device_of_an_array_must_be_current(function: Callable[[Any], Any], device: int) -> None:
    place = chainer.get_device(device)
    x = place.send(HOST)
    with pytest.raises(ValueError, match='device 1 where'):
        function(x)
    with chainer.using_device(place):
        function(x)
