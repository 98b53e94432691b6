"""The network's convolutions and batch normalisations, computed fast.

The links are Chainer's own; the functions here compute several of them at once.  With
``chainer.using_config('hourglass_functions', 'stock')`` the same links are called one by one, for comparison and
for gradients of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from hourglass.functions.blocks import threads_for
from hourglass.functions.chain import ConvChain, Layer
from hourglass.functions.im2row import Window
from hourglass.functions.normalization import Normalization
from hourglass.functions.parallel import workers
from hourglass.functions.pooling import MaxPooling2x2
from hourglass.functions.resize import ResizeAdd

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
from chainer import Variable
from chainer.backend import CpuDevice, GpuDevice

chainer.global_config.hourglass_functions = 'fast'


class ConvBNReLU(NamedTuple):
    """A convolution, the batch normalisation after it, if any, and whether a ReLU follows."""

    convolution: L.Convolution2D
    normalization: L.BatchNormalization | None = None
    relu: bool = False


def is_fast(x: Variable) -> bool:
    """Return whether the functions of this project compute ``x``.

    They take images (N, C, H, W) in float32 and float64 on the CPU and on a GPU.  Chainer computes or refuses anything
    else.

    Raises:
        ValueError: ``chainer.config.hourglass_functions`` is neither ``'fast'`` nor ``'stock'``.
    """
    mode = chainer.config.hourglass_functions
    if mode not in ('fast', 'stock'):
        raise ValueError(f"chainer.config.hourglass_functions must be 'fast' or 'stock', not {mode!r}")
    return (mode == 'fast' and x.dtype in (np.float32, np.float64) and x.ndim == 4 and x.size > 0
            and isinstance(x.device, (CpuDevice, GpuDevice)))


def conv_bn_relu(x: Any, layers: Sequence[ConvBNReLU], added: Any = None) -> Variable:
    """Apply convolutions with their batch normalisation and ReLU, then add ``added`` to the result.

    Links that :class:`~hourglass.functions.chain.ConvChain` cannot stand for are called as they are: those of
    another class (such as ChainerMN's batch normalisation over several processes), with hooks of their own,
    without a bias, gamma or beta, with groups, dilation or unequal sides, or not initialised yet.

    Args:
        x: (N, C, H, W), array or variable.
        layers: what to apply, in this order.
        added: (N, O, H', W'), of the result's shape, or None.

    Returns:
        (N, O, H', W').
    """
    x = chainer.as_variable(x)
    fused = fuse(x, layers, added)
    if fused is not None:
        return fused
    for convolution, normalization, relu in layers:
        x = _in_half(convolution, x) if x.dtype == np.float16 else convolution(x)
        if normalization is not None:
            x = normalization(x)
        if relu:
            x = F.relu(x)
    return x if added is None else x + added


def _in_half(convolution: L.Convolution2D, x: Variable) -> Variable:
    """Convolve x in half precision, whatever the precision of the link's parameters."""
    w, b = (None if p is None else F.cast(p, x.dtype) for p in (convolution.W, convolution.b))
    return F.convolution_2d(x, w, b, convolution.stride, convolution.pad, dilate=convolution.dilate,
                            groups=convolution.groups)


_ARRAYS = {L.Convolution2D: ('W', 'b'), L.BatchNormalization: ('gamma', 'beta', 'avg_mean', 'avg_var')}


def _is_plain(link: chainer.Link, dtype: Any) -> bool:
    """Return whether a link is of one of these classes, has no hooks, and has all its arrays."""
    names = _ARRAYS.get(type(link))
    if names is None or link.local_link_hooks:
        return False
    for name in names:
        array = getattr(link, name, None)
        if array is None or (isinstance(array, Variable) and array.array is None) or array.dtype != dtype:
            return False
    return True


def _window(convolution: L.Convolution2D) -> Window | None:
    """Return the window of a convolution, or None if ``ConvChain`` does not support it."""
    (height, width), stride, pad = convolution.W.shape[2:], _pair(convolution.stride), _pair(convolution.pad)
    if (convolution.groups != 1 or _pair(convolution.dilate) != (1, 1) or height != width or stride[0] != stride[1]
            or pad[0] != pad[1] or pad[0] >= height):
        return None
    return Window(height, stride[0], pad[0])


def fuse(x: Variable, layers: Sequence[ConvBNReLU], added: Any = None) -> Variable | None:
    """Compute layers with :class:`ConvChain`, as :func:`conv_bn_relu` does, or return None where that cannot be."""
    if not is_fast(x):
        return None
    dtype = x.dtype
    chain: list[Layer] = []
    inputs = [x] if added is None else [x, added]
    for convolution, normalization, relu in layers:
        window = _window(convolution) if _is_plain(convolution, dtype) else None
        if window is None or (chain and window.stride > 1):
            return None
        inputs += [convolution.W, convolution.b]
        statistics = None
        if normalization is not None:
            if not _is_plain(normalization, dtype) or normalization.axis not in (None, (0, 2, 3)):
                return None
            statistics = Normalization(normalization.eps, normalization.decay, normalization.avg_mean,
                                       normalization.avg_var)
            inputs += [normalization.gamma, normalization.beta]
        chain.append(Layer(window, statistics, relu))
    return ConvChain(chain, added is not None).apply(inputs)[0]


def _pair(n: int | tuple[int, int]) -> tuple[int, int]:
    """Return both directions' numbers, of which Chainer's links keep one or two."""
    return n if isinstance(n, tuple) else (n, n)


def max_pooling_2x2(x: Any) -> Variable:
    """Return the maxima over 2 x 2 pixels of x (N, C, H, W): (N, C, ceil(H / 2), ceil(W / 2))."""
    x = chainer.as_variable(x)
    is_even = is_fast(x) and x.shape[2] % 2 == x.shape[3] % 2 == 0
    return MaxPooling2x2().apply((x,))[0] if is_even else F.max_pooling_2d(x, 2, 2)


def resize_and_add(x: Any, added: Any) -> Variable:
    """Resize x (N, C, H, W) bilinearly, with aligned corners, to the size of ``added`` (N, C, H', W'), and add that."""
    x = chainer.as_variable(x)
    if is_fast(x):
        return ResizeAdd(added.shape[2:]).apply((x, added))[0]
    if x.dtype == np.float16:  # which Chainer does not resize
        return F.cast(F.resize_images(F.cast(x, np.float32), added.shape[2:]), x.dtype) + added
    return F.resize_images(x, added.shape[2:]) + added


def run_parallel(x: Variable, first: Callable[[Variable], Variable], second: Callable[[Variable], Variable],
                 ) -> tuple[Variable, Variable]:
    """Return ``first(x)`` and ``second(x)``, computed side by side where nothing is recorded for a backward pass.

    Two branches at once keep two threads busier than one branch after the other with its blocks shared out.
    """
    if not is_fast(x):
        return first(x), second(x)
    config = chainer.config
    # Hooks are a thread's own, as the configuration is.
    has_hooks = chainer.get_function_hooks() or chainer._get_link_hooks()
    n, c, height, width = x.shape
    is_small = threads_for(n * height * width * c * c) == 1  # about the products of a convolution or two
    with workers().settings():  # once for all layers of both: it takes as long as a small layer
        if config.train or config.enable_backprop or is_small or has_hooks or not isinstance(x.device, CpuDevice):
            return first(x), second(x)
        settings = {name: getattr(config, name) for name in vars(chainer.global_config)}

        def configured() -> Variable:
            with ExitStack() as stack:
                for name, value in settings.items():
                    stack.enter_context(chainer.using_config(name, value))
                return second(x)

        y, z = workers().all([lambda: first(x), configured])
    return y, z
