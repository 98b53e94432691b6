from __future__ import annotations

import argparse
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hourglass.errors import InputError
from hourglass.preactivation import PreActivationHG
from hourglass.spec import ModelSpec
from pretrained.pytorch import load_pytorch

import chainer
import numpy as np
import pytest
from chainer.serializers import DictionarySerializer

MEAN = (0.4404, 0.4440, 0.4327)
SMALL = ModelSpec('PreActivationHG', n_stack=2, width=8, layer_num=2, crop='torch7', decoding='torch7',
                  upsampling='nearest')
ARRAYS = {'W': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias', 'avg_mean': 'running_mean',
          'avg_var': 'running_var', 'N': 'num_batches_tracked'}


def values_of(network: chainer.Link) -> dict[str, np.ndarray]:
    serializer = DictionarySerializer()
    serializer.save(network)
    return {key: np.array(value) for key, value in serializer.target.items()}


def random_values(spec: ModelSpec) -> dict[str, np.ndarray]:
    rng = np.random.RandomState(0)
    return {key: np.array(7) if key.endswith('/N') else rng.uniform(.5, 1.5, value.shape).astype('f')
            for key, value in values_of(spec.build_network()).items()}


# The ports' names, written out the other way round.

def stack_of(text: str) -> int:
    return int(re.search('[0-9]+', text)[0]) - 1  # type: ignore[index]


def bearpaw_name(key: str, depth: int) -> str:
    *path, link, array = key.split('/')
    link_there = {'conv0': 'downsample.0'}.get(link, link)
    if not path:
        i = stack_of(link)
        there = {'conv0': 'conv1', 'bn0': 'bn1', 'feature': f'fc.{i}.0', 'feature_bn': f'fc.{i}.1',
                 'output': f'score.{i}', 'merge_feature': f'fc_.{i}',
                 'merge_output': f'score_.{i}'}[link if link[-1] == '0' else link[:-1]]
        return f'{there}.{ARRAYS[array]}'
    if path[0].startswith('res'):
        return f'layer{stack_of(path[0]) + 2}.0.{link_there}.{ARRAYS[array]}'
    i = stack_of(path[0])
    if path[0].startswith('after'):
        return f'res.{i}.{path[1]}.{link_there}.{ARRAYS[array]}'
    *inner, branch, module = path[1:]
    level = depth - 1 - len(inner)
    number = ('upper', 'lower_in', 'lower_out', 'inner').index(branch)
    return f'hg.{i}.hg.{level}.{number}.{module}.{link_there}.{ARRAYS[array]}'


def princeton_name(key: str) -> str:
    *path, link, array = key.split('/')
    link_there = {'conv0': 'skip_layer.conv'}.get(link, f'{link}.conv' if link.startswith('conv') else link)
    if not path:
        i = stack_of(link)
        there = {'conv0': 'pre.0.conv', 'bn0': 'pre.0.bn', 'feature': f'features.{i}.1.conv',
                 'feature_bn': f'features.{i}.1.bn', 'output': f'outs.{i}.conv',
                 'merge_feature': f'merge_features.{i}.conv.conv',
                 'merge_output': f'merge_preds.{i}.conv.conv'}[link if link[-1] == '0' else link[:-1]]
        return f'{there}.{ARRAYS[array]}'
    if path[0].startswith('res'):
        return f'pre.{(1, 3, 4)[stack_of(path[0]) + 1]}.{link_there}.{ARRAYS[array]}'
    i = stack_of(path[0])
    if path[0].startswith('after'):
        return f'features.{i}.0.{link_there}.{ARRAYS[array]}'
    branches = {'upper': 'up1', 'lower_in': 'low1', 'lower_out': 'low3', 'inner': 'low2'}
    inside = '.'.join(branches[part] for part in path[1:-1])
    return f'hgs.{i}.0.{inside}.{link_there}.{ARRAYS[array]}'


def princeton_state(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With a skip layer in every residual module, as in that port's files."""
    state = {}
    for key, value in values.items():
        state[princeton_name(key)] = value
        if key.endswith('/conv3/W') and key.replace('conv3', 'conv0') not in values:
            skip = princeton_name(key).replace('conv3.conv', 'skip_layer.conv')
            state[skip] = np.full((len(value), len(value), 1, 1), np.nan, 'f')
            state[skip.replace('weight', 'bias')] = np.zeros(len(value), 'f')
    return state


@pytest.fixture(params=['bearpaw', 'princeton'])
def port(request: pytest.FixtureRequest) -> tuple[ModelSpec, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A specification, the arrays by our keys, and the state_dict of a port."""
    if request.param == 'princeton':
        values = random_values(SMALL)
        return SMALL, values, princeton_state(values)
    spec = replace(SMALL, wide_stem=True, mean=MEAN, n_modules=2)
    values = random_values(spec)
    return spec, values, {bearpaw_name(key, spec.layer_num): value for key, value in values.items()}


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_pytorch(path)
    text = str(caught.value)
    assert text.startswith(f'{path}: ')
    assert '\n' not in text
    return text


def assert_loads(path: Path, spec: ModelSpec, values: dict[str, np.ndarray]) -> None:
    model = load_pytorch(str(path))
    assert model.spec == spec
    assert isinstance(model.network, PreActivationHG)
    loaded = values_of(model.network)
    assert loaded.keys() == values.keys()
    for key, value in loaded.items():
        np.testing.assert_array_equal(value, values[key], key)


@pytest.mark.parametrize('form', ['zip', 'legacy'])
def test_both_layouts_in_both_formats(path: Path, port: Any, torch_writer: Any, form: str) -> None:
    spec, values, state = port
    getattr(torch_writer, f'write_{form}')(path, state)
    assert_loads(path, spec, values)
    layout = 'bearpaw' if spec.wide_stem else 'princeton'
    assert load_pytorch(path).source == f'{path} (PyTorch, {layout} layout)'


@pytest.mark.parametrize(('prefix', 'wrap'), [
    ('module.', lambda state: {'epoch': 5, 'state_dict': state, 'best_acc': .88}),
    ('model.module.', lambda state: {'model': state, 'optimizer': {'state': {0: {'step': 1}}, 'param_groups': [{}]}}),
    ('', lambda state: {'a': {'b': state}}),
])
def test_checkpoints(path: Path, port: Any, torch_writer: Any, prefix: str, wrap: Callable[[Any], Any]) -> None:
    spec, values, state = port
    torch_writer.write_zip(path, wrap({prefix + key: value for key, value in state.items()}))
    assert_loads(path, spec, values)


def test_files_without_counts_and_in_other_precision(path: Path, port: Any, torch_writer: Any) -> None:
    spec, values, state = port
    torch_writer.write_zip(path, {key: value.astype('f8') for key, value in state.items() if 'num_batches' not in key})
    assert_loads(path, spec, {key: np.array(0) if key.endswith('/N') else value for key, value in values.items()})
    torch_writer.write_zip(path, {key: value.astype('f2') if value.ndim else value for key, value in state.items()})
    rounded = {key: value if key.endswith('/N') else value.astype('f2') for key, value in values.items()}
    assert_loads(path, spec, rounded)


def test_other_tensors_beside_the_network(path: Path, port: Any, torch_writer: Any) -> None:
    spec, values, state = port
    named = {f'net.{key}': value for key, value in state.items()}
    torch_writer.write_zip(path, {**named, 'loss.weight': np.zeros(3, 'f')})
    assert_loads(path, spec, values)


# Right kind of file, wrong network.

def test_other_networks(path: Path, torch_writer: Any) -> None:
    expected = 'expected a stacked hourglass in the layout bearpaw or princeton, found '
    for value, found in (
            ({'features.0.weight': np.zeros((3, 3, 1, 1), 'f'), 'classifier.bias': np.zeros(3, 'f')},
             '2 entries that begin with features.0.weight, classifier.bias'),
            ({'state_dict': {'layer1.0.weight': np.zeros(3, 'f')}}, '1 entries that begin with layer1.0.weight'),
            (np.zeros(3, 'f'), 'a single tensor'), ([1, 2], 'a list'), ({}, 'nothing'), (3, 'a int'),
            ({'a': 1}, '1 entries that begin with a'), ({'\x1b[2J': 1}, r"1 entries that begin with '\x1b[2J'")):
        torch_writer.write_zip(path, value)
        assert message(path).removeprefix(f'{path}: ') == expected + found


@pytest.mark.parametrize(('wrap', 'names', 'part'), [
    (lambda one, two: {'state_dict': one, 'state_dict_ema': two}, ['state_dict', 'state_dict_ema'], 'state_dict_ema'),
    (lambda one, two: {'model': {f'module.{k}': v for k, v in one.items()}, 'ema': {'decay': .9, 'shadow': two}},
     ['model.module', 'ema.shadow'], 'ema'),
    (lambda one, two: {'state_dict': {**{f'student.{k}': v for k, v in one.items()},
                                      **{f'teacher.net.{k}': v for k, v in two.items()}}},
     ['state_dict.student', 'state_dict.teacher.net'], 'teacher'),
    (lambda one, two: {**one, **{f'ema.{k}': v for k, v in two.items()}}, ['.', 'ema'], 'ema'),
])
def test_one_of_two_networks(path: Path, port: Any, torch_writer: Any, wrap: Any, names: list[str], part: str) -> None:
    _, values, state = port
    other = {key: value if key.endswith('tracked') else value + 1 for key, value in state.items()}
    torch_writer.write_zip(path, wrap(state, other))
    assert f'holds 2 networks: {", ".join(names)}' in message(path)
    stem = values_of(load_pytorch(path, part).network)['conv0/W']
    np.testing.assert_array_equal(stem, values['conv0/W'] + 1)
    np.testing.assert_array_equal(values_of(load_pytorch(path, names[0]).network)['conv0/W'], values['conv0/W'])
    with pytest.raises(InputError, match='--part other: no network of this name; there are'):
        load_pytorch(path, 'other')


def test_objects_beside_the_weights_and_around_them(path: Path, port: Any, torch_writer: Any) -> None:
    spec, values, state = port
    torch_writer.write_zip(path, {'args': argparse.Namespace(lr=1), 'best': np.float64(.9), 'at': Path('a'),
                                  'state_dict': state, 'seen': {1, 2}})
    assert_loads(path, spec, values)
    torch_writer.write_zip(path, argparse.Namespace(state=1))
    assert 'found a pickled object of the class argparse.Namespace; its state_dict()' in message(path)


def test_missing_unexpected_and_misshapen_tensors(path: Path, port: Any, torch_writer: Any) -> None:
    _, _, state = port
    stem = next(iter(key for key in state if key.endswith('weight') and state[key].shape == (2, 3, 7, 7)))
    torch_writer.write_zip(path, {key: value for key, value in state.items() if key != stem})
    assert 'does not fit a PreActivationHG of 2 stacks, width 8, depth 2 and 16 joints; 1 array missing: conv0/W' in \
        message(path)
    torch_writer.write_zip(path, {**state, stem: np.zeros((2, 1, 7, 7), 'f')})
    assert '1 array of a wrong shape: conv0/W (2, 1, 7, 7) for (2, 3, 7, 7)' in message(path)
    torch_writer.write_zip(path, {**state, 'something.weight': np.zeros(3, 'f')})
    assert '1 name not of the' in message(path)
    torch_writer.write_zip(path, {**state, 'a' * 100_000: np.zeros(3, 'f')})
    assert len(message(path)) < 500
    torch_writer.write_zip(path, {**state, stem: 3})
    assert 'is not a tensor' in message(path)
    torch_writer.write_zip(path, {**state, stem: np.full((2, 3, 7, 7), np.nan, 'f')})
    assert message(path).endswith('not finite numbers in conv0/W')
    torch_writer.write_zip(path, {**state, stem: np.zeros((2, 3, 7, 7), 'i8')})
    assert 'of a wrong type: conv0/W int64' in message(path)


def test_unknown_number_of_joints(path: Path, torch_writer: Any) -> None:
    state = {bearpaw_name(key, 1): value for key, value in values_of(PreActivationHG(5, 1, 8, 1, 1, True)).items()}
    torch_writer.write_zip(path, state)
    assert '5 joints' in message(path)


def test_names_of_many_stacks(path: Path, torch_writer: Any) -> None:
    weight = np.zeros((8, 8, 1, 1), 'f')
    stacks = {f'hg.{i}.hg.0.0.0.conv{j}.weight': weight for i in range(4000) for j in (1, 3)}
    torch_writer.write_legacy(path, {**stacks, 'score.0.weight': np.zeros((16, 8, 1, 1), 'f'),
                                     'layer2.0.conv3.weight': weight, 'hg.0.hg.0.3.0.conv1.weight': weight,
                                     'res.0.0.conv1.weight': weight})
    assert 'too few for a PreActivationHG of 4,000 stacks' in message(path)


def test_names_that_take_long_to_match(path: Path, port: Any, torch_writer: Any) -> None:
    _, _, state = port
    torch_writer.write_zip(path, {**state, 'hgs.0.0.' + 'low2.' * 200_000 + '!': np.zeros(1, 'f')})
    message(path)


# Recorded outputs.

def rule(key: str, shape: tuple[int, ...]) -> np.ndarray:
    r, last = np.random.RandomState(zlib.crc32(f'dev-{key}'.encode())), key.rpartition('.')[2]
    if last == 'num_batches_tracked':
        return np.array(1000)
    if last == 'running_mean':
        value = r.normal(0, .1, shape)
    elif last == 'running_var':
        value = r.uniform(.5, 1.5, shape)
    elif len(shape) == 4:
        value = r.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape)
    else:
        value = r.uniform(.5, 1, shape) if last == 'weight' else r.normal(0, .05, shape)
    return value.astype(np.float32)


@pytest.mark.parametrize(('name', 'form'), [
    ('bearpaw_hg1', 'zip'), ('bearpaw_hg2', 'legacy'), ('bearpaw_hg8', 'zip'), ('princeton_hg2', 'zip'),
    ('princeton_hg8', 'legacy'),
])
def test_outputs_are_those_of_the_ports(
        shared: Callable[[str], Path], path: Path, torch_writer: Any, name: str, form: str) -> None:
    reference = np.load(shared(f'reference/ports/{name}_forward.npz'))
    state = {}
    for line in shared(f'reference/ports/{name}_keys.txt').read_text().splitlines():
        key, shape, _ = line.split()
        state[key] = rule(key, () if shape == 'scalar' else tuple(map(int, shape.split('x'))))
    getattr(torch_writer, f'write_{form}')(path, state)
    model = load_pytorch(path)
    path.unlink()
    assert model.spec == ModelSpec(
        'PreActivationHG', n_stack=int(name[-1]), wide_stem=name.startswith('bearpaw'), upsampling='nearest',
        crop='torch7', decoding='torch7', mean=MEAN if name.startswith('bearpaw') else (0, 0, 0))
    x = np.random.RandomState(zlib.crc32(b'dev-image')).uniform(0, 1, (1, 3, 256, 256)).astype('f')
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        outputs = model.network(x)
    assert len(outputs) == model.spec.n_stack
    for key in reference.files:
        expected = reference[key]
        # These weights make the maps grow from stack to stack, to 1e5 after eight.
        got = outputs[int(key[3:]) - 1].array
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * abs(expected).max())
