"""The network in PyTorch, operation by operation the same as in ``hourglass.network``, to compare speeds with."""

from __future__ import annotations

from collections import Counter

from hourglass.parameters import Operation, structure_of
from hourglass.spec import ModelSpec

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FUNCTIONS = {
    'relu': F.relu_, 'pool': lambda x: F.max_pool2d(x, 2), 'add': lambda x, y: x + y,
    'upsample': lambda x: F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=True),
    'join': lambda x, y: torch.cat((x, y), 1),
}


def _layer(operation: Operation) -> nn.Module:
    channels, ksize = operation.channels, operation.ksize
    if operation.kind == 'bn':
        return nn.BatchNorm2d(channels)
    return nn.Conv2d(operation.inputs[0].channels, channels, ksize, operation.stride, ksize // 2)


class StackedHG(nn.Module):
    """Map (N, 3, H, W) to one (N, out_channels, H / 4, W / 4) for each stack."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        structure = structure_of(spec)
        self.operations, self.outputs = structure.operations, structure.outputs
        self.n_uses = Counter([*self.outputs, *(x for operation in self.operations for x in operation.inputs)])
        self.layers = nn.ModuleDict({op.key: _layer(op) for op in self.operations if op.kind in ('conv', 'bn')})

    def forward(self, x: Tensor) -> list[Tensor]:
        results, n_left = {self.operations[0]: x}, self.n_uses.copy()
        for operation in self.operations[1:]:
            values = [results[source] for source in operation.inputs]
            for source in operation.inputs:
                n_left[source] -= 1
                if not n_left[source]:
                    del results[source]  # its memory is free for the next ones
            function = _FUNCTIONS.get(operation.kind) or self.layers[operation.key]
            results[operation] = function(*values)
        return [results[output] for output in self.outputs]
