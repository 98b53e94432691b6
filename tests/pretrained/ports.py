"""Weights with random values, by their keys and in the names of the PyTorch ports (pretrained/pytorch/layouts.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hourglass.parameters import is_counter, network_shapes
from hourglass.spec import ModelSpec

import chainer
import numpy as np
from chainer.serializers import NpzDeserializer

#: A small network with everything other than the defaults.
SMALL = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 64), crop='pad',
                  mean=(.5, .25, 0), decoding='quarter-offset', align_corners=True)
#: A small network of the Torch7 code.
TORCH7_CODE = ModelSpec('PreActivationHG', n_stack=2, width=8, layer_num=2, crop='torch7', decoding='torch7',
                        upsampling='nearest')
#: What the registry's PyTorch files have besides their sizes.
BEARPAW_MEAN = (0.4404, 0.4440, 0.4327)
_ARRAYS = {'W': 'weight', 'b': 'bias', 'gamma': 'weight', 'beta': 'bias', 'avg_mean': 'running_mean',
           'avg_var': 'running_var', 'N': 'num_batches_tracked'}


def random_values(spec: ModelSpec) -> dict[str, np.ndarray]:
    rng = np.random.RandomState(0)
    return {key: np.array(7) if is_counter(key) else rng.uniform(.5, 1.5, shape).astype('f')
            for key, shape in network_shapes(spec).items()}


def network_of(spec: ModelSpec, values: dict[str, np.ndarray]) -> chainer.Chain:
    network = spec.build_network()
    NpzDeserializer(values).load(network)
    return network


def assert_same(values: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    """Compare the weights of two networks; all but the counts of batches have single precision."""
    assert values.keys() == expected.keys()
    for key, value in values.items():
        np.testing.assert_array_equal(value, expected[key], key)
        assert is_counter(key) or value.dtype == np.float32, key


def _stack_of(text: str) -> int:
    return int(re.search('[0-9]+', text)[0]) - 1  # type: ignore[index]


def bearpaw_name(key: str, depth: int) -> str:
    *path, link, array = key.split('/')
    inside = {'conv0': 'downsample.0'}.get(link, link)
    if not path:
        i = _stack_of(link)
        inside = {'conv0': 'conv1', 'bn0': 'bn1', 'feature': f'fc.{i}.0', 'feature_bn': f'fc.{i}.1',
                  'output': f'score.{i}', 'merge_feature': f'fc_.{i}',
                  'merge_output': f'score_.{i}'}[link if link[-1] == '0' else link[:-1]]
        return f'{inside}.{_ARRAYS[array]}'
    i = _stack_of(path[0])
    if path[0].startswith('res'):
        return f'layer{i + 2}.0.{inside}.{_ARRAYS[array]}'
    if path[0].startswith('after'):
        return f'res.{i}.{path[1]}.{inside}.{_ARRAYS[array]}'
    *inner, branch, module = path[1:]
    number = ('upper', 'lower_in', 'lower_out', 'inner').index(branch)
    return f'hg.{i}.hg.{depth - 1 - len(inner)}.{number}.{module}.{inside}.{_ARRAYS[array]}'


def princeton_name(key: str) -> str:
    *path, link, array = key.split('/')
    inside = {'conv0': 'skip_layer.conv'}.get(link, f'{link}.conv' if link.startswith('conv') else link)
    if not path:
        i = _stack_of(link)
        inside = {'conv0': 'pre.0.conv', 'bn0': 'pre.0.bn', 'feature': f'features.{i}.1.conv',
                  'feature_bn': f'features.{i}.1.bn', 'output': f'outs.{i}.conv',
                  'merge_feature': f'merge_features.{i}.conv.conv',
                  'merge_output': f'merge_preds.{i}.conv.conv'}[link if link[-1] == '0' else link[:-1]]
        return f'{inside}.{_ARRAYS[array]}'
    i = _stack_of(path[0])
    if path[0].startswith('res'):
        return f'pre.{(1, 3, 4)[i + 1]}.{inside}.{_ARRAYS[array]}'
    if path[0].startswith('after'):
        return f'features.{i}.0.{inside}.{_ARRAYS[array]}'
    branches = {'upper': 'up1', 'lower_in': 'low1', 'lower_out': 'low3', 'inner': 'low2'}
    return f'hgs.{i}.0.{".".join(branches[part] for part in path[1:-1])}.{inside}.{_ARRAYS[array]}'


def bearpaw_state(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return random weights in bearpaw's names."""
    return {bearpaw_name(key, spec.layer_num): value for key, value in random_values(spec).items()}


def princeton_state(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return random weights in Princeton's names, with a skip layer in every residual module as in its files."""
    values, state = random_values(spec), {}
    for key, value in values.items():
        state[princeton_name(key)] = value
        if key.endswith('/conv3/W') and key.replace('conv3', 'conv0') not in values:
            skip = princeton_name(key).replace('conv3.conv', 'skip_layer.conv')
            state[skip] = np.full((len(value), len(value), 1, 1), np.nan, 'f')
            state[skip.replace('weight', 'bias')] = np.zeros(len(value), 'f')
    return state
