"""The network in PyTorch, layer by layer the same as in ``hourglass.network``, to compare speeds with."""

from __future__ import annotations

from hourglass.spec import ModelSpec

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def unit(in_channels: int, out_channels: int, ksize: int = 1, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Return a convolution, batch normalisation and perhaps ReLU."""
    layers = [nn.Conv2d(in_channels, out_channels, ksize, stride, ksize // 2), nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class ResidualModule(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.units = nn.Sequential(unit(in_channels, half), unit(half, half, 3), unit(half, out_channels, relu=False))
        self.skip = (nn.Identity() if in_channels == out_channels
                     else unit(in_channels, out_channels, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.units(x) + self.skip(x)


def pool(x: Tensor) -> Tensor:
    """Return the maxima over 2 x 2 pixels."""
    return F.max_pool2d(x, 2, 2, ceil_mode=True)


def resize_and_add(x: Tensor, added: Tensor) -> Tensor:
    """Resize bilinearly, with aligned corners, and add."""
    return F.interpolate(x, added.shape[2:], mode='bilinear', align_corners=True) + added


class HGBlock(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, layer_num: int, width: int) -> None:
        super().__init__()
        self.upper = nn.Sequential(ResidualModule(in_channels, width), ResidualModule(width, width),
                                   ResidualModule(width, out_channels))
        self.lower = nn.Sequential(
            ResidualModule(in_channels, width), ResidualModule(width, width), ResidualModule(width, width),
            HGBlock(width, out_channels, layer_num - 1, width) if layer_num > 1 else
            ResidualModule(width, out_channels),
            ResidualModule(out_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return resize_and_add(self.lower(pool(x)), self.upper(x))


class StackedHG(nn.Module):
    """Map (N, 3, H, W) to one (N, out_channels, H / 4, W / 4) for each stack."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        width, stem_width = spec.width, spec.width // 2
        joined = stem_width + width
        self.stem = nn.Sequential(unit(3, width // 4, 7, 2), ResidualModule(width // 4, stem_width))
        self.features = nn.Sequential(ResidualModule(stem_width, stem_width), ResidualModule(stem_width, stem_width),
                                      ResidualModule(stem_width, width))
        self.stacks, self.heads = nn.ModuleList(), nn.ModuleList()
        self.passes, self.returns = nn.ModuleList(), nn.ModuleList()
        for i in range(spec.n_stack):
            is_last = i == spec.n_stack - 1
            features = 2 * width if is_last else width
            self.stacks.append(nn.Sequential(HGBlock(joined if i else width, 2 * width, spec.layer_num, width),
                                             unit(2 * width, 2 * width), unit(2 * width, features)))
            self.heads.append(nn.Conv2d(features, spec.out_channels, 1))
            if not is_last:
                self.passes.append(nn.Conv2d(joined, joined, 1))
                self.returns.append(nn.Conv2d(spec.out_channels, joined, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        stem = pool(self.stem(x))
        h = self.features(stem)
        outputs = []
        for i, (stack, head) in enumerate(zip(self.stacks, self.heads, strict=True)):
            h = stack(h)
            outputs.append(head(h))
            if i < len(self.passes):
                h = self.passes[i](torch.cat((stem, h), 1)) + self.returns[i](outputs[-1])
        return outputs
