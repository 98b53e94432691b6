"""The network of the Torch7 code, in which batch normalisation and ReLU come before each convolution.

Newell, Yang, Deng: *Stacked Hourglass Networks for Human Pose Estimation*, ECCV 2016, with residual modules as in
He et al.: *Identity Mappings in Deep Residual Networks*, ECCV 2016.  The Torch7 weights and the PyTorch
ports are for this network.
"""

from __future__ import annotations

from typing import Any

from hourglass.layers import ConvBNReLU, conv_bn_relu, max_pooling_2x2
from hourglass.network import batch_normalization, convolution, repeat_and_add

import chainer
import chainer.functions as F
from chainer import Chain, ChainList, Variable


class PreActivationResidual(Chain):
    """Bottleneck of a 1x1, a 3x3 and a 1x1 convolution, each after batch normalisation and ReLU, added to its input.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.  Where it differs from ``in_channels``, the unchanged input goes through a
            1x1 convolution before the addition.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.has_projection = in_channels != out_channels
        with self.init_scope():
            self.bn1 = batch_normalization(in_channels)
            self.conv1 = convolution(in_channels, half, 1)
            self.bn2 = batch_normalization(half)
            self.conv2 = convolution(half, half, 3, pad=1)
            self.bn3 = batch_normalization(half)
            self.conv3 = convolution(half, out_channels, 1)
            if self.has_projection:
                self.conv0 = convolution(in_channels, out_channels, 1)

    def forward(self, x: Variable) -> Variable:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        skip = conv_bn_relu(x, [ConvBNReLU(self.conv0)]) if self.has_projection else x
        # Every normalisation but the first follows a convolution, so that these can be computed together.
        return conv_bn_relu(F.relu(self.bn1(x)), [ConvBNReLU(self.conv1, self.bn2, relu=True),
                                                  ConvBNReLU(self.conv2, self.bn3, relu=True),
                                                  ConvBNReLU(self.conv3)], added=skip)


class Residuals(ChainList):
    """Residual modules of equal width, one after the other; their names are ``0``, ``1``, ...

    Args:
        width: channels of the input and the output.
        n_modules: number of residual modules.
    """

    def __init__(self, width: int, n_modules: int = 1) -> None:
        super().__init__(*(PreActivationResidual(width, width) for _ in range(n_modules)))

    def forward(self, x: Variable) -> Variable:
        """Map (N, width, H, W) to the same shape."""
        for residual in self:
            x = residual(x)
        return x


class PreActivationBlock(Chain):
    """One hourglass: down to the lowest resolution and up again, with a branch at every resolution.

    Args:
        width: channels of the input, inside, and of the output.
        layer_num: number of times the resolution is halved.
        n_modules: number of residual modules in each place.
    """

    def __init__(self, width: int, layer_num: int = 4, n_modules: int = 1) -> None:
        super().__init__()
        with self.init_scope():
            self.upper = Residuals(width, n_modules)
            self.lower_in = Residuals(width, n_modules)
            if layer_num > 1:
                self.inner = PreActivationBlock(width, layer_num - 1, n_modules)
            else:
                self.inner = Residuals(width, n_modules)
            self.lower_out = Residuals(width, n_modules)

    def forward(self, x: Variable) -> Variable:
        """Map (N, width, H, W) to the same shape; H and W are multiples of ``2 ** layer_num``."""
        lower = self.lower_out(self.inner(self.lower_in(max_pooling_2x2(x))))
        return repeat_and_add(lower, self.upper(x))


class PreActivationHG(Chain):
    """Stacked hourglass network of pre-activation residual modules; the default sizes are those of the paper.

    Stack ``i`` (from 1) is made of ``hg{i}``, ``after{i}``, the 1x1 convolution ``feature{i}`` with ``feature_bn{i}``,
    and the output ``output{i}``.  Every stack but the last passes its features and its heatmaps on through
    ``merge_feature{i}`` and ``merge_output{i}``, which are added to its own input.

    Args:
        out_channels: number of joints K.
        n_stack: number of hourglasses.
        width: channels of an hourglass; a multiple of 4.
        layer_num: number of times an hourglass halves the resolution.
        n_modules: number of residual modules in each place of an hourglass and after it.
        wide_stem: whether the second of the stem's three residual modules already has ``width`` output channels.
            The Torch7 code has ``width / 2``; bearpaw's port has ``width``.
    """

    def __init__(self, out_channels: int = 16, n_stack: int = 8, width: int = 256, layer_num: int = 4,
                 n_modules: int = 1, wide_stem: bool = False) -> None:
        super().__init__()
        if min(out_channels, n_stack, width, layer_num, n_modules) < 1 or width % 4:
            raise ValueError('PreActivationHG needs positive sizes and a width that is a multiple of 4')
        self.out_channels = out_channels
        self.n_stack = n_stack
        self.width = width
        self.layer_num = layer_num
        self.n_modules = n_modules
        self.wide_stem = wide_stem

        between = width if wide_stem else width // 2
        with self.init_scope():
            self.conv0 = convolution(3, width // 4, 7, stride=2, pad=3)
            self.bn0 = batch_normalization(width // 4)
            self.res0 = PreActivationResidual(width // 4, width // 2)
            self.res1 = PreActivationResidual(width // 2, between)
            self.res2 = PreActivationResidual(between, width)

            for i in range(1, n_stack + 1):
                setattr(self, f'hg{i}', PreActivationBlock(width, layer_num, n_modules))
                setattr(self, f'after{i}', Residuals(width, n_modules))
                setattr(self, f'feature{i}', convolution(width, width, 1))
                setattr(self, f'feature_bn{i}', batch_normalization(width))
                setattr(self, f'output{i}', convolution(width, out_channels, 1))
                if i < n_stack:
                    setattr(self, f'merge_feature{i}', convolution(width, width, 1))
                    setattr(self, f'merge_output{i}', convolution(out_channels, width, 1))

    def forward(self, x: Any) -> tuple[Variable, ...]:
        """Compute the heatmaps of every stack.

        Args:
            x: (N, 3, H, W) float32, RGB in [0, 1], minus the mean that belongs to the weights; H and W are multiples
                of ``4 * 2 ** layer_num``.

        Returns:
            One (N, K, H / 4, W / 4) variable for each stack, the last being the prediction.
        """
        h = conv_bn_relu(chainer.as_variable(x), [ConvBNReLU(self.conv0, self.bn0, relu=True)])
        h = self.res2(self.res1(max_pooling_2x2(self.res0(h))))

        outputs = []
        for i in range(1, self.n_stack + 1):
            features = self[f'after{i}'](self[f'hg{i}'](h))
            features = conv_bn_relu(features, [ConvBNReLU(self[f'feature{i}'], self[f'feature_bn{i}'], relu=True)])
            heatmaps = conv_bn_relu(features, [ConvBNReLU(self[f'output{i}'])])
            outputs.append(heatmaps)
            if i < self.n_stack:
                h = conv_bn_relu(features, [ConvBNReLU(self[f'merge_feature{i}'])], added=h)
                h = conv_bn_relu(heatmaps, [ConvBNReLU(self[f'merge_output{i}'])], added=h)
        return tuple(outputs)
