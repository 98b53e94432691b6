"""Choosing where a network runs."""

from __future__ import annotations

from hourglass.errors import InputError

import chainer


def check_gpu(gpu: int) -> None:
    """Check that a GPU can be used; -1 (the CPU) always can.

    Raises:
        InputError: CuPy is not installed, or there is no such GPU.
    """
    if gpu < 0:
        return
    try:
        import cupy
    except ImportError as error:
        raise InputError(f'--gpu {gpu} needs CuPy, which is not installed or does not load ({error}); '
                         'see requirements-gpu-cuda12.txt and requirements-gpu-cuda13.txt') from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise InputError(f'--gpu {gpu}: no CUDA device can be used ({error})') from None
    if gpu >= count:
        raise InputError(f'--gpu {gpu}: this machine has {count} CUDA devices, numbered from 0')


def use_device(network: chainer.Chain, gpu: int) -> chainer.Chain:
    """Move a network to a GPU (or leave it on the CPU, for -1) and return it."""
    check_gpu(gpu)
    if gpu >= 0:
        device = chainer.get_device(f'@cupy:{gpu}')
        device.use()
        network.to_device(device)
    return network
