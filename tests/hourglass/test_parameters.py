from __future__ import annotations

from dataclasses import replace

from hourglass.parameters import count_parameters, network_shapes
from hourglass.spec import ModelSpec
from tests.networks import values_of
from tests.pretrained.ports import SMALL, TORCH7_CODE

import numpy as np
import pytest


@pytest.mark.parametrize('spec', [
    SMALL, replace(SMALL, n_stack=3, layer_num=2), replace(SMALL, width=20), ModelSpec(width=8),
    replace(TORCH7_CODE, wide_stem=True), replace(TORCH7_CODE, width=20, n_modules=3),
])
def test_shapes_and_count_are_those_of_the_network(spec: ModelSpec) -> None:
    network = spec.build_network()
    assert network_shapes(spec) == {key: np.shape(value) for key, value in values_of(network).items()}
    assert count_parameters(spec) == network.count_params()
