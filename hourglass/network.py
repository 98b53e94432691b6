"""The stacked hourglass network of the reference, the published Chainer re-implementation.

Newell, Yang, Deng: *Stacked Hourglass Networks for Human Pose Estimation*, ECCV 2016, section 3.  The names
of all links are those of the reference, because published weights are loaded by these names.
"""

from __future__ import annotations

from typing import Any

from hourglass.layers import ConvBNReLU, conv_bn_relu, max_pooling_2x2, resize_and_add, run_parallel
from hourglass.spec import UPSAMPLINGS

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import Chain, Variable, initializers


def convolution(in_channels: int, out_channels: int, ksize: int, stride: int = 1, pad: int = 0) -> L.Convolution2D:
    """Return a convolution with the published initialisation."""
    initial_w = initializers.LeCunUniform(scale=1 / 3 ** 0.5)
    return L.Convolution2D(in_channels, out_channels, ksize, stride, pad, initialW=initial_w)


def batch_normalization(size: int) -> L.BatchNormalization:
    """Return a batch normalisation with the published epsilon and initialisation."""
    def uniform_0_1(array: Any) -> None:
        xp = chainer.backend.get_array_module(array)
        array[...] = xp.random.uniform(0, 1, array.shape)

    return L.BatchNormalization(size, eps=1e-5, initial_gamma=uniform_0_1)


def repeat_and_add(x: Variable, added: Variable) -> Variable:
    """Repeat each pixel of x (N, C, H, W) in 2 x 2 pixels and add ``added`` (N, C, 2H, 2W)."""
    n, c, height, width = x.shape
    # Both are seen as (N, C, H, 2, W, 2), so that the repeated pixels are never written down.
    pixels = F.reshape(x, (n, c, height, 1, width, 1))
    return F.reshape(pixels + F.reshape(added, (n, c, height, 2, width, 2)), added.shape)


class ResidualModule(Chain):
    """Bottleneck of a 1x1, a 3x3 and a 1x1 convolution, added to its input.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.  Where it differs from ``in_channels``, the input goes through a
            1x1 convolution before the addition.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.has_projection = in_channels != out_channels
        with self.init_scope():
            self.conv1 = convolution(in_channels, half, 1)
            self.bn1 = batch_normalization(half)
            self.conv2 = convolution(half, half, 3, pad=1)
            self.bn2 = batch_normalization(half)
            self.conv3 = convolution(half, out_channels, 1)
            self.bn3 = batch_normalization(out_channels)
            if self.has_projection:
                self.conv0 = convolution(in_channels, out_channels, 1)
                self.bn0 = batch_normalization(out_channels)

    def forward(self, x: Variable) -> Variable:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        skip = conv_bn_relu(x, [ConvBNReLU(self.conv0, self.bn0)]) if self.has_projection else x
        return conv_bn_relu(x, [ConvBNReLU(self.conv1, self.bn1, relu=True),
                                ConvBNReLU(self.conv2, self.bn2, relu=True),
                                ConvBNReLU(self.conv3, self.bn3)], added=skip)


class HGBlock(Chain):
    """One hourglass: down to the lowest resolution and up again, with a branch at every resolution.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        layer_num: number of times the resolution is halved.
        width: channels inside.
        upsampling: one of :data:`UPSAMPLINGS`.
    """

    def __init__(self, in_channels: int, out_channels: int, layer_num: int = 4, width: int = 256,
                 upsampling: str = 'bilinear') -> None:
        super().__init__()
        self.upsampling = upsampling
        with self.init_scope():
            self.res1a_1 = ResidualModule(in_channels, width)
            self.res1a_2 = ResidualModule(width, width)
            self.res1a_3 = ResidualModule(width, out_channels)

            self.res1b_1 = ResidualModule(in_channels, width)
            self.res1b_2 = ResidualModule(width, width)
            self.res1b_3 = ResidualModule(width, width)
            if layer_num > 1:
                self.block = HGBlock(width, out_channels, layer_num - 1, width, upsampling)
            else:
                self.block = ResidualModule(width, out_channels)
            self.res1b_4 = ResidualModule(out_channels, out_channels)

    def forward(self, x: Variable) -> Variable:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W); H and W are multiples of ``2 ** layer_num``."""
        upper, lower = run_parallel(x, self._upper_branch, self._lower_branch)
        return repeat_and_add(lower, upper) if self.upsampling == 'nearest' else resize_and_add(lower, upper)

    def _upper_branch(self, x: Variable) -> Variable:
        return self.res1a_3(self.res1a_2(self.res1a_1(x)))

    def _lower_branch(self, x: Variable) -> Variable:
        lower = max_pooling_2x2(x)
        lower = self.res1b_3(self.res1b_2(self.res1b_1(lower)))
        return self.res1b_4(self.block(lower))


class StackedHG(Chain):
    """Stacked hourglass network; the default sizes are those of the published weights (26.37 M parameters).

    Stack ``i`` (from 1) is made of ``hg{i}``, two 1x1 convolutions ``conv{i}_1`` and ``conv{i}_2`` and the
    output ``conv{i}_3a``.  Every stack but the last passes its features and its heatmaps on through
    ``conv{i}_3b`` and ``conv{i}_4a``; the features are joined with those of the stem (a quarter of the input's
    resolution), so that all stacks after the first have inputs of equal width.

    Args:
        out_channels: number of joints K.
        n_stack: number of hourglasses.
        width: channels inside an hourglass (256 in the paper); all other widths follow from it.
        layer_num: number of times an hourglass halves the resolution.
        upsampling: one of :data:`UPSAMPLINGS`; an early network of the Torch7 code repeats pixels (``nearest``).
    """

    def __init__(self, out_channels: int = 16, n_stack: int = 2, width: int = 256, layer_num: int = 4,
                 upsampling: str = 'bilinear') -> None:
        super().__init__()
        if min(out_channels, n_stack, width, layer_num) < 1 or width % 4:
            raise ValueError('StackedHG needs positive sizes and a width that is a multiple of 4')
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f'StackedHG has upsampling {" or ".join(UPSAMPLINGS)}, not {upsampling!r}')
        self.out_channels = out_channels
        self.n_stack = n_stack
        self.width = width
        self.layer_num = layer_num
        self.upsampling = upsampling

        stem_width = width // 2
        with self.init_scope():
            self.conv0 = convolution(3, width // 4, 7, stride=2, pad=3)
            self.bn0 = batch_normalization(width // 4)
            self.res0 = ResidualModule(width // 4, stem_width)

            self.res1_1 = ResidualModule(stem_width, stem_width)
            self.res1_2 = ResidualModule(stem_width, stem_width)
            self.res1_3 = ResidualModule(stem_width, width)

            for i in range(1, n_stack + 1):
                is_last = i == n_stack
                in_channels = width if i == 1 else stem_width + width
                features = 2 * width if is_last else width
                setattr(self, f'hg{i}', HGBlock(in_channels, 2 * width, layer_num, width, upsampling))
                setattr(self, f'conv{i}_1', convolution(2 * width, 2 * width, 1))
                setattr(self, f'bn{i}_1', batch_normalization(2 * width))
                setattr(self, f'conv{i}_2', convolution(2 * width, features, 1))
                setattr(self, f'bn{i}_2', batch_normalization(features))
                setattr(self, f'conv{i}_3a', convolution(features, out_channels, 1))
                if not is_last:
                    joined = stem_width + width
                    setattr(self, f'conv{i}_3b', convolution(joined, joined, 1))
                    setattr(self, f'conv{i}_4a', convolution(out_channels, joined, 1))

    def forward(self, x: Any) -> tuple[Variable, ...]:
        """Compute the heatmaps of every stack.

        Args:
            x: (N, 3, H, W) float32, RGB in [0, 1], no mean subtracted; H and W are multiples of
                ``4 * 2 ** layer_num``.

        Returns:
            One (N, K, H / 4, W / 4) variable for each stack, the last being the prediction.
        """
        h = conv_bn_relu(x, [ConvBNReLU(self.conv0, self.bn0, relu=True)])
        stem = max_pooling_2x2(self.res0(h))
        h = self.res1_3(self.res1_2(self.res1_1(stem)))

        outputs = []
        for i in range(1, self.n_stack + 1):
            h = self[f'hg{i}'](h)
            h = conv_bn_relu(h, [ConvBNReLU(self[f'conv{i}_{j}'], self[f'bn{i}_{j}'], relu=True) for j in (1, 2)])
            heatmaps = conv_bn_relu(h, [ConvBNReLU(self[f'conv{i}_3a'])])
            outputs.append(heatmaps)
            if i < self.n_stack:
                passed_on = conv_bn_relu(heatmaps, [ConvBNReLU(self[f'conv{i}_4a'])])
                h = conv_bn_relu(F.concat((stem, h)), [ConvBNReLU(self[f'conv{i}_3b'])], added=passed_on)
        return tuple(outputs)
