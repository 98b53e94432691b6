from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.preactivation import PreActivationHG
from hourglass.spec import ModelSpec
from pretrained.formats import load_any
from pretrained.pytorch.layouts import LAYOUTS
from tests.conftest import rule
from tests.networks import maps_of
from tests.pretrained.ports import BEARPAW_MEAN, TORCH7_CODE, assert_same, bearpaw_state, princeton_state, random_values
from tests.pretrained.pytorch.writer import TorchWriter
from tests.refusal import refusal

import numpy as np
import pytest


@pytest.mark.parametrize(('key', 'bearpaw', 'princeton'), [
    ('conv0/W', 'conv1.weight', 'pre.0.conv.weight'), ('bn0/avg_var', 'bn1.running_var', 'pre.0.bn.running_var'),
    ('res0/conv0/b', 'layer1.0.downsample.0.bias', 'pre.1.skip_layer.conv.bias'),
    ('res1/bn2/gamma', 'layer2.0.bn2.weight', 'pre.3.bn2.weight'),
    ('hg1/upper/0/conv1/W', 'hg.0.hg.2.0.0.conv1.weight', 'hgs.0.0.up1.conv1.conv.weight'),
    ('hg2/inner/lower_in/0/bn1/gamma', 'hg.1.hg.1.1.0.bn1.weight', 'hgs.1.0.low2.low1.bn1.weight'),
    ('hg1/inner/inner/lower_out/0/conv3/b', 'hg.0.hg.0.2.0.conv3.bias', 'hgs.0.0.low2.low2.low3.conv3.conv.bias'),
    ('hg1/inner/inner/inner/0/bn3/beta', 'hg.0.hg.0.3.0.bn3.bias', 'hgs.0.0.low2.low2.low2.bn3.bias'),
    ('after2/0/conv2/W', 'res.1.0.conv2.weight', 'features.1.0.conv2.conv.weight'),
    ('feature1/W', 'fc.0.0.weight', 'features.0.1.conv.weight'), ('output2/b', 'score.1.bias', 'outs.1.conv.bias'),
    ('feature_bn1/avg_mean', 'fc.0.1.running_mean', 'features.0.1.bn.running_mean'),
    ('merge_feature1/W', 'fc_.0.weight', 'merge_features.0.conv.conv.weight'),
    ('merge_output1/b', 'score_.0.bias', 'merge_preds.0.conv.conv.bias'),
])
def test_names_of_the_ports(key: str, bearpaw: str, princeton: str) -> None:
    assert [layout.name_of(key, 3) for layout in LAYOUTS] == [bearpaw, princeton]


@pytest.fixture(params=['bearpaw', 'princeton'])
def port(request: pytest.FixtureRequest) -> tuple[ModelSpec, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A specification, the arrays by our keys, and the state_dict of a port."""
    if request.param == 'princeton':
        return TORCH7_CODE, random_values(TORCH7_CODE), princeton_state(TORCH7_CODE)
    spec = replace(TORCH7_CODE, wide_stem=True, mean=BEARPAW_MEAN, n_modules=2)
    return spec, random_values(spec), bearpaw_state(spec)


def assert_loads(path: Path, spec: ModelSpec, values: dict[str, np.ndarray]) -> None:
    model = load_any(str(path))
    assert model.spec == spec
    assert isinstance(model.network, PreActivationHG)
    assert_same(model.arrays, values)


@pytest.mark.parametrize('form', ['zip', 'legacy'])
def test_both_layouts_in_both_formats(path: Path, port: Any, form: str) -> None:
    spec, values, state = port
    getattr(TorchWriter, f'write_{form}')(path, state)
    assert_loads(path, spec, values)
    layout = 'bearpaw' if spec.wide_stem else 'princeton'
    assert load_any(path).source == f'{path} (PyTorch, {layout} layout)'


@pytest.mark.parametrize(('prefix', 'wrap'), [
    ('module.', lambda state: {'epoch': 5, 'state_dict': state, 'best_acc': .88}),
    ('model.module.', lambda state: {'model': state, 'optimizer': {'state': {0: {'step': 1}}, 'param_groups': [{}]}}),
    ('', lambda state: {'a': {'b': state}}),
    ('net.', lambda state: {**state, 'loss.weight': np.zeros(3, 'f')}),
    ('', lambda state: {'args': argparse.Namespace(lr=1), 'best': np.float64(.9), 'state_dict': state, 'seen': {1, 2}}),
])
def test_checkpoints(path: Path, port: Any, prefix: str, wrap: Callable[[Any], Any]) -> None:
    spec, values, state = port
    TorchWriter.write_zip(path, wrap({prefix + key: value for key, value in state.items()}))
    assert_loads(path, spec, values)


def test_files_without_counts_and_in_other_precision(path: Path, port: Any) -> None:
    spec, values, state = port
    TorchWriter.write_zip(path, {key: value.astype('f8') for key, value in state.items() if 'num_batches' not in key})
    assert_loads(path, spec, {key: np.array(0) if key.endswith('/N') else value for key, value in values.items()})
    TorchWriter.write_zip(path, {key: value.astype('f2') if value.ndim else value for key, value in state.items()})
    rounded = {key: value if key.endswith('/N') else value.astype('f2') for key, value in values.items()}
    assert_loads(path, spec, rounded)


@pytest.mark.parametrize(('value', 'found'), [
    ({'features.0.weight': np.zeros((3, 3, 1, 1), 'f'), 'classifier.bias': np.zeros(3, 'f')},
     '2 entries that begin with features.0.weight, classifier.bias'),
    (np.zeros(3, 'f'), 'a Tensor'), ([1, 2], 'a list'), ({}, 'nothing'),
    ({'\x1b[2J': 1}, r"1 entries that begin with '\x1b[2J'"),
    (argparse.Namespace(state=1), 'a pickled object of the class argparse.Namespace; its state_dict()'),
])
def test_other_networks(path: Path, value: Any, found: str) -> None:
    TorchWriter.write_zip(path, value)
    expected = f'expected a stacked hourglass in the layout bearpaw or princeton, found {found}'
    assert expected in refusal(load_any, path)


@pytest.mark.parametrize(('wrap', 'names', 'part'), [
    (lambda one, two: {'state_dict': one, 'state_dict_ema': two}, ['state_dict', 'state_dict_ema'], 'state_dict_ema'),
    (lambda one, two: {'model': {f'module.{k}': v for k, v in one.items()}, 'ema': {'decay': .9, 'shadow': two}},
     ['model.module', 'ema.shadow'], 'ema'),
    (lambda one, two: {'state_dict': {**{f'student.{k}': v for k, v in one.items()},
                                      **{f'teacher.net.{k}': v for k, v in two.items()}}},
     ['state_dict.student', 'state_dict.teacher.net'], 'teacher'),
    (lambda one, two: {**one, **{f'ema.{k}': v for k, v in two.items()}}, ['.', 'ema'], 'ema'),
])
def test_one_of_two_networks(path: Path, wrap: Any, names: list[str], part: str) -> None:
    state = bearpaw_state(replace(TORCH7_CODE, n_stack=1, layer_num=1, wide_stem=True))
    other = {key: value if key.endswith('tracked') else value + 1 for key, value in state.items()}
    TorchWriter.write_zip(path, wrap(state, other))
    assert f'holds 2 networks: {", ".join(names)}' in refusal(load_any, path)
    for name, expected in ((names[0], state), (part, other)):
        np.testing.assert_array_equal(load_any(path, name).arrays['conv0/W'], expected['conv1.weight'])
    with pytest.raises(InputError, match='--part other: no network of this name; the names are'):
        load_any(path, 'other')


@pytest.mark.parametrize(('change', 'reason'), [
    (lambda stem: {stem: None}, 'width 8, depth 2 and 16 joints; 1 array missing: conv0/W'),
    (lambda stem: {stem: np.zeros((2, 1, 7, 7), 'f')}, '1 array of a wrong shape or type: conv0/W (2, 1, 7, 7)'),
    (lambda stem: {'something.weight': np.zeros(3, 'f')}, '1 name not of the'),
    (lambda stem: {'a' * 100_000: np.zeros(3, 'f')}, '1 name not of the'),
    (lambda stem: {stem: 3}, 'is not a tensor'),
    (lambda stem: {stem: np.full((2, 3, 7, 7), np.nan, 'f')}, 'not finite numbers in conv0/W'),
    (lambda stem: {stem: np.zeros((2, 3, 7, 7), 'i8')}, 'conv0/W (2, 3, 7, 7) int64 for'),
])
def test_missing_unexpected_and_misshapen_tensors(
    path: Path, port: Any, change: Callable[[str], dict[str, Any]], reason: str,
) -> None:
    _, _, state = port
    stem = next(key for key in state if state[key].shape == (2, 3, 7, 7))
    changed = {**state, **change(stem)}
    TorchWriter.write_zip(path, {key: value for key, value in changed.items() if value is not None})
    assert reason in refusal(load_any, path)


# Recorded outputs.

#: Kinds of arrays by the ends of their names.
KINDS = {'num_batches_tracked': 'N', 'running_mean': 'avg_mean', 'running_var': 'avg_var', 'bias': 'b'}


@pytest.mark.parametrize(('name', 'form'), [
    ('bearpaw_hg1', 'zip'), ('bearpaw_hg2', 'legacy'), ('bearpaw_hg8', 'zip'), ('princeton_hg2', 'zip'),
    ('princeton_hg8', 'legacy'),
])
def test_outputs_are_those_of_the_ports(shared: Callable[[str], Path], path: Path, name: str, form: str) -> None:
    reference = np.load(shared(f'reference/ports/{name}_forward.npz'))
    state = {}
    for line in shared(f'reference/ports/{name}_keys.txt').read_text().splitlines():
        key, text, _ = line.split()
        shape = () if text == 'scalar' else tuple(map(int, text.split('x')))
        state[key] = rule(key, shape, KINDS.get(key.rpartition('.')[2], 'W' if len(shape) == 4 else 'gamma'))
    getattr(TorchWriter, f'write_{form}')(path, state)
    model = load_any(path)
    path.unlink()
    assert model.spec == ModelSpec(
        'PreActivationHG', n_stack=int(name[-1]), wide_stem=name.startswith('bearpaw'), upsampling='nearest',
        crop='torch7', decoding='torch7', mean=BEARPAW_MEAN if name.startswith('bearpaw') else (0, 0, 0))
    x = np.random.RandomState(zlib.crc32(b'dev-image')).uniform(0, 1, (1, 3, 256, 256)).astype('f')
    outputs = maps_of(model.network, x)
    assert len(outputs) == model.spec.n_stack
    for key in reference.files:
        expected = reference[key]
        # These weights make the maps grow from stack to stack, to 1e5 after eight.
        np.testing.assert_allclose(outputs[int(key[3:]) - 1], expected, rtol=1e-4, atol=1e-4 * abs(expected).max())
