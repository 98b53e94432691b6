"""Convolutions with batch normalisation and ReLU, one after another, as one function.

Only the outputs of the convolutions are kept for the backward pass.  Normalisation and ReLU are computed again wherever
their result is needed (``hourglass.functions.scale_shift``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hourglass.functions.blocks import PASS, run_on_pixels
from hourglass.functions.convolution import (
    convolve,
    gradient_before_relu,
    gradients,
    strided_gradient,
    weight_gradient,
)
from hourglass.functions.im2row import Window
from hourglass.functions.layout import Array, Block, array_module, batch_outermost, channels_outermost
from hourglass.functions.node import Function
from hourglass.functions.normalization import Normalization, moments, normalization_gradients
from hourglass.functions.parallel import workers
from hourglass.functions.scale_shift import LazyActivation, LazyGradient, ScaleShiftReLU
from hourglass.functions.tiled import Source, TiledConvolution, is_faster_in_tiles

import chainer
from chainer import Variable
from chainer.utils import type_check


class Layer(NamedTuple):
    """One convolution, with what follows it."""

    window: Window
    normalization: Normalization | None
    relu: bool


def check_added(added: Array | None, shape: tuple[int, ...]) -> None:
    """Check that an array (O, N, H, W), if there is one, has the shape of the result that it is to be added to."""
    if added is not None and added.shape != shape:
        o, n, *size = shape
        raise ValueError(f'an array of shape {batch_outermost(added).shape} cannot be added to a result of shape '
                         f'{(n, o, *size)}')


class ConvChain(Function):
    """Layers of convolution, batch normalisation and ReLU, and an optional addition at the end.

    Inputs: x (N, C, H, W); the array that is added to the last layer's output, if ``adds``; then for each layer
    W, b and, with normalisation, gamma and beta.  The output is (N, O, H', W'), with the channels outermost in
    memory (``hourglass.functions.layout``).  All are float32, or all float64.

    In training (``chainer.config.train``) the statistics are those of the batch, and the running ones are moved;
    otherwise the running ones are used.

    Args:
        layers: what each layer does.  Only the first may have a stride; no padding is as large as its kernel.
        adds: whether there is a second input to add.  It may be x itself.
    """

    def __init__(self, layers: list[Layer], adds: bool) -> None:
        super().__init__()
        self.layers = layers
        self.adds = adds
        self.train = chainer.config.train
        self.keeps = chainer.config.enable_backprop
        self.positions: list[int] = []  # of each layer's W among the inputs
        position = 2 if adds else 1
        for layer in layers:
            self.positions.append(position)
            position += 4 if layer.normalization else 2

    def check_type_forward(self, in_types: tuple) -> None:
        x = in_types[0]
        type_check.expect(x.dtype.kind == 'f', x.ndim == 4)
        type_check.expect(*(other.dtype == x.dtype for other in in_types))
        channels = x.shape[1]
        for position in self.positions:
            w, b = in_types[position:position + 2]
            type_check.expect(w.ndim == 4, w.shape[1] == channels, b.ndim == 1, b.shape[0] == w.shape[0])
            channels = w.shape[0]

    # ------------------------------------------------------------------ forward

    def forward(self, inputs: tuple[Array, ...]) -> tuple[Array]:
        """Compute the chain; keep the convolutions' outputs if there may be a backward pass."""
        self.retain_inputs(tuple(i for i in range(len(inputs)) if i != 1 or not self.adds))
        self.convolved: list[LazyActivation] = []
        self.statistics: list[tuple[Array, Array] | None] = []  # mean less the bias, inverse standard deviation
        with workers().settings():
            output: Source = LazyActivation(channels_outermost(inputs[0]))
            added = channels_outermost(inputs[1]) if self.adds else None
            last = len(self.layers) - 1
            for i in range(last):
                output = self._layer_forward(i, output, inputs)
            # What follows the last convolution can be done at once where the convolution's output need not be kept.
            at_once = not self.keeps and not (self.train and self.layers[last].normalization)
            output = self._layer_forward(last, output, inputs, added, at_once)
            assert isinstance(output, LazyActivation)  # no other layer reads the last one
            return batch_outermost(output.array if at_once else self._finish(output, added)),

    def _layer_forward(self, i: int, source: Source, inputs: tuple[Array, ...], added: Array | None = None,
                       at_once: bool = False) -> Source:
        """Convolve, or leave it to the next layer; return the output (O, N, H', W') with what is pending.

        With ``at_once`` nothing is pending, and ``added`` has been added.
        """
        output = self._convolve(i, source, inputs, added, at_once)
        if self.keeps:
            assert isinstance(output, LazyActivation)
            self.convolved.append(output)
        return output

    def _convolve(self, i: int, source: Source, inputs: tuple[Array, ...], added: Array | None,
                  at_once: bool) -> Source:
        window, normalization, relu = self.layers[i]
        w, b = inputs[self.positions[i]:][:2]
        if normalization is None:
            self.statistics.append(None)
            return self._convolve_plain(i, w, source, ScaleShiftReLU(None, b, relu), added, at_once)
        gamma, beta = inputs[self.positions[i]:][2:4]
        if self.train:
            output, *sums = convolve(window, w, source, with_sums=True)
            y = output.array
            mean, variance = moments(y, *sums)
            normalization.update(mean + b, variance, y.size // len(y))
        else:
            mean, variance = normalization.mean - b, normalization.variance
        inv_std, scale, shift = normalization.normalizing(mean, variance, gamma, beta)
        self.statistics.append((mean, inv_std))
        affine = ScaleShiftReLU(scale, shift, relu)
        return LazyActivation(y, affine) if self.train else self._convolve_plain(i, w, source, affine, added, at_once)

    def _convolve_plain(self, i: int, w: Array, source: Source, affine: ScaleShiftReLU, added: Array | None,
                        at_once: bool) -> Source:
        """Convolve where the statistics of the output are not needed."""
        window = self.layers[i].window
        if self.keeps:
            # A backward pass needs the output as it is before all else (for the gradient of gamma); and from tiles it
            # would find other elements below zero than from a plain sum.
            return LazyActivation(convolve(window, w, source).output.array, affine)
        shape = window.output_shape(w, source.shape)
        if at_once:
            check_added(added, shape)
        if not is_faster_in_tiles(window, w, shape):
            return convolve(window, w, source, affine=affine, at_once=at_once, added=added).output
        assert isinstance(source, LazyActivation)
        tiled = TiledConvolution(window, w, source, affine)
        following = self.layers[i + 1:i + 2]
        if following and following[0].window.is_pointwise and not tiled.has_few_pixels:
            return tiled
        return LazyActivation(tiled.stored(added))

    def _finish(self, output: LazyActivation, added: Array | None) -> Array:
        """Apply the pending function, and add; in place if the convolution's output need not be kept."""
        y, affine = output
        assert affine is not None
        check_added(added, y.shape)
        xp = array_module(y)
        out = xp.empty_like(y) if self.keeps else y
        c, n, height, width = y.shape

        def work(blocks: Iterator[Block]) -> None:
            for block in blocks:
                columns = block.columns(height, width)
                affine(y.reshape(c, -1)[:, columns], out.reshape(c, -1)[:, columns],
                       None if added is None else added.reshape(c, -1)[:, columns])

        run_on_pixels(xp, n, height, width, c, 4 * PASS * c, work)
        return out

    # ----------------------------------------------------------------- backward

    def gradients(self, indexes: tuple[int, ...], grad_outputs: tuple[Variable, ...]) -> tuple[Variable | None, ...]:
        retained = [v.array for v in self.get_retained_inputs()]
        inputs = [retained[0], *([None] if self.adds else []), *retained[1:]]
        grads: list[Array | None] = [None] * len(inputs)
        gy = grad_outputs[0].array
        if self.adds:
            grads[1] = gy
        with workers().settings():
            self._backward(inputs, channels_outermost(gy), 0 in indexes, grads)
        return tuple(None if (g := grads[i]) is None else Variable(g) for i in indexes)

    def _backward(self, inputs: list[Array], gy: Array, needs_gx: bool, grads: list[Array | None]) -> None:
        """Fill in the gradients of x, if it is needed, and of the parameters."""
        gz, total, products = gradient_before_relu(self.convolved[-1], gy)
        for i in reversed(range(1, len(self.layers))):
            gradient = self._parameter_gradients(i, inputs, gz, total, products, grads)
            window, position = self.layers[i].window, self.positions[i]
            gz, total, products, grads[position] = gradients(window, inputs[position], self.convolved[i - 1], gradient)
        gradient = self._parameter_gradients(0, inputs, gz, total, products, grads)
        window, position = self.layers[0].window, self.positions[0]
        x, w = channels_outermost(inputs[0]), inputs[position]
        if needs_gx and window.stride == 1:
            gx, _, _, grads[position] = gradients(window, w, LazyActivation(x), gradient)
        else:
            grads[position] = weight_gradient(window, w, x, gradient)
            gx = strided_gradient(window, w, x.shape, gradient) if needs_gx else None
        grads[0] = None if gx is None else batch_outermost(gx)

    def _parameter_gradients(self, i: int, inputs: list[Array], gz: Array, total: Array, products: Array,
                             grads: list[Array | None]) -> LazyGradient:
        """Set a layer's gradients of b, gamma and beta; return the one by the convolution's output."""
        position, statistics, y = self.positions[i], self.statistics[i], self.convolved[i].array
        if statistics is None:
            grads[position + 1] = total.astype(gz.dtype)
            return LazyGradient(gz, y)
        gamma = inputs[position + 2]
        result = normalization_gradients(gz, y, total, products, gamma, *statistics, on_batch=self.train)
        grads[position + 1:position + 4] = result.bias, result.gamma, result.beta
        return result.y
