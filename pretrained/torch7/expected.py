"""The networks of this project as graphs of Torch7; a node's name is the key of its parameters in a weights file."""

from __future__ import annotations

from pretrained.torch7.graph import Graph, Node


class _Network:
    """A graph that is being made; every method adds operations and returns the last."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.image = self('input')

    def __call__(self, op: str, *inputs: Node, key: str = '', settings: tuple[float, ...] = ()) -> Node:
        self.nodes.append(Node(op, inputs, key, settings))
        return self.nodes[-1]

    def conv(self, x: Node, key: str, ksize: int = 1, stride: int = 1) -> Node:
        pad = ksize // 2
        return self('conv', x, key=key, settings=(ksize, ksize, stride, stride, pad, pad, 1))

    def bn(self, x: Node, key: str) -> Node:
        return self('bn', x, key=key)

    def relu(self, x: Node) -> Node:
        return self('relu', x, settings=(0, 0))

    def pool(self, x: Node) -> Node:
        return self('pool', x, settings=(2, 2, 2, 2, 0, 0))

    def add(self, *inputs: Node) -> Node:
        return self('add', *inputs)

    def levels_joined(self, upper: Node, lower: Node) -> Node:
        return self.add(upper, self('upsample', lower, settings=(2,)))

    def conv_bn_relu(self, x: Node, conv: str, bn: str, ksize: int = 1, stride: int = 1) -> Node:
        return self.relu(self.bn(self.conv(x, conv, ksize, stride), bn))


class _PostActivation(_Network):
    def residual(self, x: Node, key: str, is_wider: bool = False) -> Node:
        h = self.conv_bn_relu(x, f'{key}/conv1', f'{key}/bn1')
        h = self.conv_bn_relu(h, f'{key}/conv2', f'{key}/bn2', 3)
        h = self.bn(self.conv(h, f'{key}/conv3'), f'{key}/bn3')
        return self.add(h, self.bn(self.conv(x, f'{key}/conv0'), f'{key}/bn0') if is_wider else x)

    def hourglass(self, x: Node, key: str, depth: int, is_wider: bool) -> Node:
        upper, lower = x, self.pool(x)
        for j, changes in enumerate((is_wider, False, True), 1):
            upper = self.residual(upper, f'{key}/res1a_{j}', changes)
            lower = self.residual(lower, f'{key}/res1b_{j}', changes and j == 1)
        lower = (self.hourglass(lower, f'{key}/block', depth - 1, False) if depth > 1
                 else self.residual(lower, f'{key}/block', True))
        return self.levels_joined(upper, self.residual(lower, f'{key}/res1b_4'))


class _PreActivation(_Network):
    def residual(self, x: Node, key: str, is_wider: bool = False) -> Node:
        h = x
        for n in (1, 2, 3):
            h = self.conv(self.relu(self.bn(h, f'{key}/bn{n}')), f'{key}/conv{n}', 3 if n == 2 else 1)
        return self.add(h, self.conv(x, f'{key}/conv0') if is_wider else x)

    def residuals(self, x: Node, key: str, n_modules: int) -> Node:
        for j in range(n_modules):
            x = self.residual(x, f'{key}/{j}')
        return x

    def hourglass(self, x: Node, key: str, depth: int, n_modules: int) -> Node:
        upper = self.residuals(x, f'{key}/upper', n_modules)
        lower = self.residuals(self.pool(x), f'{key}/lower_in', n_modules)
        lower = (self.hourglass(lower, f'{key}/inner', depth - 1, n_modules) if depth > 1
                 else self.residuals(lower, f'{key}/inner', n_modules))
        return self.levels_joined(upper, self.residuals(lower, f'{key}/lower_out', n_modules))


def stacked_hg(n_stack: int, layer_num: int) -> Graph:
    """Return the graph of a ``StackedHG``."""
    net = _PostActivation()
    h = net.residual(net.conv_bn_relu(net.image, 'conv0', 'bn0', 7, 2), 'res0', True)
    stem = net.pool(h)
    h = net.residual(net.residual(net.residual(stem, 'res1_1'), 'res1_2'), 'res1_3', True)
    outputs = []
    for i in range(1, n_stack + 1):
        h = net.hourglass(h, f'hg{i}', layer_num, is_wider=i > 1)
        h = net.conv_bn_relu(h, f'conv{i}_1', f'bn{i}_1')
        h = net.conv_bn_relu(h, f'conv{i}_2', f'bn{i}_2')
        outputs.append(net.conv(h, f'conv{i}_3a'))
        if i < n_stack:
            joined = net('join', stem, h, settings=(2,))
            h = net.add(net.conv(joined, f'conv{i}_3b'), net.conv(outputs[-1], f'conv{i}_4a'))
    return Graph(net.nodes, outputs)


def preactivation_hg(n_stack: int, layer_num: int, n_modules: int) -> Graph:
    """Return the graph of a ``PreActivationHG``."""
    net = _PreActivation()
    h = net.pool(net.residual(net.conv_bn_relu(net.image, 'conv0', 'bn0', 7, 2), 'res0', True))
    h = net.residual(net.residual(h, 'res1'), 'res2', True)
    outputs = []
    for i in range(1, n_stack + 1):
        f = net.residuals(net.hourglass(h, f'hg{i}', layer_num, n_modules), f'after{i}', n_modules)
        f = net.conv_bn_relu(f, f'feature{i}', f'feature_bn{i}')
        outputs.append(net.conv(f, f'output{i}'))
        if i < n_stack:
            h = net.add(h, net.conv(f, f'merge_feature{i}'), net.conv(outputs[-1], f'merge_output{i}'))
    return Graph(net.nodes, outputs)
