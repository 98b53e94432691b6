"""The Torch7 code's two networks as Torch7 would save them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pretrained.torch7.graph import Graph, Node
from pretrained.torch7.network import parameters
from tests.pretrained.torch7.writer import Obj, Table, Tensor

import chainer
import chainer.functions as F
import numpy as np


class Net:
    """The Torch7 code's networks; most methods give a module, ``__call__`` a node of a graph.

    Args:
        rng: makes the parameters, and the order of nodes, of inputs of sums, and of fields.
        cuda: classes of cudnn and tensors of a GPU.
        old: layouts of 2015: matrices, ``padding`` and ``running_std``.
    """

    def __init__(self, rng: np.random.RandomState, cuda: bool = False, old: bool = False) -> None:
        self.rng, self.cuda, self.old = rng, cuda, old
        self.nodes: list[dict] = []

    def tensor(self, values: np.ndarray) -> Tensor:
        return Tensor(values.astype('f'), prefix='Cuda' if self.cuda else '')

    def obj(self, name: str, **fields: Any) -> Obj:
        with_cudnn = self.cuda and name in ('SpatialConvolution', 'ReLU', 'SpatialMaxPooling')
        names = list(fields)
        self.rng.shuffle(names)
        return Obj(('cudnn.' if with_cudnn else 'nn.') + name, {n: fields[n] for n in names})

    def conv(self, i: int, o: int, k: int = 1, stride: int = 1, pad: int = 0, bias: bool = True) -> Obj:
        weight = self.rng.normal(0, 1 / np.sqrt(i * k * k), (o, i * k * k) if self.old else (o, i, k, k))
        fields = {'padding': pad} if self.old else {'padW': pad, 'padH': pad}
        if bias:
            fields['bias'] = self.tensor(self.rng.normal(0, .1, o))
        return self.obj('SpatialConvolution', nInputPlane=i, nOutputPlane=o, kW=k, kH=k, dW=stride, dH=stride,
                        weight=self.tensor(weight), gradWeight=Tensor(), output=Tensor(), **fields)

    def bn(self, n: int, eps: float = 1e-5) -> Obj:
        variance = self.rng.uniform(.5, 1.5, n)
        running = {'running_std': self.tensor((variance + eps) ** -.5)} if self.old else {
            'running_var': self.tensor(variance)}
        return self.obj('SpatialBatchNormalization', eps=eps, momentum=.1, affine=True,
                        weight=self.tensor(self.rng.uniform(.5, 1, n)), bias=self.tensor(self.rng.normal(0, .1, n)),
                        running_mean=self.tensor(self.rng.normal(0, .1, n)), **running)

    def relu(self) -> Obj:
        return self.obj('ReLU', inplace=True, **({} if self.cuda else {'threshold': 0, 'val': 0}))

    def modules(self) -> list[Obj]:
        """Return all modules of the nodes, and those in them."""
        found = [node['data']['module'] for node in self.nodes if 'module' in node['data']]
        for module in found:  # grows meanwhile
            found += [inner for inner in module.fields.get('modules', []) if isinstance(inner, Obj)]
        return found

    def sequential(self, *modules: Obj) -> Obj:
        return self.obj('Sequential', modules=list(modules))

    def pool(self) -> Obj:
        return self.obj('SpatialMaxPooling', kW=2, kH=2, dW=2, dH=2, padW=0, padH=0, ceil_mode=False)

    def up(self) -> Obj:
        return self.obj('SpatialUpSamplingNearest', scale_factor=2)

    def add(self) -> Obj:
        return self.obj('CAddTable', inplace=True)

    def join(self) -> Obj:
        return self.obj('JoinTable', dimension=2)

    def residual(self, i: int, o: int, pre: bool) -> Obj:
        h = o // 2
        sizes = ((i, h, 1, 0), (h, h, 3, 1), (h, o, 1, 0))
        parts: list[Obj] = []
        for n, (a, b, k, pad) in enumerate(sizes):
            conv = self.conv(a, b, k, 1, pad)
            if pre:
                parts += [self.bn(a), self.relu(), conv]
            else:
                parts += [conv, self.bn(b)] + ([self.relu()] if n < 2 else [])
        skip = self.obj('Identity') if i == o else self.sequential(self.conv(i, o), *([] if pre else [self.bn(o)]))
        branches = self.obj('ConcatTable', modules=[self.sequential(*parts), skip])
        return self.sequential(branches, self.add())

    def __call__(self, module: Obj | None, *inputs: dict) -> dict:
        """Add a node and return its data table."""
        inputs_in_order = list(inputs)
        if module is not None and module.name == 'nn.CAddTable':
            self.rng.shuffle(inputs_in_order)
        index: list[tuple[Any, Any]] = []
        for n, source in enumerate(inputs_in_order, 1):
            index += [(n, source), (source, n)]
        self.rng.shuffle(index)
        data = {'mapindex': Table(index), 'annotations': {}}
        if module is not None:
            data['module'] = module
        self.nodes.append({'data': data, 'inputs': inputs_in_order})
        return data

    def chain(self, data: dict, *modules: Obj) -> dict:
        for module in modules:
            data = self(module, data)
        return data

    def graph(self, *outputs: dict) -> Obj:
        """Return the network, its nodes in any order that is topological."""
        end = self(None, *outputs)
        waiting, done, ordered = list(self.nodes), set(), []
        while waiting:
            ready = [node for node in waiting if all(id(i) in done for i in node['inputs'])]
            node = ready[self.rng.randint(len(ready))]
            waiting = [other for other in waiting if other is not node]
            done.add(id(node['data']))
            ordered.append(Obj('nngraph.Node', {'data': node['data'], 'children': {}, 'id': self.rng.randint(1000)}))
        out = Obj('nngraph.Node', {'data': end})
        return self.obj('gModule', forwardnodes=ordered, outnode=out, innode=Obj('nngraph.Node', {'data': ordered[0]}),
                        bg=Obj('graph.Graph', {'nodes': ordered[::-1]}), verbose=False)

    def stem(self, w: int, pre: bool, last: int) -> tuple[dict, dict]:
        image = self(None)
        h = self.chain(image, self.obj('Identity'), self.conv(3, w // 4, 7, 2, 3), self.bn(w // 4), self.relu())
        pool = self.chain(h, self.residual(w // 4, w // 2, pre), self.pool())
        h = self.chain(pool, *(self.residual(w // 2, w // 2, pre) for _ in range(last)),
                       self.residual(w // 2, w, pre))
        return pool, h

    def demo(self, w: int = 8, n_stack: int = 2, levels: int = 2, joints: int = 16, stem_first: bool = False) -> Obj:
        """The earlier network, with residual modules of post-activation."""
        def hourglass(x: dict, i: int, n: int) -> dict:
            def res(x: dict, *sizes: int) -> dict:
                return self.chain(x, *(self.residual(a, b, False) for a, b in pairwise(sizes)))
            upper = res(x, i, w, w, 2 * w)
            low = res(self(self.pool(), x), i, w, w, w)
            low = hourglass(low, w, n - 1) if n > 1 else res(low, w, 2 * w)
            return self(self.add(), upper, self(self.up(), res(low, 2 * w, 2 * w)))

        pool, h = self.stem(w, False, 2)
        outputs, joined = [], w // 2 + w
        for i in range(1, n_stack + 1):
            features = 2 * w if i == n_stack else w
            h = hourglass(h, w if i == 1 else joined, levels)
            h = self.chain(h, self.conv(2 * w, 2 * w), self.bn(2 * w), self.relu(), self.conv(2 * w, features),
                           self.bn(features), self.relu())
            outputs.append(self(self.conv(features, joints), h))
            if i < n_stack:
                both = self(self.join(), *((pool, h) if stem_first else (h, pool)))
                h = self(self.add(), self(self.conv(joined, joined), both),
                         self(self.conv(joints, joined), outputs[-1]))
        return self.graph(*outputs)

    def hg(self, w: int = 8, n_stack: int = 2, levels: int = 2, joints: int = 16, n: int = 1) -> Obj:
        """The network of the training code, with residual modules of pre-activation."""
        def res(x: dict) -> dict:
            return self.chain(x, *(self.residual(w, w, True) for _ in range(n)))

        def hourglass(x: dict, level: int) -> dict:
            low = res(self(self.pool(), x))
            low = hourglass(low, level - 1) if level > 1 else res(low)
            return self(self.add(), res(x), self(self.up(), res(low)))

        _, h = self.stem(w, True, 1)
        outputs = []
        for i in range(1, n_stack + 1):
            f = self.chain(res(hourglass(h, levels)), self.conv(w, w), self.bn(w), self.relu())
            outputs.append(self(self.conv(w, joints), f))
            if i < n_stack:
                h = self(self.add(), h, self(self.conv(w, w), f), self(self.conv(joints, w), outputs[-1]))
        return self.graph(*outputs)


def compute(graph: Graph, x: np.ndarray) -> list[np.ndarray]:
    """Run a graph with Chainer's functions, operation by operation."""
    def one(node: Node, *values: Any) -> Any:
        s = [int(n) for n in node.settings]
        a = parameters(node) if node.op in ('conv', 'bn') else {}
        return {
            'input': lambda: chainer.Variable(x),
            'conv': lambda: F.convolution_2d(*values, a['W'], a['b'], s[2:4], s[4:6], groups=s[6]),
            'bn': lambda: F.fixed_batch_normalization(
                *values, a['gamma'], a['beta'], a['avg_mean'], a['avg_var'], eps=1e-5),
            'relu': lambda: F.relu(*values),
            'pool': lambda: F.max_pooling_2d(*values, s[:2], s[2:4], s[4:6], cover_all=False),
            'upsample': lambda: F.unpooling_2d(*values, s[0], cover_all=False),
            'add': lambda: sum(values[1:], values[0]),
            'join': lambda: F.concat(values, s[0] - 1),
        }[node.op]()

    results: dict[Node, Any] = {}
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        for node in graph.nodes:
            results[node] = one(node, *(results[i] for i in node.inputs))
    return [results[node].array for node in graph.outputs]
