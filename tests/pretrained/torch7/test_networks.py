"""Converting the authors' networks, whole and with other pieces in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hourglass.errors import InputError
from hourglass.network import StackedHG
from hourglass.preactivation import PreActivationHG
from pretrained.torch7 import Converted, convert_t7, load_graph

import chainer
import numpy as np
import pytest
from chainer.serializers import DictionarySerializer, NpzDeserializer

MODELS = 'reference/torch7/models'
CLASSES = {'StackedHG': StackedHG, 'PreActivationHG': PreActivationHG}


def outputs_of(converted: Converted, x: np.ndarray) -> list[np.ndarray]:
    network = CLASSES[converted.family](**converted.sizes)
    keys = DictionarySerializer()
    keys.save(network)
    assert set(keys.target) == set(converted.arrays)
    assert {key: np.shape(a) for key, a in keys.target.items()} == {k: a.shape for k, a in converted.arrays.items()}
    assert all(a.dtype == np.float32 for key, a in converted.arrays.items() if not key.endswith('/N'))
    NpzDeserializer(converted.arrays).load(network)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        return [output.array for output in network(x)]


@pytest.mark.parametrize('name', ['demo2s_nograd', 'demo2s_bnv1_nograd', 'demo2s_cudnn_cuda_flat', 'hg2s_nograd',
                                  'hg2s_clear_ascii', 'hg2s_cudnn_cuda', 'hg2s_cudnn_cuda_flat',
                                  'hg2s_cudnn_cuda_flat_state', 'hg8s_nograd'])
def test_files_that_torch7_wrote(shared: Callable[[str], Path], name: str) -> None:
    converted = convert_t7(shared(f'{MODELS}/{name}.t7'))
    assert converted.family == ('StackedHG' if name.startswith('demo') else 'PreActivationHG')
    own = {'upsampling': 'nearest'} if name.startswith('demo') else {'n_modules': 1, 'wide_stem': False}
    n_stack = 8 if name.startswith('hg8') else 2
    assert converted.sizes == {'out_channels': 16, 'n_stack': n_stack, 'width': 16, 'layer_num': 4, **own}
    with np.load(shared(f'{MODELS}/input.npz')) as inputs, \
            np.load(shared(f'{MODELS}/{name.partition("_")[0]}_out.npz')) as expected:
        # The larger image once for each network.
        for key, x in (('out64_', inputs['x64']), ('out', inputs['x']))[:2 if name.endswith('nograd') else 1]:
            outputs = outputs_of(converted, x)
            assert len(outputs) == n_stack
            for i, output in enumerate(outputs, 1):
                np.testing.assert_allclose(output, expected[f'{key}{i}'], rtol=0, atol=1e-4)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('kind', 'options', 'sizes'), [
    ('demo', {}, {'out_channels': 3, 'n_stack': 2, 'width': 8, 'layer_num': 2, 'upsampling': 'nearest'}),
    ('demo', {'w': 12, 'n_stack': 1, 'levels': 1, 'joints': 16},
     {'out_channels': 16, 'n_stack': 1, 'width': 12, 'layer_num': 1, 'upsampling': 'nearest'}),
    ('demo', {'n_stack': 3, 'stem_first': True},
     {'out_channels': 3, 'n_stack': 3, 'width': 8, 'layer_num': 2, 'upsampling': 'nearest'}),
    ('hg', {}, {'out_channels': 3, 'n_stack': 2, 'width': 8, 'layer_num': 2, 'n_modules': 1, 'wide_stem': False}),
    ('hg', {'w': 16, 'n_stack': 1, 'levels': 1, 'n': 3, 'joints': 14},
     {'out_channels': 14, 'n_stack': 1, 'width': 16, 'layer_num': 1, 'n_modules': 3, 'wide_stem': False}),
    ('hg', {'n_stack': 4, 'n': 2, 'levels': 3},
     {'out_channels': 3, 'n_stack': 4, 'width': 8, 'layer_num': 3, 'n_modules': 2, 'wide_stem': False}),
])
def test_converted_networks_compute_what_their_graph_does(
    path: Path, t7: SimpleNamespace, kind: str, options: dict[str, int], sizes: dict[str, Any], seed: int,
) -> None:
    """Nodes, inputs of sums and fields come in another order with every seed."""
    net = t7.Net(np.random.RandomState(seed), cuda=seed % 2 == 1, old=seed == 2)
    path.write_bytes(t7.dump(getattr(net, kind)(**options), ascii=seed == 3))
    converted = convert_t7(path)
    assert converted.family == ('StackedHG' if kind == 'demo' else 'PreActivationHG')
    assert converted.sizes == sizes
    x = np.random.RandomState(9).uniform(0, 1, (2, 3, 32, 64)).astype('f')
    expected = t7.compute(load_graph(path), x)
    for output, values in zip(outputs_of(converted, x), expected, strict=True):
        # Stacks with random weights amplify; a wrong weight changes far more than this.
        np.testing.assert_allclose(output, values, rtol=0, atol=1e-5 * max(1, np.abs(values).max()))


def test_stem_of_the_ports(path: Path, t7: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second residual module of the stem has all channels already."""
    net = t7.Net(np.random.RandomState(0))

    def stem(w: int, pre: bool, last: int) -> tuple[dict, dict]:
        h = net.chain(net(None), net.conv(3, w // 4, 7, 2, 3), net.bn(w // 4), net.relu(),
                      net.residual(w // 4, w // 2, True))
        pool = net(net.pool(), h)
        return pool, net.chain(pool, net.residual(w // 2, w, True), net.residual(w, w, True))

    monkeypatch.setattr(net, 'stem', stem)
    path.write_bytes(t7.dump(net.hg()))
    converted = convert_t7(path)
    assert converted.sizes['wide_stem'] is True
    x = np.random.RandomState(9).uniform(0, 1, (1, 3, 32, 32)).astype('f')
    for output, values in zip(outputs_of(converted, x), t7.compute(load_graph(path), x), strict=True):
        np.testing.assert_allclose(output, values, rtol=0, atol=1e-4)


def test_other_eps_goes_into_the_variance(path: Path, t7: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    net = t7.Net(np.random.RandomState(0))
    normalization = net.bn
    monkeypatch.setattr(net, 'bn', lambda n: normalization(n, eps=1e-2))
    path.write_bytes(t7.dump(net.hg(n_stack=1)))
    x = np.random.RandomState(9).uniform(0, 1, (1, 3, 32, 32)).astype('f')
    (expected,), (output,) = t7.compute(load_graph(path), x), outputs_of(convert_t7(path), x)
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4)


def modules_of(value: Any, t7: SimpleNamespace) -> list[Any]:
    """Return all modules of a network, in the order in which they were made."""
    found, seen, pending = [], set(), [value]
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, t7.Obj):
            found.append(part)
            part = part.fields
        if isinstance(part, t7.Table):
            pending += [entry for pair in part.pairs for entry in pair]
        elif isinstance(part, dict):
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return found


def change(t7: SimpleNamespace, kind: str, edit: Callable[[Any, dict[str, list[Any]]], None], **options: int) -> bytes:
    net = t7.Net(np.random.RandomState(0))
    root = getattr(net, kind)(**options)
    by_class: dict[str, list[Any]] = {}
    for module in modules_of(root, t7):
        by_class.setdefault(module.name.removeprefix('nn.'), []).append(module)
    edit(net, by_class)
    return t7.dump(root)


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        convert_t7(path)
    text = str(caught.value)
    assert text.startswith(f'{path}: ')
    assert text.isprintable()
    return text


def bodies(by_class: dict[str, list[Any]], length: int) -> list[Any]:
    return [m for m in by_class['Sequential'] if len(m.fields['modules']) == length]


@pytest.mark.parametrize('kind', ['demo', 'hg'])
def test_other_pieces_are_described(path: Path, t7: SimpleNamespace, kind: str) -> None:
    length = 8 if kind == 'demo' else 9

    def dropout_in_residual(net: Any, by_class: dict[str, list[Any]]) -> None:
        modules = bodies(by_class, length)[3].fields['modules']
        modules[5] = t7.Obj('nn.Dropout', {})

    text = refusal(path, change(t7, kind, dropout_in_residual))
    assert 'expected a ' in text
    assert 'in a residual module, found nn.Dropout at forward node' in text
    assert '6 (nn.Dropout)' in text

    def wider_kernel(net: Any, by_class: dict[str, list[Any]]) -> None:
        modules = bodies(by_class, length)[2].fields['modules']
        place = next(i for i, m in enumerate(modules) if m.fields.get('kW') == 3)
        size = modules[place].fields['nInputPlane']
        modules[place] = net.conv(size, size, 5, 1, 2)

    text = refusal(path, change(t7, kind, wider_kernel))
    assert 'expected a convolution 3x3' in text
    assert 'found a convolution 5x5' in text

    def averages(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['SpatialMaxPooling'][1].name = 'nn.SpatialAveragePooling'

    assert 'found nn.SpatialAveragePooling at forward node' in refusal(path, change(t7, kind, averages))

    def larger_pooling(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['SpatialMaxPooling'][1].fields['kW'] = 3

    assert 'expected a 2x2 max pooling' in refusal(path, change(t7, kind, larger_pooling))

    def other_upsampling(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['SpatialUpSamplingNearest'][0].fields['scale_factor'] = 4

    assert 'expected upsampling by 2' in refusal(path, change(t7, kind, other_upsampling))

    def leaky(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['ReLU'][0].name = 'nn.LeakyReLU'

    assert 'found nn.LeakyReLU' in refusal(path, change(t7, kind, leaky))

    def low_eps(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['SpatialBatchNormalization'][0].fields.update(
            eps=1e-9, running_var=net.tensor(np.full(len(by_class['SpatialBatchNormalization'][0].fields[
                'running_mean'].storage.values), 1e-7)))

    assert 'expected an eps of 1e-05' in refusal(path, change(t7, kind, low_eps))


def test_normalised_skip_of_pre_activation_is_refused(path: Path, t7: SimpleNamespace,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    net = t7.Net(np.random.RandomState(0))
    residual = net.residual
    monkeypatch.setattr(net, 'residual', lambda i, o, pre: residual(i, o, pre, skip_bn=True))
    text = refusal(path, t7.dump(net.hg()))
    assert 'expected the input of the residual module or a convolution beside its body' in text
    assert 'found a batch normalisation at forward node' in text


def test_other_numbers_of_residual_modules(path: Path, t7: SimpleNamespace) -> None:
    def one_more(net: Any, by_class: dict[str, list[Any]]) -> None:
        # In the place of one residual module there are two.
        target = by_class['SpatialUpSamplingNearest'][0]
        extra = net.residual(16 if net.kind == 'demo' else 8, 16 if net.kind == 'demo' else 8, net.kind == 'hg')
        target.name, target.fields = 'nn.Sequential', {'modules': [extra, net.up()]}

    for kind in ('demo', 'hg'):
        monkey = type('Net', (t7.Net,), {'kind': kind})
        text = refusal(path, change(SimpleNamespace(**{**vars(t7), 'Net': monkey}), kind, one_more))
        assert 'residual modules in ' in text
        assert ', found ' in text


@pytest.mark.parametrize('kind', ['demo', 'hg'])
def test_stacks_of_different_depth(path: Path, t7: SimpleNamespace, kind: str) -> None:
    net = t7.Net(np.random.RandomState(0))
    text = refusal(path, t7.dump(getattr(net, kind)(last_levels=1)))
    assert 'expected 2 levels in hg2, as in hg1, found 1 at forward node' in text


def test_outputs_that_are_none(path: Path, t7: SimpleNamespace) -> None:
    net = t7.Net(np.random.RandomState(0))
    h = net.chain(net(None), net.conv(3, 2, 7, 2, 3), net.bn(2), net.relu())
    assert 'expected a convolution in stack 1, found a ReLU' in refusal(path, t7.dump(net.graph(h)))
    assert 'expected 1 to 64 outputs, found 0' in refusal(path, t7.dump(net.obj('ConcatTable', modules=[])))


def test_other_sums_between_stacks(path: Path, t7: SimpleNamespace) -> None:
    """The input of the second stack without one of its parts, or with one twice."""
    for kind, keep in (('demo', [0]), ('demo', [0, 1, 1]), ('hg', [0, 1]), ('hg', [1, 2]), ('hg', [0, 1, 1])):
        net = t7.Net(np.random.RandomState(0))
        root = getattr(net, kind)()
        count = 2 if kind == 'demo' else 3
        sums = [n['data'] for n in net.nodes if n['data'].get('module') and n['data']['module'].name == 'nn.CAddTable']
        merged = next(data for data in sums if all(
            entry.get('module') is None or entry['module'].name != 'nn.SpatialUpSamplingNearest'
            for key, entry in data['mapindex'].pairs if isinstance(key, int)))
        inputs = [entry for key, entry in sorted(
            ((k, v) for k, v in merged['mapindex'].pairs if isinstance(k, int)), key=lambda pair: pair[0])]
        assert len(inputs) == count
        merged['mapindex'] = t7.Table([(n, inputs[j]) for n, j in enumerate(keep, 1)])
        text = refusal(path, t7.dump(root))
        assert 'expected ' in text
        assert ', found ' in text


def test_concatenation_of_something_else(path: Path, t7: SimpleNamespace) -> None:
    def batch(net: Any, by_class: dict[str, list[Any]]) -> None:
        by_class['JoinTable'][0].fields['dimension'] = 1

    assert 'found another concatenation' in refusal(path, change(t7, 'demo', batch))


def test_parts_without_a_place(path: Path, t7: SimpleNamespace) -> None:
    for kind in ('demo', 'hg'):
        net = t7.Net(np.random.RandomState(0))
        graph = net.graph

        def with_rest(*outputs: dict, net: Any = net, graph: Any = graph) -> Any:
            net(net.conv(3, 3), net.nodes[0]['data'])
            return graph(*outputs)

        net.graph = with_rest
        assert 'expected nothing more, found a convolution at forward node' in refusal(
            path, t7.dump(getattr(net, kind)()))


def test_network_of_something_else(shared: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r'expected a convolution in stack 1, found cudnn\.VolumetricConvolution'):
        convert_t7(shared(f'{MODELS}/cudnn_modelTemp.t7'))
