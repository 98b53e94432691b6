"""Taking modules and graphs of modules apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hourglass.errors import InputError
from pretrained.torch7 import load_graph
from pretrained.torch7.graph import Graph

import numpy as np
import pytest

MODELS = 'reference/torch7/models'


@pytest.fixture
def load(path: Path, t7: SimpleNamespace) -> Callable[[Any], Graph]:
    def load(root: Any) -> Graph:
        path.write_bytes(t7.dump(root))
        return load_graph(path)

    return load


@pytest.fixture
def net(t7: SimpleNamespace) -> Any:
    return t7.Net(np.random.RandomState(0))


def message(load: Callable[[Any], Graph], root: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(root)
    assert '\n' not in str(caught.value)
    return str(caught.value).partition('network.t7: ')[2]


def test_sequence(load: Callable[[Any], Graph], net: Any) -> None:
    graph = load(net.sequential(net.conv(3, 4, 3, 2, 1), net.bn(4), net.relu(), net.pool(), net.up()))
    assert [node.op for node in graph.nodes] == ['input', 'conv', 'bn', 'relu', 'pool', 'upsample']
    conv, bn, _, pool, up = graph.nodes[1:]
    assert conv.settings == {'ksize': (3, 3), 'stride': (2, 2), 'pad': (1, 1), 'groups': 1}
    assert conv.arrays['W'].shape == (4, 3, 3, 3)
    assert bn.settings == {'eps': 1e-5}
    assert pool.settings == {'ksize': (2, 2), 'stride': (2, 2), 'pad': (0, 0), 'ceil': False}
    assert up.settings == {'scale': 2}
    assert graph.inputs == graph.nodes[:1]
    assert graph.outputs == [up]
    assert 'bn' in repr(bn)
    assert bn.place == '2 (nn.SpatialBatchNormalization)'


def test_classes_of_the_gpu_are_the_same(load: Callable[[Any], Graph], t7: SimpleNamespace) -> None:
    def graph_of(cuda: bool) -> Graph:
        net = t7.Net(np.random.RandomState(0), cuda=cuda)
        return load(net.sequential(net.conv(3, 4), net.relu(), net.pool()))

    for a, b in zip(graph_of(False).nodes, graph_of(True).nodes, strict=True):
        assert (a.op, a.settings) == (b.op, b.settings)
        for name, array in a.arrays.items():
            np.testing.assert_array_equal(array, b.arrays[name])


def test_old_layouts(load: Callable[[Any], Graph], t7: SimpleNamespace) -> None:
    def graph_of(old: bool) -> Graph:
        net = t7.Net(np.random.RandomState(0), old=old)
        parts = net.conv(3, 4, 3, 1, 1), net.bn(4)
        rng = np.random.RandomState(1)
        for part in parts:
            for name in sorted(part.fields):
                value = part.fields[name]
                if isinstance(value, t7.Tensor) and value.storage and 'running' not in name:
                    value.storage.values[:] = rng.normal(size=len(value.storage.values))
        variance = np.array([.5, .7, 1, 2])
        stored = {'running_std': (variance + 1e-5) ** -.5} if old else {'running_var': variance}
        ((name, values),) = stored.items()
        parts[1].fields[name] = t7.Tensor(values.astype('f'))
        return load(net.sequential(*parts))

    new, old = graph_of(False), graph_of(True)
    assert new.nodes[1].settings == old.nodes[1].settings
    assert new.nodes[1].arrays['W'].shape == old.nodes[1].arrays['W'].shape == (4, 3, 3, 3)
    np.testing.assert_array_equal(new.nodes[1].arrays['W'], old.nodes[1].arrays['W'])
    np.testing.assert_allclose(old.nodes[2].arrays['var'], [.5, .7, 1, 2], rtol=1e-6)


def test_missing_bias_and_affine(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    bn = net.bn(4)
    del bn.fields['weight'], bn.fields['bias']
    empty_bias = net.conv(4, 2)
    empty_bias.fields['bias'] = t7.Tensor()
    graph = load(net.sequential(net.conv(3, 4, bias=False), bn, empty_bias))
    np.testing.assert_array_equal(graph.nodes[1].arrays['b'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(graph.nodes[2].arrays['gamma'], np.ones(4, 'f'))
    np.testing.assert_array_equal(graph.nodes[2].arrays['beta'], np.zeros(4, 'f'))
    np.testing.assert_array_equal(graph.nodes[3].arrays['b'], np.zeros(2, 'f'))


def test_views_into_one_storage(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    """Files after ``getParameters()``, and of another type."""
    flat = t7.Storage(np.arange(30, dtype='d'))
    conv = net.conv(3, 4)
    conv.fields['weight'] = t7.Tensor(storage=flat, shape=(4, 3, 1, 1), strides=(3, 1, 1, 1), offset=2)
    conv.fields['bias'] = t7.Tensor(storage=flat, shape=(4,), strides=(1,), offset=14)
    arrays = load(conv).nodes[1].arrays
    assert arrays['W'].dtype == arrays['b'].dtype == np.float32
    np.testing.assert_array_equal(arrays['W'].ravel(), np.arange(1, 13))
    np.testing.assert_array_equal(arrays['b'], np.arange(13, 17))


def test_branches(load: Callable[[Any], Graph], net: Any) -> None:
    relu, pool = net.relu(), net.pool()
    branches = net.obj('ConcatTable', modules=[net.obj('Identity'), net.sequential(relu, pool)])
    each = net.obj('ParallelTable', modules=[net.up(), net.obj('Identity')])
    graph = load(net.sequential(branches, each, net.add()))
    assert [node.op for node in graph.nodes] == ['input', 'relu', 'pool', 'upsample', 'add']
    assert graph.nodes[4].inputs == (graph.nodes[3], graph.nodes[2])
    assert graph.nodes[3].inputs == tuple(graph.inputs)


def test_order_of_inputs_is_that_of_mapindex(load: Callable[[Any], Graph], net: Any) -> None:
    image = net(None)
    a, b = net(net.relu(), image), net(net.pool(), image)
    graph = load(net.graph(net(net.join(), b, a), net(net.join(), a, b)))
    ops = [[node.op for node in output.inputs] for output in graph.outputs]
    assert ops == [['pool', 'relu'], ['relu', 'pool']]
    assert graph.outputs[0].settings == {'axis': 1}


def test_graph_in_a_graph_and_selected_inputs(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    # Of a module with two inputs nngraph makes nodes that select one of them.
    image = net(None)
    first, second = net(None, image), net(None, image)
    first['selectindex'], second['selectindex'] = 1, 2
    inner = net.graph(net(net.join(), second, first))
    outer = t7.Net(np.random.RandomState(1))
    x = outer(None)
    graph = load(outer.graph(outer(inner, outer(net.relu(), x), outer(net.pool(), x))))
    assert [node.op for node in graph.outputs[0].inputs] == ['pool', 'relu']


def test_unknown_modules_are_kept_by_name(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    threshold = net.relu()
    threshold.fields['threshold'] = 1e-6
    graph = load(net.sequential(t7.Obj('nn.Dropout', {'p': .5}), threshold))
    assert [node.op for node in graph.nodes] == ['input', 'nn.Dropout', 'threshold']


def test_join_without_the_batch(load: Callable[[Any], Graph], net: Any) -> None:
    join = net.join()
    join.fields.update(dimension=1, nInputDims=3)
    assert load(join).nodes[1].settings == {'axis': 1}


def _with(module: Any, **fields: Any) -> Any:
    module.fields.update(fields)
    return module


def test_what_is_no_network(load: Callable[[Any], Graph], t7: SimpleNamespace) -> None:
    for root, found in (({}, 'a table'), ('text', 'a text'), (None, 'nothing'), (1, 'a number'),
                        (True, 'a truth value'), (t7.Tensor(np.zeros(1)), 'a tensor')):
        assert message(load, root) == f'it holds {found} and not a network'


def test_broken_modules(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    nan = t7.Tensor(np.array([1, np.nan, 1, 1], 'f'))
    repeated = t7.Tensor(storage=t7.Storage(np.zeros(1, 'f')), shape=(4, 3, 1, 1), strides=(0, 0, 0, 0))
    cases = {
        'weight has the sizes (4, 3, 1, 1) and not (4, 3, 2, 1)': _with(net.conv(3, 4), kH=2),
        'no tensor weight': _with(net.conv(3, 4), weight=None),
        'no tensor weight at': _with(net.conv(3, 4), weight=t7.Tensor(np.zeros((4, 3), 'i8'))),
        'weight repeats its values': _with(net.conv(3, 4), weight=repeated),
        'not finite numbers in bias': _with(net.conv(3, 4), bias=nan),
        'no number kW': _with(net.conv(3, 4), kW='one'),
        'padW is -1': _with(net.conv(3, 4), padW=-1),
        'dW is 0.5': _with(net.conv(3, 4), dW=.5),
        'a broken convolution': _with(net.conv(3, 4), groups=2),
        'no tensor running_std': _with(net.bn(4), running_var=None),
        'running_var has the sizes (3,)': _with(net.bn(4), running_var=t7.Tensor(np.ones(3, 'f'))),
        'a variance that is not positive': _with(net.bn(4), running_var=t7.Tensor(np.zeros(4, 'f')), eps=0),
        'a variance that is not positive at': _with(
            net.bn(4), running_var=None, running_std=t7.Tensor(np.zeros(4, 'f'))),
        'no number eps': _with(net.bn(4), eps=float('nan')),
        'the list of modules at': t7.Obj('nn.Sequential', {}),
        'a number in the place of a module': net.sequential(5),
        'side by side': t7.Obj('nn.ParallelTable', {'modules': [net.relu()]}),
        'the list of nodes': t7.Obj('nn.gModule', {}),
        'the data of a node': t7.Obj('nn.gModule', {'forwardnodes': [3]}),
        'the output of': t7.Obj('nn.gModule', {'forwardnodes': [], 'outnode': t7.Obj('N', {'data': {}})}),
    }
    for reason, module in cases.items():
        assert reason in message(load, module), reason


def test_graphs_with_wrong_order_or_selection(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any) -> None:
    first: dict[Any, Any] = {'module': net.relu()}
    second: dict[Any, Any] = {'module': net.relu(), 'mapindex': t7.Table([(1, first)])}
    first['mapindex'] = t7.Table([(1, second)])
    nodes = [t7.Obj('nngraph.Node', {'data': data}) for data in (first, second)]
    root = t7.Obj('nn.gModule', {'forwardnodes': nodes, 'outnode': nodes[1]})
    assert 'forward node 1 comes before one of its inputs' in message(load, root)

    image = net(None)
    wrong = net(None, image)
    wrong['selectindex'] = 3
    assert 'selects an entry that is not there' in message(load, net.graph(wrong))


def test_modules_that_contain_themselves(load: Callable[[Any], Graph], net: Any) -> None:
    loop = net.sequential()
    loop.fields['modules'] = [loop]
    assert 'nested more than 50 levels' in message(load, loop)


def test_exponentially_many_modules_and_values(load: Callable[[Any], Graph], net: Any) -> None:
    """Small files that stand for 2 to the power of 40 modules, inputs, or nothing at all."""
    for inner, kind in ((net.relu(), 'Sequential'), (net.sequential(), 'Sequential'), (net.relu(), 'ConcatTable'),
                        (net.obj('ConcatTable', modules=[]), 'ConcatTable')):
        for _ in range(40):
            inner = net.obj(kind, modules=[inner, inner])
        assert 'more than 50,000 modules and inputs' in message(load, inner)

    data = net(net.obj('ConcatTable', modules=[]), net(None))
    for _ in range(40):
        data = net(None, data, data)
    assert 'more than 50,000 modules and inputs' in message(load, net.graph(net(net.add(), data)))


def test_parameters_are_bounded(load: Callable[[Any], Graph], t7: SimpleNamespace, net: Any,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    """Many convolutions with the same weights, each of which would become an array of its own."""
    monkeypatch.setattr('pretrained.torch7.graph.MAX_PARAMETERS', 10_000)
    flat = t7.Storage(np.zeros(1000, 'd'))
    convs = [_with(net.conv(10, 100, bias=False), weight=t7.Tensor(
        storage=flat, shape=(100, 10, 1, 1), strides=(10, 1, 1, 1))) for _ in range(10)]
    assert 'more than 10,000 parameters' in message(load, net.sequential(*convs))


@pytest.mark.parametrize('name', ['demo2s_nograd', 'demo2s_bnv1_nograd', 'demo2s_cudnn_cuda_flat', 'hg2s_nograd',
                                  'hg2s_clear_ascii', 'hg2s_cudnn_cuda', 'hg2s_cudnn_cuda_flat',
                                  'hg2s_cudnn_cuda_flat_state', 'hg8s_nograd'])
def test_graphs_compute_what_torch7_computed(shared: Callable[[str], Path], t7: SimpleNamespace, name: str) -> None:
    graph = load_graph(shared(f'{MODELS}/{name}.t7'))
    with np.load(shared(f'{MODELS}/input.npz')) as inputs:
        outputs = t7.compute(graph, inputs['x64'])
    with np.load(shared(f'{MODELS}/{name.partition("_")[0]}_out.npz')) as expected:
        assert len(outputs) == sum(key.startswith('out64_') for key in expected)
        for i, output in enumerate(outputs, 1):
            np.testing.assert_allclose(output, expected[f'out64_{i}'], rtol=0, atol=1e-4)
