"""Convolution and its gradients, block by block, on arrays with the channels outermost.

The input of a convolution and the gradient by its output are pending (``hourglass.functions.scale_shift``): each block
is completed, multiplied with the weights and summed while it is in the cache of a core.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any, NamedTuple

from hourglass.functions.blocks import PASS, has_few_pixels, run_on_channels, run_on_pixels
from hourglass.functions.im2row import Im2Row, Window, outer_products, weight_rows, window_columns
from hourglass.functions.kernels import Im2Col
from hourglass.functions.layout import Array, Block, array_module, batch_outermost, channels_outermost
from hourglass.functions.products import matmul
from hourglass.functions.scale_shift import Epilogue, LazyActivation, LazyGradient, ScaleShiftReLU, row_sums
from hourglass.functions.tiled import Source

import chainer
import numpy as np

_OWN = Window(1, 1, 0)  # sees the block itself
_ALL = slice(None)


class Convolved(NamedTuple):
    """What :func:`convolve` returns.

    ``output`` is (O, N, H', W') with what is pending, ``sums`` are those of its channels, (O,) float64,
    and ``squares`` those of their squares; zero if not wanted.
    """

    output: LazyActivation
    sums: Array
    squares: Array


def convolve(window: Window, w: Array, source: Source, with_sums: bool = False,
             affine: ScaleShiftReLU | None = None, at_once: bool = False, added: Array | None = None) -> Convolved:
    """Convolve.

    Args:
        window: size, stride and padding.
        w: (O, C, k, k).
        source: (C, N, H, W); a convolution in tiles only for a 1x1 convolution.
        with_sums: whether the sums are wanted.
        affine: what follows; not with sums.  Its cheap part is applied; the rest stays pending in the output.
        at_once: whether all of ``affine`` is done.
        added: (O, N, H', W'), what is then added to the result, or None; only with ``at_once``.
    """
    assert not (with_sums and affine)
    assert at_once or added is None
    xp = array_module(w)
    c, n, height, width = source.shape
    o = len(w)
    out_height, out_width = window.output_size(height), window.output_size(width)
    y = xp.empty((o, n, out_height, out_width), source.dtype)
    is_few = has_few_pixels(xp, n * out_height * out_width)
    scale, shift, relu = affine or ScaleShiftReLU(None, None, False)
    if scale is not None and w[0].size * 4 < y[0].size:
        # The weights are scaled in place of the output where they are far fewer.
        w, scale = w * scale[:, None, None, None], None
    # A 1x1 convolution whose input is copied anyway can have the shift as one more weight.
    with_ones = (xp is np and window.is_pointwise and shift is not None and scale is None and source.is_copied
                 and not is_few)
    rest = ScaleShiftReLU(scale, None if with_ones else shift, relu)
    finish = Epilogue(rest, added) if at_once else None
    output = LazyActivation(y, None if at_once or rest.is_identity else rest)
    if is_few:
        return Convolved(output, *_convolve_few(window, w, source, y, with_sums, finish))
    rows = w.reshape(o, c) if window.is_pointwise else weight_rows(w, xp)
    if with_ones:
        rows = np.column_stack([rows, np.asarray(shift)])

    def work(block: Block) -> tuple[Any, Any]:
        z = (source.rows_and_ones if with_ones else source.rows)(block, window)
        columns = block.columns(out_height, out_width)
        y_block = y.reshape(o, -1)[:, columns]
        if window.is_pointwise:
            matmul(rows, z.reshape(len(z), -1), y_block)
        else:
            _unrolled(z, block, window, out_width).convolve(rows, y_block)
        if finish is not None:
            finish(y_block, _ALL, columns)
        return row_sums(y_block, y_block) if with_sums else (0., 0.)

    return Convolved(output, *_sums_over_pixels(xp, n, out_height, out_width, max(c, o), w.size, work))


def _convolve_few(window: Window, w: Array, source: Source, y: Array, with_sums: bool,
                  finish: Epilogue | None) -> tuple[Array, Array]:
    """Convolve few pixels into ``y`` (O, N, H', W'); return the sums, or zeros, as :func:`convolve` does."""
    n, height = source.shape[1:3]
    z = source.rows(Block(0, n, 0, height), _OWN)
    columns = z.reshape(len(z), -1) if window.is_pointwise else window_columns(z, window, *y.shape[2:])
    rows, y2 = w.reshape(len(w), -1), y.reshape(len(w), -1)
    sums = np.zeros((2, len(w)))

    def work(parts: Iterator[slice]) -> None:
        for share in parts:
            np.matmul(rows[share], columns, out=y2[share])
            if with_sums:
                sums[:, share] = row_sums(y2[share], y2[share])
            if finish is not None:
                finish(y2[share], share, _ALL)

    run_on_channels(len(w), w.size * columns.shape[1], work)
    return sums[0], sums[1]


def gradient_before_relu(output: LazyActivation, gy: Array) -> tuple[Array, Array, Array]:
    """Take the gradient through the last ReLU of a chain.

    Args:
        output: (O, N, H, W) with its affine function.
        gy: (O, N, H, W), the gradient by the result of ``output.affine``.

    Returns:
        The gradient before the ReLU, and the (O,) float64 sums of it and of its product with ``output.array``.
    """
    xp, y, affine = array_module(gy), output.array, output.affine
    o, n, height, width = y.shape
    gz = xp.empty_like(gy) if affine is not None and affine.relu else gy

    def work(block: Block) -> tuple[Any, Any]:
        columns = block.columns(height, width)
        y_block, g_block = y.reshape(o, -1)[:, columns], gz.reshape(o, -1)[:, columns]
        if affine is not None and affine.relu:
            return affine.gradient(y_block, gy.reshape(o, -1)[:, columns], g_block)
        return row_sums(g_block, y_block)

    return gz, *_sums_over_pixels(xp, n, height, width, o, 4 * PASS * o, work)


def gradients(window: Window, w: Array, source: LazyActivation, gradient: LazyGradient) -> tuple[Array, ...]:
    """Take the gradient through a convolution with stride 1, and through the ReLU of its input.

    Args:
        window: size, stride and padding.
        w: (O, C, k, k).
        source: (C, N, H, W), the convolution's input.
        gradient: (O, N, H', W'), by the convolution's output.

    Returns:
        The (C, N, H, W) gradient by what is before ``source``'s ReLU, the (C,) float64 sums of it and of its
        product with ``source.array`` (zero where nothing is pending there), and the gradient by ``w``.
    """
    xp = array_module(w)
    o, c, k = w.shape[:3]
    n, height, width = source.array.shape[1:]
    pointwise, mirrored, affine = window.is_pointwise, window.mirrored, source.affine
    scaled = gradient.scaled(w)
    rows = scaled.reshape(o, c).T if pointwise else weight_rows(scaled[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), xp)
    gx = xp.empty_like(source.array)

    def work(block: Block) -> tuple[Any, Any, Any]:
        columns = block.columns(height, width)
        gx_block = gx.reshape(c, -1)[:, columns]
        z = source.rows(block, _OWN)
        g = gradient.rows(block, mirrored)
        if pointwise:
            g2 = g.reshape(o, -1)
            gw = outer_products(g2, z.reshape(c, -1))
            matmul(rows, g2, gx_block)
        else:
            unrolled = _unrolled(g, block, mirrored, width)
            gw = unrolled.correlate(z)
            unrolled.convolve(rows, gx_block)
        if affine is None:
            return 0., 0., gw
        y_block = source.array.reshape(c, -1)[:, columns]
        if affine.relu and xp is np:
            gx_block *= (z > 0).reshape(c, -1)
        elif affine.relu:
            return *affine.gradient(y_block, gx_block, gx_block), gw
        return *row_sums(gx_block, y_block), gw

    total, products, gw = _sums_over_pixels(xp, n, height, width, max(c, o), 2 * w.size, work)
    if pointwise:
        gw = xp.ascontiguousarray(gw).reshape(w.shape)  # ChainerMN adds up a copy of any other order
    else:
        gw = xp.ascontiguousarray(gw.reshape(k, k, o, c).transpose(2, 3, 0, 1)[:, :, ::-1, ::-1])
    return gx, total, products, gradient.scaled(gw)


def weight_gradient(window: Window, w: Array, x: Array, gradient: LazyGradient) -> Array:
    """Return the gradient by ``w`` (O, C, k, k) alone, of a convolution of ``x`` (C, N, H, W) with any stride."""
    xp = array_module(w)
    o, c, k = w.shape[:3]
    n, height, width = gradient.gz.shape[1:]
    source = LazyActivation(x)

    def work(block: Block) -> tuple[Any]:
        z = source.rows(block, window)
        return _unrolled(z, block, window, width).correlate(gradient.rows(block, _OWN)),

    gw, = _sums_over_pixels(xp, n, height, width, max(c, o), 2 * w.size, work)
    return gradient.scaled(xp.ascontiguousarray(gw.reshape(k, k, c, o).transpose(3, 2, 0, 1)))


def strided_gradient(window: Window, w: Array, shape: tuple[int, ...], gradient: LazyGradient) -> Array:
    """Return the gradient by the input, (C, N, H, W) ``shape``, for any stride, with Chainer's own function."""
    n, height = gradient.gz.shape[1:3]
    g = gradient.rows(Block(0, n, 0, height), _OWN)
    w = gradient.scaled(w)
    gx = chainer.functions.deconvolution_2d(batch_outermost(g), w, None, window.stride, window.pad, shape[2:])
    return channels_outermost(gx.array)


def _unrolled(rows: Array, block: Block, window: Window, out_width: int) -> Im2Row | Im2Col:
    return (Im2Row if isinstance(rows, np.ndarray) else Im2Col)(rows, block, window, out_width)


def _sums_over_pixels(xp: Any, n: int, height: int, width: int, channels: int, products: int,
                      work: Callable[[Block], tuple]) -> tuple:
    """Return the sums over all blocks of what ``work`` returns; the arguments are those of :func:`run_on_pixels`."""
    return _added_up(run_on_pixels(xp, n, height, width, channels, products,
                                   lambda blocks: _added_up(map(work, blocks))))


def _added_up(results: Iterable[tuple]) -> tuple:
    """Add up tuples, number by number or array by array, into those of the first."""
    return reduce(lambda a, b: tuple(map(operator.iadd, a, b)), results)
