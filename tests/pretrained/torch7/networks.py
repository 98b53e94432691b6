"""Networks of this project as Torch7 would save them: a graph with a module for each operation."""

from __future__ import annotations

from typing import Any

from hourglass.spec import ModelSpec
from pretrained.topology import TORCH7_CODE
from pretrained.torch7.graph import OPERATIONS, Graph, Node
from pretrained.torch7.network import expected_graph, parameters
from tests.networks import randomise, values_of
from tests.pretrained.torch7.writer import Obj, Table, Tensor

import chainer
import chainer.functions as F
import numpy as np

_CLASSES = {op: name for name, (op, _) in reversed(OPERATIONS.items()) if name != 'SpatialConvolutionMM'}


def spec_of(network: str, n_stack: int = 2, width: int = 8, layer_num: int = 2, **more: Any) -> ModelSpec:
    return ModelSpec(network, n_stack=n_stack, width=width, layer_num=layer_num, upsampling='nearest',
                     **{**TORCH7_CODE, **more})


def _fields(node: Node, values: dict[str, np.ndarray], features_first: bool, old: bool, eps: float) -> dict[str, Any]:
    fields: dict[str, Any] = dict(zip(OPERATIONS[_CLASSES[node.op]][1], node.settings, strict=True))
    if node.op == 'conv':
        weight = values[f'{node.name}/W']
        if features_first and node.inputs[0].op == 'join':
            weight = np.concatenate(np.split(weight, [weight.shape[1] // 3], axis=1)[::-1], axis=1)
        if old:
            fields['padding'] = fields.pop('padH')
            del fields['padW']
            weight = weight.reshape(len(weight), -1)
        fields |= {'weight': weight, 'bias': values[f'{node.name}/b']}
    if node.op == 'bn':
        gamma, beta, mean, variance = (values[f'{node.name}/{name}'] for name in (
            'gamma', 'beta', 'avg_mean', 'avg_var'))
        running = {'running_std': (variance + 1e-5) ** -.5} if old else {'running_var': variance + (1e-5 - eps)}
        fields |= {'eps': eps, 'weight': gamma, 'bias': beta, 'running_mean': mean, **running}
    return fields


def save(spec: ModelSpec, seed: int = 0, cuda: bool = False, old: bool = False, features_first: bool = False,
         eps: float = 1e-5) -> tuple[Obj, dict[str, np.ndarray]]:
    """Return a network as it would be saved, and its parameters by their keys.

    Args:
        spec: what it is.
        seed: decides the order of nodes and of fields.
        cuda: classes of cudnn and tensors of a GPU.
        old: layouts of 2015: matrices, ``padding`` and ``running_std``.
        features_first: whether these come before the stem between the stacks of a ``StackedHG``.
        eps: of the batch normalisations.
    """
    rng = np.random.RandomState(seed)
    values = values_of(randomise(spec.build_network()))
    graph = expected_graph(spec)
    tables: dict[Node, dict[str, Any]] = {node: {'annotations': {}} for node in graph.nodes}
    end: dict[str, Any] = {'mapindex': Table(list(enumerate((tables[node] for node in graph.outputs), 1)))}
    for node, table in tables.items():
        inputs = [tables[source] for source in node.inputs]
        if node.op == 'join' and features_first:
            inputs.reverse()
        # nngraph has each input under its number, and the number under it.
        index = [pair for n, source in enumerate(inputs, 1) for pair in ((n, source), (source, n))]
        table['mapindex'] = Table([index[i] for i in rng.permutation(len(index))])
        if node.op != 'input':
            fields = {name: Tensor(np.asarray(value, 'f'), prefix='Cuda' if cuda else '')
                      if isinstance(value, np.ndarray) else value
                      for name, value in _fields(node, values, features_first, old, eps).items()}
            is_cudnn = cuda and node.op in ('conv', 'relu', 'pool')
            if is_cudnn and node.op == 'relu':
                fields = {}
            table['module'] = Obj(('cudnn.' if is_cudnn else 'nn.') + _CLASSES[node.op],
                                  {name: fields[name] for name in rng.permutation(list(fields))})
    # Any order in which a node comes after its inputs.
    waiting, ordered = set(graph.nodes), list[Node]()
    while waiting:
        ready = [node for node in graph.nodes if node in waiting and waiting.isdisjoint(node.inputs)]
        ordered.append(ready[rng.randint(len(ready))])
        waiting.remove(ordered[-1])
    nodes = [Obj('nngraph.Node', {'data': table}) for table in [*(tables[node] for node in ordered), end]]
    return Obj('nn.gModule', {'forwardnodes': nodes, 'outnode': nodes[-1], 'innode': nodes[0]}), values


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
