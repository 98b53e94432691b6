from __future__ import annotations

from tests.conftest import DEVICES
from training.many_arrays import Copies, ManyArrays, is_plain

import chainer
import numpy as np
import pytest


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_one_launch_reaches_every_element_with_the_numbers_of_its_array(device: int) -> None:
    place = chainer.get_device(device)
    rng = np.random.default_rng(0)
    hosts = [np.asarray(rng.random(shape), 'f') for shape in [(3,), (), (2, 0), (2, 3, 2), (1,), (300,)]]
    kernel = ManyArrays('test_scale', ['y', 'x'], ['scale', 'shift'], 'y = scale * x; y += shift;')
    rows = [0, 1, 1, 2, 0, 2]
    with chainer.using_device(place):
        for factor in (2, 4):  # new arrays and numbers
            numbers = [(1, 0), (factor, 0), (factor, 0.5)]
            x, y = ([place.send(array) for array in arrays] for arrays in (hosts, [np.zeros_like(h) for h in hosts]))
            for _ in range(2):
                kernel([y, x], numbers, rows)
            for result, host, row in zip(y, hosts, rows, strict=True):
                expected = np.float32(numbers[row][0]) * host + np.float32(numbers[row][1])
                np.testing.assert_allclose(chainer.get_device('@numpy').send(result), expected, rtol=1e-6)
        kernel([[], []])


def test_copies_stay_as_they_are_until_the_next_call(device: int) -> None:
    place = chainer.get_device(device)
    hosts = [np.arange(6, dtype='f').reshape(2, 3), np.arange(3), np.arange(2.0), np.ones(3, 'f')]
    with chainer.using_device(place):
        values = [*(place.send(array.copy()) for array in hosts), 7, None]
        copies = Copies()
        for step in range(3):
            kept = copies(values)
            for value in values[:4]:
                value += 1
            assert kept[4:] == [7, None]
            for copy, host in zip(kept, hosts, strict=False):
                assert copy.dtype == host.dtype
                np.testing.assert_array_equal(chainer.get_device('@numpy').send(copy), host + step)
        assert [is_plain(value) for value in values] == [device >= 0, False, False, device >= 0, False, False]
        assert copies(values[:1])[0].shape == (2, 3)
