"""Max pooling of 2 x 2 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hourglass.functions import kernels
from hourglass.functions.blocks import PASS, threads_for
from hourglass.functions.layout import Array, array_module, batch_outermost, channels_outermost
from hourglass.functions.node import Function
from hourglass.functions.parallel import workers

import numpy as np
from chainer import Variable
from chainer.utils import type_check

_BLOCK_ELEMENTS = 2 ** 17


class MaxPooling2x2(Function):
    """Maximum over 2 x 2 pixels with stride 2, as ``F.max_pooling_2d(x, 2, 2)``.

    The input is (N, C, H, W) with even H and W, the output (N, C, H / 2, W / 2).  The gradient goes to the first of
    several equal maxima.
    """

    def check_type_forward(self, in_types: tuple) -> None:
        type_check.expect(in_types[0].dtype.kind == 'f', in_types[0].ndim == 4)

    def forward(self, inputs: tuple[Array]) -> tuple[Array]:
        """Compute the maxima."""
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        x = channels_outermost(inputs[0])
        xp = array_module(x)
        c, n, height, width = x.shape
        out = xp.empty((c, n, height // 2, width // 2), x.dtype)

        def work(blocks: Iterator[slice]) -> None:
            for block in blocks:
                part = x[block]
                rows = xp.maximum(part[:, :, 0::2], part[:, :, 1::2])
                xp.maximum(rows[..., 0::2], rows[..., 1::2], out=out[block])

        workers().run(_channel_blocks(x), work, threads_for(2 * PASS * x.size))
        return batch_outermost(out),

    def gradients(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable, ...]:
        x = channels_outermost(self.get_retained_inputs()[0].array)
        y = channels_outermost(self.get_retained_outputs()[0].array)
        gy = channels_outermost(grad_outputs[0].array)
        if not isinstance(x, np.ndarray):
            return Variable(batch_outermost(kernels.pooling_gradient(x, y, gy))),
        gx = np.empty_like(x)

        def work(blocks: Iterator[slice]) -> None:
            for block in blocks:
                is_free = np.ones(y[block].shape, bool)
                for i, j in product((0, 1), (0, 1)):
                    corner = (block, slice(None), slice(i, None, 2), slice(j, None, 2))
                    is_maximum = (x[corner] == y[block]) & is_free
                    is_free &= ~is_maximum
                    np.multiply(gy[block], is_maximum, out=gx[corner])

        workers().run(_channel_blocks(x), work, threads_for(4 * PASS * x.size))
        return Variable(batch_outermost(gx)),


def _channel_blocks(x: Array) -> list[slice]:
    """Cut (C, ...) ``x`` into runs of channels for the threads; on a GPU, all is one block."""
    c = len(x)
    step = c if not isinstance(x, np.ndarray) else max(_BLOCK_ELEMENTS * c // x.size, 1)
    return [slice(i, i + step) for i in range(0, c, step)]
