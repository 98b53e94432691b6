"""Converting the Torch7 code's networks, whole and with other pieces in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from pretrained.torch7 import load_graph, load_torch7
from pretrained.weights_file import Model
from tests.pretrained.torch7 import writer as t7
from tests.pretrained.torch7.networks import Net, compute
from tests.refusal import refusal

import chainer
import numpy as np
import pytest

MODELS = 'reference/torch7/models'
OTHERS = 'its layers or their connections are others'


def outputs_of(model: Model, x: np.ndarray) -> list[np.ndarray]:
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        return [output.array for output in model.network(x)]


def sizes_of(model: Model) -> tuple[Any, ...]:
    spec = model.spec
    assert (spec.upsampling, spec.crop, spec.decoding) == ('nearest', 'torch7', 'torch7')
    return spec.network, spec.out_channels, spec.n_stack, spec.width, spec.layer_num, spec.n_modules, spec.wide_stem


@pytest.mark.parametrize('name', ['demo2s_nograd', 'demo2s_bnv1_nograd', 'demo2s_cudnn_cuda_flat', 'hg2s_nograd',
                                  'hg2s_clear_ascii', 'hg2s_cudnn_cuda', 'hg2s_cudnn_cuda_flat',
                                  'hg2s_cudnn_cuda_flat_state', 'hg8s_nograd'])
def test_files_that_torch7_wrote(shared: Callable[[str], Path], name: str) -> None:
    model = load_torch7(shared(f'{MODELS}/{name}.t7'))
    n_stack = 8 if name.startswith('hg8') else 2
    network = 'StackedHG' if name.startswith('demo') else 'PreActivationHG'
    assert sizes_of(model) == (network, 16, n_stack, 16, 4, 1, False)
    with np.load(shared(f'{MODELS}/input.npz')) as inputs, \
            np.load(shared(f'{MODELS}/{name.partition("_")[0]}_out.npz')) as expected:
        # The larger image once for each network.
        for key, x in (('out64_', inputs['x64']), ('out', inputs['x']))[:2 if name.endswith('nograd') else 1]:
            outputs = outputs_of(model, x)
            assert len(outputs) == n_stack
            for i, output in enumerate(outputs, 1):
                np.testing.assert_allclose(output, expected[f'{key}{i}'], rtol=0, atol=1e-4)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('kind', 'options', 'sizes'), [
    ('demo', {}, ('StackedHG', 16, 2, 8, 2, 1, False)),
    ('demo', {'n_stack': 3, 'stem_first': True}, ('StackedHG', 16, 3, 8, 2, 1, False)),
    ('hg', {}, ('PreActivationHG', 16, 2, 8, 2, 1, False)),
    ('hg', {'w': 16, 'n_stack': 1, 'levels': 1, 'n': 3, 'joints': 14}, ('PreActivationHG', 14, 1, 16, 1, 3, False)),
    ('hg', {'n_stack': 3, 'n': 2, 'levels': 2}, ('PreActivationHG', 16, 3, 8, 2, 2, False)),
])
def test_converted_networks_compute_what_their_graph_does(
    path: Path, kind: str, options: dict[str, int], sizes: tuple[Any, ...], seed: int,
) -> None:
    """Nodes, inputs of sums and fields come in another order with every seed."""
    net = Net(np.random.RandomState(seed), cuda=seed % 2 == 1, old=seed == 2)
    path.write_bytes(t7.dump(getattr(net, kind)(**options), ascii=seed == 3))
    model = load_torch7(path)
    assert sizes_of(model) == sizes
    x = np.random.RandomState(9).uniform(0, 1, (2, 3, 32, 64)).astype('f')
    expected = compute(load_graph(path), x)
    for output, values in zip(outputs_of(model, x), expected, strict=True):
        # Stacks with random weights amplify; a wrong weight changes far more than this.
        np.testing.assert_allclose(output, values, rtol=0, atol=1e-5 * max(1, np.abs(values).max()))


def test_other_eps_goes_into_the_variance(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(np.random.RandomState(0))
    normalization = net.bn
    monkeypatch.setattr(net, 'bn', lambda n: normalization(n, eps=1e-2))
    path.write_bytes(t7.dump(net.hg(n_stack=1)))
    x = np.random.RandomState(9).uniform(0, 1, (1, 3, 32, 32)).astype('f')
    (expected,), (output,) = compute(load_graph(path), x), outputs_of(load_torch7(path), x)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4)


def change(kind: str, edit: Callable[[Any, dict[str, list[Any]]], None]) -> bytes:
    net = Net(np.random.RandomState(0))
    root = getattr(net, kind)()
    by_class: dict[str, list[Any]] = {}
    for module in net.modules():
        by_class.setdefault(module.name.removeprefix('nn.'), []).append(module)
    edit(net, by_class)
    return t7.dump(root)


def message(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return refusal(load_torch7, path)


def bodies(by_class: dict[str, list[Any]]) -> list[list[Any]]:
    """Return the modules of each residual module's body."""
    return [m.fields['modules'] for m in by_class['Sequential'] if len(m.fields['modules']) in (8, 9)]


def wider_kernel(net: Any, by_class: dict[str, list[Any]]) -> None:
    modules = bodies(by_class)[2]
    place = next(i for i, m in enumerate(modules) if m.fields.get('kW') == 3)
    size = modules[place].fields['nInputPlane']
    modules[place] = net.conv(size, size, 5, 1, 2)


def set_field(name: str, index: int, **fields: Any) -> Callable[[Any, dict[str, list[Any]]], None]:
    return lambda net, by_class: by_class[name][index].fields.update(fields)


@pytest.mark.parametrize(('edit', 'reason'), [
    (lambda net, by_class: bodies(by_class)[3].__setitem__(5, net.obj('Dropout')), 'nn.Dropout, which is in no'),
    (wider_kernel, OTHERS), (set_field('SpatialMaxPooling', 1, kW=3), OTHERS),
    (set_field('SpatialUpSamplingNearest', 0, scale_factor=4), OTHERS), (set_field('ReLU', 0, threshold=1e-6), OTHERS),
    (set_field('SpatialConvolution', 0, groups=2), OTHERS),
    (lambda net, by_class: by_class['SpatialBatchNormalization'][-1].fields.update(
        eps=1e-9, running_var=net.tensor(np.full(4, 1e-7))), 'a variance below zero'),
    (set_field('SpatialBatchNormalization', 0, eps='text'), 'no number eps'),
    (set_field('SpatialBatchNormalization', 0, running_mean=None), 'no tensor running_mean'),
    (lambda net, by_class: by_class['SpatialConvolution'][3].fields['bias'].storage.values.fill(np.nan), 'not finite'),
    (lambda net, by_class: by_class['SpatialConvolution'][3].fields.update(
        bias=net.tensor(np.zeros(3))), '1 array of a wrong shape'),
])
def test_other_pieces_are_refused(path: Path, edit: Any, reason: str) -> None:
    assert reason in message(path, change('hg', edit))


def test_other_connections(path: Path) -> None:
    net = Net(np.random.RandomState(0))
    h = net.chain(net(None), net.conv(3, 2, 7, 2, 3), net.bn(2), net.relu())
    assert OTHERS in message(path, t7.dump(net.graph(h)))
    assert 'it has no outputs' in message(path, t7.dump(net.obj('ConcatTable', modules=[])))
    assert OTHERS in message(path, change('demo', set_field('JoinTable', 0, dimension=1)))


@pytest.mark.parametrize(('kind', 'keep'), [('demo', [0]), ('hg', [1, 2]), ('hg', [0, 1, 1])])
def test_other_sums_between_stacks(path: Path, kind: str, keep: list[int]) -> None:
    """The input of the second stack without one of its parts, or with one twice."""
    net = Net(np.random.RandomState(0))
    root = getattr(net, kind)()
    merged = next(node for node in net.nodes if node['data'].get('module') and not any(
        'module' in source and source['module'].name == 'nn.SpatialUpSamplingNearest' for source in node['inputs'])
        and node['data']['module'].name == 'nn.CAddTable')
    assert len(merged['inputs']) == (2 if kind == 'demo' else 3)
    merged['data']['mapindex'] = t7.Table([(n, merged['inputs'][j]) for n, j in enumerate(keep, 1)])
    assert OTHERS in message(path, t7.dump(root))


def test_network_of_something_else(shared: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r'cudnn\.VolumetricConvolution, which is in no'):
        load_torch7(shared(f'{MODELS}/cudnn_modelTemp.t7'))
