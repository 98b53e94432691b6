"""Batch normalisation: statistics of a batch, running statistics, and the gradient."""

from __future__ import annotations

from typing import NamedTuple

from hourglass.functions import kernels
from hourglass.functions.layout import Array, array_module
from hourglass.functions.scale_shift import LazyGradient

import chainer
import numpy as np


class Normalization(NamedTuple):
    """Batch normalisation of one layer: its constants, and its running statistics, which are updated in place."""

    eps: float
    decay: float
    mean: Array
    variance: Array

    def normalizing(self, mean: Array, variance: Array, gamma: Array, beta: Array) -> tuple[Array, Array, Array]:
        """Return inverse standard deviation, scale and shift, all (C,) and of the dtype of ``variance``."""
        if not isinstance(mean, np.ndarray):
            return kernels.normalizing(mean, variance, gamma, beta, self.eps)
        inv_std = 1 / np.sqrt(variance + variance.dtype.type(self.eps))
        scale = gamma * inv_std
        return inv_std, scale, beta - mean * scale

    def update(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics as ``chainer.functions.batch_normalization`` does.

        Args:
            mean: (C,), of the batch.
            variance: (C,), of the batch, the mean squared deviation.
            count: numbers per channel that these were made from.
        """
        if chainer.config.in_recomputing:  # the statistics have moved when this was computed first
            return
        unbiased = count / max(count - 1., 1.)
        if not isinstance(mean, np.ndarray):
            kernels.move_statistics(mean, variance, self.decay, unbiased, self.mean, self.variance)
            return
        self.mean[...] = self.decay * self.mean + (1 - self.decay) * mean
        self.variance[...] = self.decay * self.variance + (1 - self.decay) * unbiased * variance


def moments(y: Array, total: Array, squares: Array) -> tuple[Array, Array]:
    """Return mean and variance of every channel of ``y``.

    Args:
        y: (C, N, H, W).
        total: (C,) float64, the sums of the channels.
        squares: (C,) float64, the sums of their squares.

    Returns:
        Mean and mean squared deviation, (C,), of ``y``'s dtype; on a GPU float64.
    """
    count = y.size // len(y)
    if not isinstance(y, np.ndarray):
        # There the squares are exact and their sums nearly so, and looking at numbers makes the program wait.
        return kernels.moments(total, squares, count)
    mean = total / count
    variance = squares / count - mean ** 2
    # Where the mean is far greater than the deviation the difference has lost its digits.
    doubtful = mean ** 2 > 1e3 * variance
    for channel in np.flatnonzero(doubtful).tolist():
        variance[channel] = y[channel].var(dtype=np.float64)
    return mean.astype(y.dtype), variance.astype(y.dtype)


class NormalizationGradients(NamedTuple):
    """The gradients, each (C,), by the convolution's bias, gamma and beta, and the one by its output."""

    bias: Array
    gamma: Array
    beta: Array
    y: LazyGradient


def normalization_gradients(gz: Array, y: Array, total: Array, products: Array, gamma: Array, mean: Array,
                            inv_std: Array, on_batch: bool) -> NormalizationGradients:
    """Return the gradients of ``gamma * (y - mean) * inv_std + beta``.

    Args:
        gz: (C, N, H, W), the gradient by the result.
        y: (C, N, H, W), the convolution's output without its bias.
        total: (C,) float64, the sums of ``gz``.
        products: (C,) float64, the sums of ``gz * y``.
        gamma: (C,).
        mean: (C,), without the bias like ``y``.
        inv_std: (C,).
        on_batch: whether ``mean`` and ``inv_std`` are those of ``y``, and not constants.
    """
    dtype = gz.dtype
    count = gz.size // len(gz)
    if on_batch and not isinstance(gz, np.ndarray):
        g_gamma, g_beta, *terms = kernels.normalization_gradients(total, products, gamma, mean, inv_std, count)
        return NormalizationGradients(array_module(gamma).zeros_like(gamma), g_gamma, g_beta,
                                      LazyGradient(gz, y, *terms))
    g_gamma = inv_std * (products - mean * total)  # sum of gz times the normalised y
    scale = gamma * inv_std
    if not on_batch:
        bias, gradient = scale * total, LazyGradient(gz, y, scale)
    else:
        b = -inv_std * g_gamma / count
        c = -total / count - b * mean
        # The batch's own mean takes the bias away again: its gradient is zero, with no rounding here.
        bias, gradient = array_module(gamma).zeros_like(gamma), LazyGradient(
            gz, y, scale, b.astype(dtype), c.astype(dtype))
    return NormalizationGradients(bias.astype(dtype), g_gamma.astype(dtype), total.astype(dtype), gradient)
