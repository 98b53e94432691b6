"""The parameters of operations that were found, under the names of the Chainer networks, with their sizes checked."""

from __future__ import annotations

from collections.abc import Sequence

from pretrained.torch7.graph import Node
from pretrained.torch7.modules import Unusable

import numpy as np

#: What the networks of this project add to the variance.
EPS = 1e-5

# Operations as a message calls them.
NAMES = {
    'conv': 'a convolution', 'bn': 'a batch normalisation', 'relu': 'a ReLU', 'pool': 'a max pooling',
    'upsample': 'a nearest-neighbour upsampling', 'add': 'an addition', 'join': 'a concatenation',
    'input': 'the input image', 'threshold': 'a ReLU with another threshold than 0',
}


def mismatch(expected: str, node: Node, found: str = '') -> Unusable:
    """Return the error for a node that is not what it should be."""
    found = found or NAMES.get(node.op, node.op)
    place = '' if node.op == 'input' else f' at {node.place}'
    return Unusable(f'expected {expected}, found {found}{place}')


def describe(node: Node) -> str:
    """Return what a node computes, with its size."""
    if node.op != 'conv':
        return NAMES.get(node.op, node.op)
    weight, settings = node.arrays['W'], node.settings
    groups = f', {settings["groups"]} groups' if settings['groups'] > 1 else ''
    return (f'a convolution {_times(settings["ksize"])}, {weight.shape[1] * settings["groups"]} to {weight.shape[0]} '
            f'channels, stride {_times(settings["stride"])}, padding {_times(settings["pad"])}{groups}')


def _times(pair: Sequence[int]) -> str:
    return f'{pair[0]}x{pair[1]}'


class Parameters:
    """Collects arrays by Chainer's keys.

    Attributes:
        arrays: what was stored; the count ``N`` of a batch normalisation is 0, as Torch has none.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def convolution(self, node: Node, key: str, channels: tuple[int, int], ksize: int = 1, stride: int = 1,
                    pad: int = 0) -> None:
        """Store a convolution whose sizes are known."""
        if node.op != 'conv':
            raise mismatch(f'a convolution as {key}', node)
        settings = {'ksize': (ksize, ksize), 'stride': (stride, stride), 'pad': (pad, pad), 'groups': 1}
        weight = node.arrays['W']
        if node.settings != settings or weight.shape[:2] != channels[::-1]:
            expected = f'a convolution {ksize}x{ksize}, {channels[0]} to {channels[1]} channels, stride ' \
                       f'{stride}x{stride}, padding {pad}x{pad} as {key}'
            raise mismatch(expected, node, describe(node))
        self.arrays[f'{key}/W'], self.arrays[f'{key}/b'] = weight, node.arrays['b']

    def normalization(self, node: Node, key: str, channels: int) -> None:
        """Store a batch normalisation."""
        if node.op != 'bn':
            raise mismatch(f'a batch normalisation as {key}', node)
        if node.arrays['gamma'].size != channels:
            found = f'one of {node.arrays["gamma"].size}'
            raise mismatch(f'a batch normalisation of {channels} channels as {key}', node, found)
        variance = node.arrays['var']
        if node.settings['eps'] != EPS:
            # The sum of both is all that enters; a variance below zero would mean nothing to Chainer, though.
            variance = (variance + (node.settings['eps'] - EPS)).astype(np.float32)
            if variance.min() < 0:
                raise mismatch(f'an eps of {EPS:g} in {key}', node, f'{node.settings["eps"]:g}')
        arrays = node.arrays
        self.arrays.update({f'{key}/gamma': arrays['gamma'], f'{key}/beta': arrays['beta'],
                            f'{key}/avg_mean': arrays['mean'], f'{key}/avg_var': variance, f'{key}/N': np.array(0)})

    def residual(self, links: dict[str, Node], end: Node, key: str, in_channels: int, out_channels: int) -> None:
        """Store a residual module under a key.

        Args:
            links: its operations by name, as :mod:`pretrained.torch7.pattern` finds them.
            end: the addition at its end.
            key: its key.
            in_channels, out_channels: its sizes.
        """
        half = out_channels // 2
        sizes = {'conv0': (in_channels, out_channels), 'conv1': (in_channels, half), 'conv2': (half, half),
                 'conv3': (half, out_channels)}
        if in_channels == out_channels and 'conv0' in links:
            raise mismatch(f'no convolution beside the residual module {key} of {in_channels} to {out_channels} '
                           'channels', links['conv0'])
        if in_channels != out_channels and 'conv0' not in links:
            raise mismatch(f'a convolution beside the residual module {key} of {in_channels} to {out_channels} '
                           'channels', end, 'none')
        # A normalisation has the channels of the convolution of its number, before or after it; names are listed
        # from the end of the body to its beginning.
        side = 0 if list(links).index('bn1') > list(links).index('conv1') else 1
        for name, node in links.items():
            if node.op == 'conv':
                self.convolution(node, f'{key}/{name}', sizes[name], *((3, 1, 1) if name == 'conv2' else ()))
            elif node.op == 'bn':
                self.normalization(node, f'{key}/{name}', sizes[f'conv{name[-1]}'][side])
