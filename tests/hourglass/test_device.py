from __future__ import annotations

from hourglass import device
from hourglass.device import gpu_of_process, parse_gpus, use_device
from hourglass.errors import InputError
from hourglass.network import StackedHG

import chainer
import pytest


def test_the_cpu_needs_nothing() -> None:
    assert parse_gpus('-1') == [-1]
    network = StackedHG(14, 1, 4, 1)
    assert use_device(network, -1) is network


def test_a_gpu_without_cudas_libraries_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy counts the GPUs without cuBLAS, Chainer needs it."""
    monkeypatch.setattr(device, 'check_gpu', lambda gpu: None)
    monkeypatch.setattr(chainer.backends.cuda, 'available', False)
    monkeypatch.setattr(chainer.backends.cuda, '_resolution_error', ImportError('libcublas.so:\ncannot open'))
    with pytest.raises(InputError, match=r'--gpu 0: a library of CUDA is missing \(libcublas.so: cannot open\)'):
        use_device(StackedHG(14, 1, 4, 1), 0)


@pytest.mark.parametrize(('text', 'reason'), [
    ('x', 'neither a number'), ('', 'neither a number'), ('0,', 'neither a number'), ('0,0', 'must be different'),
    ('0,-1', 'must be different'), ('999', '--gpu 999'),
])
def test_what_cannot_be_used_is_named(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_gpus(text)


def test_the_processes_on_a_machine_take_one_gpu_each() -> None:
    assert [gpu_of_process([2, 0, 1], number, 3) for number in range(3)] == [2, 0, 1]
    assert gpu_of_process([-1], 4, 9) == -1
    with pytest.raises(InputError, match='--gpu 0,1: 3 processes on this machine need as many GPUs'):
        gpu_of_process([0, 1], 0, 3)
