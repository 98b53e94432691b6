"""Convolutions with batch normalisation and ReLU, one after another, as one function.

Only the convolutions' outputs are kept for the backward pass.  What batch normalisation and ReLU make of them is
one scaling, one addition and one maximum, which are done again, block by block, wherever the result is needed:
that is faster than to store it and to read it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hourglass.functions.layout import Array, Block, batch_outermost, channels_outermost, scratch, split
from hourglass.functions.parallel import workers
from hourglass.functions.shifts import Shifted, Window, mirrored_weight_rows, weight_rows

import chainer
import numpy as np
from chainer import FunctionNode, Variable

# A block's arrays should stay in a core's second-level cache (1 MiB on the machines measured).
_BLOCK_ELEMENTS = 2 ** 17
_BLOCK_PIXELS = (256, 2048)


class Normalization(NamedTuple):
    """Batch normalisation of one layer: its constants, and its running statistics, which are updated in place."""

    eps: float
    decay: float
    mean: Array
    variance: Array


class Layer(NamedTuple):
    """One convolution, with what follows it."""

    window: Window
    normalization: Normalization | None
    relu: bool


class _Affine:
    """``relu(scale * y + shift)`` by channel: what a layer makes of its convolution's output ``y``."""

    def __init__(self, xp: Any, scale: Array | None, shift: Array, relu: bool) -> None:
        self.scale = scale
        self.shift = shift
        self.relu = relu
        self._xp = xp

    def __call__(self, y: Array, out: Array) -> Array:
        """Compute for a (C, ...) array ``y``."""
        xp = self._xp
        by_channel = (-1,) + (1,) * (y.ndim - 1)
        if self.scale is not None:
            xp.multiply(y, self.scale.reshape(by_channel), out=out)
            y = out
        xp.add(y, self.shift.reshape(by_channel), out=out)
        if self.relu:
            rectify(xp, out)
        return out


def rectify(xp: Any, a: Array) -> None:
    """Set the negative elements of ``a`` to zero."""
    if xp is np:
        # NumPy's maximum of two arrays is vectorised, that of an array and a number is not (7 times slower).
        zeros = _zeros(a.shape, a.dtype)
        np.maximum(a, zeros, out=a)
    else:
        xp.maximum(a, 0, out=a)


_zero_cache: dict[Any, np.ndarray] = {}


def _zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    size = int(np.prod(shape))
    if dtype not in _zero_cache or _zero_cache[dtype].size < size:
        _zero_cache[dtype] = np.zeros(size, dtype)
    return _zero_cache[dtype][:size].reshape(shape)


def _row_sums(a: Array, b: Array | None = None) -> Array:
    """Return the sums over the columns of ``a`` (C, P), or of ``a * b``, as float64."""
    xp = chainer.backend.get_array_module(a)
    if xp is not np:
        return (a if b is None else a * b).sum(axis=1, dtype=np.float64)
    # BLAS sums faster than NumPy.
    if b is None:
        ones = scratch(np, 'ones', (a.shape[1],), a.dtype)
        ones.fill(1)
        return (a @ ones).astype(np.float64)
    return np.vecdot(a, b).astype(np.float64)


class ConvChain(FunctionNode):
    """Layers of convolution, batch normalisation and ReLU, and an optional addition at the end.

    Inputs: x (N, C, H, W); the array that is added to the last layer's output, if ``adds``; then for each layer
    W, b and, with normalisation, gamma and beta.  Every layer but the first keeps the size of the image.
    The output is (N, O, H', W'), with the channels outermost in memory (``hourglass.functions.layout``).

    Args:
        layers: what each layer does.
        adds: whether there is a second input to add.  It may be x itself.
    """

    def __init__(self, layers: list[Layer], adds: bool) -> None:
        super().__init__()
        self.layers = layers
        self.adds = adds
        self.train = chainer.config.train
        self.keeps = chainer.config.enable_backprop

    # ------------------------------------------------------------------ forward

    def forward(self, inputs: tuple[Array, ...]) -> tuple[Array]:
        self.xp = chainer.backend.get_array_module(*inputs)
        self._unpack(inputs)
        self.retain_inputs(tuple(i for i in range(len(inputs)) if i != 1 or not self.adds))
        x = channels_outermost(inputs[0])
        self.convolved: list[Array] = []
        self.affines: list[_Affine] = []
        self.statistics: list[tuple[Array, Array] | None] = []
        with workers().single_threaded_blas():
            source, affine = x, None
            for i in range(len(self.layers)):
                source, affine = self._layer_forward(i, source, affine)
                if self.keeps:
                    self.convolved.append(source)
                    self.affines.append(affine)
            assert affine is not None
            out = self.xp.empty_like(source) if self.keeps else source
            self._finish(source, affine, channels_outermost(inputs[1]) if self.adds else None, out)
        return batch_outermost(out),

    def _unpack(self, inputs: tuple[Array, ...]) -> None:
        self.parameters: list[tuple[Array, ...]] = []
        position = 2 if self.adds else 1
        for layer in self.layers:
            count = 4 if layer.normalization else 2
            self.parameters.append(inputs[position:position + count])
            position += count

    def _blocks(self, n: int, height: int, width: int, *channels: int) -> list[Block]:
        if self.xp is not np:
            return [Block(0, n, 0, height)]
        pixels = min(max(_BLOCK_ELEMENTS // max(channels), _BLOCK_PIXELS[0]), _BLOCK_PIXELS[1])
        pixels = max(min(pixels, -(-n * height * width // workers().size)), 1)
        return split(n, height, width, pixels)

    def _layer_forward(self, i: int, source: Array, before: _Affine | None) -> tuple[Array, _Affine]:
        """Convolve; return the output (O, N, H', W') and what is still to be done to it."""
        xp = self.xp
        layer, (w, b, *norm) = self.layers[i], self.parameters[i]
        statistics = layer.normalization
        on_batch = statistics is not None and self.train
        scale, shift = None, b
        self.statistics.append(None)
        if statistics is not None and not on_batch:
            inv_std = 1 / xp.sqrt(statistics.variance + xp.asarray(statistics.eps, w.dtype))
            self.statistics[i] = (statistics.mean - b, inv_std)
            scale = norm[0] * inv_std
            shift = norm[1] + (b - statistics.mean) * scale
            if not self.keeps:
                w, scale = w * scale[:, None, None, None], None
        y, sums = self._convolve(layer.window, w, source, before, on_batch)
        if statistics is not None and on_batch:
            mean, variance = self._moments(y, sums)
            self._update(layer, mean + b, variance, y.size // len(y))
            inv_std = 1 / xp.sqrt(variance + xp.asarray(statistics.eps, w.dtype))
            self.statistics[i] = (mean, inv_std)
            scale = norm[0] * inv_std
            shift = norm[1] - mean * scale
        return y, _Affine(xp, scale, shift, layer.relu)

    def _convolve(self, window: Window, w: Array, source: Array, before: _Affine | None,
                  with_sums: bool) -> tuple[Array, list[Any]]:
        """Convolve, and sum every channel of the result and its squares if ``with_sums``."""
        xp = self.xp
        c, n, height, width = source.shape
        o = len(w)
        out_height, out_width = window.output_size(height), window.output_size(width)
        y = xp.empty((o, n, out_height, out_width), source.dtype)
        rows = w.reshape(o, c) if window.is_pointwise else weight_rows(w, xp)

        def work(blocks: Iterator[Block]) -> tuple[Array, Array]:
            total, squares = 0., 0.
            for block in blocks:
                z = self._rows(source, before, block, window)
                y_block = y.reshape(o, -1)[:, block.columns(out_height, out_width)]
                if window.is_pointwise:
                    xp.matmul(rows, z.reshape(c, -1), out=y_block)
                else:
                    Shifted(xp, z, block, window, out_width).convolve(xp, rows, y_block)
                if with_sums:
                    total += _row_sums(y_block)
                    squares += _row_sums(y_block, y_block)
            return total, squares

        return y, workers().run(self._blocks(n, out_height, out_width, c, o), work)

    def _rows(self, source: Array, affine: _Affine | None, block: Block, window: Window, name: str = 'rows') -> Array:
        """Return the (C, n, rows, W) input of a block: ``affine(source)``."""
        top, bottom = window.input_rows(block, source.shape[2])
        part = source[:, block.first:block.last, top:bottom]
        if affine is None:
            return part
        return affine(part, scratch(self.xp, name, part.shape, part.dtype))

    def _moments(self, y: Array, sums: list[Any]) -> tuple[Array, Array]:
        """Return mean and variance of every channel of (C, N, H, W) ``y`` from their sums."""
        count = y.size // len(y)
        mean = sum(total for total, _ in sums) / count
        variance = sum(squares for _, squares in sums) / count - mean ** 2
        # Where the mean is far greater than the deviation the difference has lost its digits.
        doubtful = mean ** 2 > 1e3 * variance
        for channel in self.xp.flatnonzero(doubtful).tolist():
            variance[channel] = y[channel].var(dtype=np.float64)
        return mean.astype(y.dtype), variance.astype(y.dtype)

    def _update(self, layer: Layer, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics as ``chainer.functions.batch_normalization`` does."""
        statistics = layer.normalization
        if statistics is None or chainer.config.in_recomputing:
            return
        unbiased = count / max(count - 1., 1.)
        statistics.mean[...] = statistics.decay * statistics.mean + (1 - statistics.decay) * mean
        statistics.variance[...] = statistics.decay * statistics.variance + (1 - statistics.decay) * unbiased * variance

    def _finish(self, y: Array, affine: _Affine, added: Array | None, out: Array) -> None:
        c, n, height, width = y.shape

        def work(blocks: Iterator[Block]) -> None:
            for block in blocks:
                columns = block.columns(height, width)
                target = out.reshape(c, -1)[:, columns]
                affine(y.reshape(c, -1)[:, columns], target)
                if added is not None:
                    target += added.reshape(c, -1)[:, columns]

        workers().run(self._blocks(n, height, width, c), work)

    # ----------------------------------------------------------------- backward

    def backward(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable | None, ...]:
        if chainer.config.enable_backprop:
            raise RuntimeError('the gradient of ConvChain has no gradient of its own: '
                               "use chainer.using_config('hourglass_functions', 'stock') for double backpropagation")
        retained = self.get_retained_inputs()
        inputs = [retained[0].array, *([None] if self.adds else []), *(v.array for v in retained[1:])]
        self._unpack(tuple(inputs))
        grads: list[Array | None] = [None] * len(inputs)
        gy = grad_outputs[0].array
        if self.adds:
            grads[1] = gy
        with workers().single_threaded_blas():
            self._backward(inputs[0], channels_outermost(gy), 0 in indexes, grads)
        return tuple(None if (g := grads[i]) is None else Variable(g) for i in indexes)

    def _backward(self, x: Array, gy: Array, needs_gx: bool, grads: list[Array | None]) -> None:
        """Fill in the gradients of x and of the parameters."""
        x = channels_outermost(x)
        position = len(grads)
        gz, sums = self._last_gradient(gy)
        for i in reversed(range(len(self.layers))):
            coefficients = self._normalization_gradient(i, gz, sums, grads, position)
            position -= len(self.parameters[i])
            source, affine = (self.convolved[i - 1], self.affines[i - 1]) if i else (x, None)
            if i == 0 and (not needs_gx or self.layers[0].window.stride > 1):
                grads[position] = self._weight_gradient(source, gz, coefficients)
                gx = self._strided_gradient(x.shape, gz, coefficients) if needs_gx else None
            else:
                gz, sums, grads[position] = self._layer_backward(i, source, affine, gz, coefficients)
                gx = gz
        grads[0] = None if gx is None else batch_outermost(gx)

    def _last_gradient(self, gy: Array) -> tuple[Array, list[Any]]:
        """Return the gradient before the last ReLU, and the sums that normalisation's gradient needs."""
        xp, y, affine = self.xp, self.convolved[-1], self.affines[-1]
        o, n, height, width = y.shape
        gz = xp.empty_like(gy) if affine.relu else gy

        def work(blocks: Iterator[Block]) -> tuple[Array, Array]:
            total, products = 0., 0.
            for block in blocks:
                columns = block.columns(height, width)
                y_block, g_block = y.reshape(o, -1)[:, columns], gz.reshape(o, -1)[:, columns]
                if affine.relu:
                    z = affine(y_block, scratch(xp, 'rows', y_block.shape, y.dtype))
                    xp.multiply(gy.reshape(o, -1)[:, columns], z > 0, out=g_block)
                total += _row_sums(g_block)
                products += _row_sums(g_block, y_block)
            return total, products

        return gz, workers().run(self._blocks(n, height, width, o), work)

    def _normalization_gradient(self, i: int, gz: Array, sums: list[Any], grads: list[Array | None],
                                end: int) -> tuple[Array | None, ...]:
        """Set the gradients of b, gamma and beta; return A, B, C of the gradient A * gz + B * y + C by y."""
        count = gz.size // len(gz)
        total = sum(t for t, _ in sums)
        dtype = gz.dtype
        statistics = self.statistics[i]
        if statistics is None:
            grads[end - 1] = total.astype(dtype)
            return None, None, None
        mean, inv_std = statistics
        g_hat = inv_std * (sum(p for _, p in sums) - mean * total)  # sum of gz times the normalised y
        gamma = self.parameters[i][2]
        grads[end - 1] = total.astype(dtype)
        grads[end - 2] = g_hat.astype(dtype)
        a = gamma * inv_std
        if not self.train:
            grads[end - 3] = (a * total).astype(dtype)
            return a, None, None
        # The batch's own mean takes the bias away again: its gradient is zero, with no rounding here.
        grads[end - 3] = self.xp.zeros_like(gamma)
        b = -a * inv_std * g_hat / count
        c = -a * total / count - b * mean
        return a, b.astype(dtype), c.astype(dtype)

    def _y_gradient(self, i: int, gz: Array, coefficients: tuple[Array | None, ...], block: Block,
                    window: Window) -> Array:
        """Return the (O, n, rows, W) gradient by the convolution's output on the rows that ``window`` sees."""
        xp = self.xp
        a, b, c = coefficients
        top, bottom = window.input_rows(block, gz.shape[2])
        part = gz[:, block.first:block.last, top:bottom]
        if a is None:
            return part
        out = scratch(xp, 'gradient', part.shape, part.dtype)
        xp.multiply(part, a[:, None, None, None], out=out)
        if b is not None and c is not None:
            term = scratch(xp, 'gradient term', part.shape, part.dtype)
            xp.multiply(self.convolved[i][:, block.first:block.last, top:bottom], b[:, None, None, None], out=term)
            out += term
            out += c[:, None, None, None]
        return out

    def _layer_backward(self, i: int, source: Array, affine: _Affine | None, gz: Array,
                        coefficients: tuple[Array | None, ...]) -> tuple[Array, list[Any], Array]:
        """Return the gradient by ``source`` (before its ReLU), its sums, and the gradient by W."""
        xp, window = self.xp, self.layers[i].window
        w = self.parameters[i][0]
        o, c, k = w.shape[:3]
        n, height, width = source.shape[1:]
        pointwise = window.is_pointwise
        mirrored = window.mirrored
        own = Window(1, 1, 0)
        rows = w.reshape(o, c).T if pointwise else mirrored_weight_rows(w, xp)
        gx = xp.empty_like(source)

        def work(blocks: Iterator[Block]) -> tuple[Array, Array, Array]:
            total, products, gw = 0., 0., 0.
            for block in blocks:
                columns = block.columns(height, width)
                gx_block = gx.reshape(c, -1)[:, columns]
                z = self._rows(source, affine, block, own)
                g = self._y_gradient(i, gz, coefficients, block, mirrored)
                if pointwise:
                    g2 = g.reshape(o, -1)
                    gw += g2 @ z.reshape(c, -1).T
                    xp.matmul(rows, g2, out=gx_block)
                else:
                    shifted = Shifted(xp, g, block, mirrored, width)
                    gw += shifted.correlate(xp, z)
                    shifted.convolve(xp, rows, gx_block)
                if affine is not None:
                    if affine.relu:
                        gx_block *= (z > 0).reshape(c, -1)
                    total += _row_sums(gx_block)
                    products += _row_sums(gx_block, source.reshape(c, -1)[:, columns])
            return total, products, gw

        results = workers().run(self._blocks(n, height, width, c, o), work)
        gw = sum(r[2] for r in results)
        if pointwise:
            gw = gw.reshape(w.shape)
        else:
            gw = xp.ascontiguousarray(gw.reshape(k, c, k, o).transpose(3, 1, 0, 2)[:, :, ::-1, ::-1])
        return gx, [r[:2] for r in results], gw

    def _weight_gradient(self, x: Array, gz: Array, coefficients: tuple[Array | None, ...]) -> Array:
        """Return the gradient by the first layer's W alone."""
        xp, window = self.xp, self.layers[0].window
        w = self.parameters[0][0]
        o, c, k = w.shape[:3]
        n, height, width = gz.shape[1:]
        own = Window(1, 1, 0)

        def work(blocks: Iterator[Block]) -> Array:
            gw = 0.
            for block in blocks:
                z = self._rows(x, None, block, window)
                g = self._y_gradient(0, gz, coefficients, block, own)
                gw += Shifted(xp, z, block, window, width).correlate(xp, g)
            return gw

        gw = sum(workers().run(self._blocks(n, height, width, c, o), work))
        return xp.ascontiguousarray(gw.reshape(k, o, k, c).transpose(1, 3, 0, 2))

    def _strided_gradient(self, shape: tuple[int, ...], gz: Array, coefficients: tuple[Array | None, ...]) -> Array:
        """Return the gradient by x of a first layer with a stride, by way of Chainer's own function."""
        window = self.layers[0].window
        n, height = gz.shape[1:3]
        g = self._y_gradient(0, gz, coefficients, Block(0, n, 0, height), Window(1, 1, 0))
        gx = chainer.functions.deconvolution_2d(batch_outermost(g), self.parameters[0][0], None, window.stride,
                                                window.pad, shape[2:])
        return channels_outermost(gx.array)
