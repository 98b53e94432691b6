"""Choosing where a network runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hourglass.errors import InputError

if TYPE_CHECKING:
    import chainer


def check_gpu(gpu: int) -> None:
    """Check that a GPU can be used; -1 (the CPU) always can.

    Raises:
        InputError: CuPy is not installed, or there is no such GPU.
    """
    if gpu < -1:
        raise InputError(f'--gpu {gpu}: GPUs are numbered from 0; -1 is the CPU')
    if gpu < 0:
        return
    try:
        import cupy
    except ImportError as error:
        raise InputError(f'--gpu {gpu} needs CuPy, which is not installed or does not load ({error}); '
                         'install the extra "gpu-cuda12" or "gpu-cuda13"') from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise InputError(f'--gpu {gpu}: no CUDA device can be used ({error})') from None
    if gpu >= count:
        raise InputError(f'--gpu {gpu}: this machine has {count} CUDA devices, numbered from 0')


def parse_gpus(text: str) -> list[int]:
    """Read ``0``, ``0,1`` or ``-1`` (the CPU) from a command line, and check that the GPUs can be used.

    Raises:
        InputError: the text is something else, or a GPU cannot be used.
    """
    try:
        gpus = [int(part) for part in text.split(',')]
    except ValueError:
        raise InputError(f'--gpu {text!r} is neither a number nor several numbers with commas between') from None
    if len(gpus) > 1 and (min(gpus) < 0 or len(set(gpus)) < len(gpus)):
        raise InputError(f'--gpu {text}: several GPUs must be different, and numbered from 0')
    for gpu in gpus:
        check_gpu(gpu)
    return gpus


def gpu_of_process(gpus: Sequence[int], number: int, count: int) -> int:
    """Return the GPU of one of several processes on a machine: each takes one of the list, in order.

    Args:
        gpus: as :func:`parse_gpus` returns them.
        number: which of the processes on this machine it is, from 0.
        count: how many there are.

    Raises:
        InputError: there are not enough of them.
    """
    if list(gpus) == [-1]:
        return -1
    if len(gpus) < count:
        raise InputError(f'--gpu {",".join(map(str, gpus))}: {count} processes on this machine need as many GPUs, '
                         'with commas between')
    return gpus[number]


def use_device(network: chainer.Chain, gpu: int) -> chainer.Chain:
    """Move a network to a GPU (or leave it on the CPU, for -1) and return it."""
    check_gpu(gpu)
    if gpu >= 0:
        import chainer

        if not chainer.backends.cuda.available:  # CuPy finds the GPU, but not all of CUDA's libraries
            reason = ' '.join(str(chainer.backends.cuda._resolution_error).split())
            raise InputError(f'--gpu {gpu}: a library of CUDA is missing ({reason}); install the extra "gpu-cuda12" '
                             'or "gpu-cuda13"')
        device = chainer.get_device(f'@cupy:{gpu}')
        device.use()
        network.to_device(device)
    return network
