"""Weights with random values, by their keys and in the names of the PyTorch ports (pretrained/pytorch/layouts.py)."""

from __future__ import annotations

from collections.abc import Mapping

from hourglass.parameters import is_counter, network_shapes
from hourglass.spec import ModelSpec
from pretrained.pytorch.layouts import LAYOUTS

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
_LAYOUTS = {layout.name: layout for layout in LAYOUTS}


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


def bearpaw_state(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return random weights in bearpaw's names."""
    return {_LAYOUTS['bearpaw'].name_of(key, spec.layer_num): value for key, value in random_values(spec).items()}


def princeton_state(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return random weights in Princeton's names, with a skip layer in every residual module as in its files."""
    state = {_LAYOUTS['princeton'].name_of(key, spec.layer_num): value for key, value in random_values(spec).items()}
    for name in [name for name in state if name.endswith('.conv3.conv.weight')]:
        state.setdefault(name.replace('conv3', 'skip_layer'), np.full((3, 3, 1, 1), np.nan, 'f'))
    return state
