"""Convolutions of Chainer's networks by this project's faster functions, on the CPU."""

from __future__ import annotations

from functools import partial

from hourglass.functions.chain import ConvChain, Layer
from hourglass.functions.im2row import Window
from hourglass.layers import is_fast

import chainer
import chainer.links as L
from chainer.backend import CpuDevice


def _pair(n: int | tuple[int, int]) -> tuple[int, int]:
    return n if isinstance(n, tuple) else (n, n)


def _window(link: chainer.Link) -> Window | None:
    """Return what a convolution sees of its input, or ``None`` where the fast functions cannot stand for it."""
    if type(link) is not L.Convolution2D or link.W.array is None or link.b is None:
        return None
    size, stride, pad = link.W.shape[2:], _pair(link.stride), _pair(link.pad)
    is_square = all(a == b for a, b in (size, stride, pad))
    if link.groups != 1 or _pair(link.dilate) != (1, 1) or not is_square or pad[0] >= size[0]:
        return None
    return Window(size[0], stride[0], pad[0])


def _forward(link: L.Convolution2D, window: Window, x: chainer.Variable) -> chainer.Variable:
    x = chainer.as_variable(x)
    if not is_fast(x) or not isinstance(x.device, CpuDevice):
        return L.Convolution2D.forward(link, x)
    return ConvChain([Layer(window, None, False)], False).apply([x, link.W, link.b])[0]


def accelerate(network: chainer.Chain) -> chainer.Chain:
    """Let a network's plain convolutions be computed by :mod:`hourglass.functions` where it runs on the CPU.

    The results differ by rounding.  SSD512 takes a third of the time.

    Args:
        network: with all its weights; it is changed.

    Returns:
        The network.
    """
    for link in network.links():
        if window := _window(link):
            link.forward = partial(_forward, link, window)
    return network
