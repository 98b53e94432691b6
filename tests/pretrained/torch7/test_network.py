"""Converting the Torch7 code's networks, whole and with other pieces in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from pretrained.formats import load_any
from pretrained.torch7 import load_graph
from tests.networks import maps_of
from tests.pretrained.torch7 import writer as t7
from tests.pretrained.torch7.networks import compute, save, spec_of
from tests.refusal import refusal

import numpy as np
import pytest

MODELS = 'reference/torch7/models'
OTHERS = 'it has other layers or other connections'


@pytest.mark.parametrize('name', ['demo2s_nograd', 'demo2s_bnv1_nograd', 'demo2s_cudnn_cuda_flat', 'hg2s_nograd',
                                  'hg2s_clear_ascii', 'hg2s_cudnn_cuda', 'hg2s_cudnn_cuda_flat',
                                  'hg2s_cudnn_cuda_flat_state', 'hg8s_nograd'])
def test_files_that_torch7_wrote(shared: Callable[[str], Path], name: str) -> None:
    model = load_any(shared(f'{MODELS}/{name}.t7'))
    n_stack = 8 if name.startswith('hg8') else 2
    network = 'StackedHG' if name.startswith('demo') else 'PreActivationHG'
    assert model.spec == spec_of(network, n_stack, 16, 4)
    with np.load(shared(f'{MODELS}/input.npz')) as inputs, \
            np.load(shared(f'{MODELS}/{name.partition("_")[0]}_out.npz')) as expected:
        # The larger image once for each network.
        for key, x in (('out64_', inputs['x64']), ('out', inputs['x']))[:2 if name.endswith('nograd') else 1]:
            outputs = maps_of(model.network, x)
            assert len(outputs) == n_stack
            for i, output in enumerate(outputs, 1):
                np.testing.assert_allclose(output, expected[f'{key}{i}'], rtol=0, atol=1e-4)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('spec', [
    spec_of('StackedHG'), spec_of('StackedHG', n_stack=3), spec_of('PreActivationHG'),
    spec_of('PreActivationHG', 1, 16, 1, n_modules=3, out_channels=14, joints='lsp'),
    spec_of('PreActivationHG', n_stack=3, n_modules=2),
])
def test_networks_come_back(path: Path, spec: ModelSpec, seed: int) -> None:
    """Nodes and fields come in another order with every seed."""
    root, values = save(spec, seed, cuda=seed % 2 == 1, old=seed == 2, features_first=seed > 1,
                        eps=1e-2 if seed == 1 else 1e-5)
    path.write_bytes(t7.dump(root, ascii=seed == 3))
    model = load_any(path)
    assert model.spec == spec
    assert model.arrays.keys() == values.keys()
    for key, array in model.arrays.items():
        np.testing.assert_allclose(array, values[key], rtol=1e-4, err_msg=key)
    x = np.random.RandomState(9).uniform(0, 1, (2, 3, 32, 64)).astype('f')
    for output, expected in zip(maps_of(model.network, x), compute(load_graph(path), x), strict=True):
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


def change(path: Path, edit: Callable[[dict[str, list[Any]]], object], network: str = 'PreActivationHG') -> str:
    """Return why a network is refused after a change of its modules, which are given by their classes."""
    root, _ = save(spec_of(network))
    by_class: dict[str, list[Any]] = {}
    for node in root.fields['forwardnodes']:
        if module := node.fields['data'].get('module'):
            by_class.setdefault(module.name.removeprefix('nn.'), []).append(module)
    edit(by_class)
    path.write_bytes(t7.dump(root))
    return refusal(load_any, path)


def set_field(name: str, index: int, **fields: Any) -> Callable[[dict[str, list[Any]]], None]:
    return lambda by_class: by_class[name][index].fields.update(fields)


@pytest.mark.parametrize(('edit', 'reason'), [
    (lambda by_class: setattr(by_class['ReLU'][3], 'name', 'nn.Dropout'), 'nn.Dropout, which no known'),
    (set_field('SpatialConvolution', 1, kW=5), OTHERS), (set_field('SpatialMaxPooling', 1, kW=3), OTHERS),
    (set_field('SpatialUpSamplingNearest', 0, scale_factor=4), OTHERS), (set_field('ReLU', 0, threshold=1e-6), OTHERS),
    (set_field('SpatialConvolution', 0, groups=2), OTHERS),
    (set_field('SpatialBatchNormalization', 0, running_mean=None), 'no tensor running_mean'),
    (set_field('SpatialConvolution', 0, bias=t7.Tensor(np.full(2, np.nan, 'f'))), 'not finite'),
    (set_field('SpatialConvolution', 0, bias=t7.Tensor(np.zeros(3, 'f'))), '1 array of a wrong shape'),
])
def test_other_pieces_are_refused(path: Path, edit: Any, reason: str) -> None:
    assert reason in change(path, edit)


def test_other_connections(path: Path) -> None:
    assert OTHERS in change(path, set_field('JoinTable', 0, dimension=1), 'StackedHG')
    for root, reason in ((t7.Obj('nn.ReLU', {}), OTHERS), (t7.Obj('nn.ConcatTable', {'modules': []}), 'no outputs')):
        path.write_bytes(t7.dump(root))
        assert reason in refusal(load_any, path)


@pytest.mark.parametrize('network', ['StackedHG', 'PreActivationHG'])
@pytest.mark.parametrize('keep', [[0], [1, 1], [0, 1, 1]])
@pytest.mark.parametrize('place', [0, -1])
def test_other_sums(path: Path, network: str, keep: list[int], place: int) -> None:
    """A sum without one of its parts, or with one twice."""
    root, _ = save(spec_of(network))
    tables = [node.fields['data'] for node in root.fields['forwardnodes']]
    table = [table for table in tables if 'module' in table and table['module'].name == 'nn.CAddTable'][place]
    inputs = dict(pair for pair in table['mapindex'].pairs if isinstance(pair[0], int))
    table['mapindex'] = t7.Table([(n, inputs[i + 1]) for n, i in enumerate(keep, 1)])
    path.write_bytes(t7.dump(root))
    assert OTHERS in refusal(load_any, path)


def test_network_of_something_else(shared: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match=r'cudnn\.VolumetricConvolution, which no known'):
        load_any(shared(f'{MODELS}/cudnn_modelTemp.t7'))
