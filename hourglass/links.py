"""The network's convolutions and batch normalisations, computed fast.

The links are Chainer's own; the functions here compute several of them at once.  With
``chainer.using_config('hourglass_functions', 'stock')`` the same links are called one by one, for comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hourglass.functions.chain import ConvChain, Layer, Normalization
from hourglass.functions.pooling import MaxPooling2x2
from hourglass.functions.resize import ResizeAdd
from hourglass.functions.shifts import Window

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
from chainer import Variable

chainer.global_config.hourglass_functions = 'fast'


class Unit(NamedTuple):
    """A convolution, the batch normalisation after it, if any, and whether a ReLU follows."""

    convolution: L.Convolution2D
    normalization: L.BatchNormalization | None = None
    relu: bool = False


def is_fast(x: Variable) -> bool:
    """Say whether the functions of this project are to be used for ``x``."""
    mode = chainer.config.hourglass_functions
    if mode not in ('fast', 'stock'):
        raise ValueError(f"chainer.config.hourglass_functions must be 'fast' or 'stock', not {mode!r}")
    return mode == 'fast' and x.dtype in (np.float32, np.float64)


def convolve(x: Variable, units: Sequence[Unit], added: Variable | None = None) -> Variable:
    """Apply convolutions with their batch normalisation and ReLU, then add ``added`` to the result.

    Args:
        x: (N, C, H, W).
        units: what to apply, in this order.  All but the first keep the size of the image.
        added: (N, O, H', W'), of the result's shape, or None.
    """
    x = chainer.as_variable(x)
    if is_fast(x):
        return _fused(x, units, added)
    for convolution, normalization, relu in units:
        x = convolution(x)
        if normalization is not None:
            x = normalization(x)
        if relu:
            x = F.relu(x)
    return x if added is None else x + added


def _fused(x: Variable, units: Sequence[Unit], added: Variable | None) -> Variable:
    layers = []
    inputs = [x] if added is None else [x, added]
    for convolution, normalization, relu in units:
        window = Window(convolution.W.shape[2], _single(convolution.stride), _single(convolution.pad))
        inputs += [convolution.W, convolution.b]
        statistics = None
        if normalization is not None:
            statistics = Normalization(normalization.eps, normalization.decay, normalization.avg_mean,
                                       normalization.avg_var)
            inputs += [normalization.gamma, normalization.beta]
        layers.append(Layer(window, statistics, relu))
    return ConvChain(layers, added is not None).apply(inputs)[0]


def _single(pair: int | tuple[int, int]) -> int:
    """Return the number that Chainer keeps for both directions."""
    return pair[0] if isinstance(pair, tuple) else pair


def max_pooling_2x2(x: Variable) -> Variable:
    """Return the maxima over 2 x 2 pixels of x (N, C, H, W): (N, C, ceil(H / 2), ceil(W / 2))."""
    return MaxPooling2x2().apply((x,))[0] if is_fast(x) else F.max_pooling_2d(x, 2, 2)


def resize_and_add(x: Variable, added: Variable) -> Variable:
    """Resize x (N, C, H, W) bilinearly, with aligned corners, to the size of ``added``, and add that."""
    if is_fast(x):
        return ResizeAdd(added.shape[2:]).apply((x, added))[0]
    return F.resize_images(x, added.shape[2:]) + added
