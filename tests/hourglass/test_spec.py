from __future__ import annotations

import json
from typing import Any

from hourglass.errors import InputError
from hourglass.spec import ModelSpec

import pytest


def test_a_spec_survives_json() -> None:
    spec = ModelSpec(out_channels=14, n_stack=3, width=64, layer_num=3, joints='lsp', input_size=(128, 96),
                     crop='pad', mean=(.4, .4, .5), refine='quarter', grid='aligned')
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_json('{}') == ModelSpec()


@pytest.mark.parametrize(('change', 'message'), [
    ({'joints': 'octopus'}, "joints is 'octopus', not one of mpii, lsp, coco"),
    ({'network': 'os.system'}, 'network is'),
    ({'crop': ['pad']}, 'crop is'),
    ({'width': 30}, 'multiple of 4'),
    ({'width': -4}, 'not a number from 1'),
    ({'n_stack': 1e9}, 'not a number from 1'),
    ({'n_stack': True}, 'not a number from 1'),
    ({'out_channels': 14}, '14 output channels for the 16 joints of mpii'),
    ({'input_size': [100, 100]}, 'multiples of 64'),
    ({'input_size': 256}, 'no list'),
    ({'input_size': ['a', 'b']}, 'multiples of 64'),
    ({'mean': [0, 0]}, 'three numbers'),
    ({'mean': [None, 0, 0]}, 'three numbers'),
    ({'colour': 1}, 'unknown entries: colour'),
])
def test_a_wrong_entry_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelSpec.from_json(json.dumps(change))


@pytest.mark.parametrize('text', ['', '[1, 2]', '"x"', '{', '[' * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match='the description of the network is not'):
        ModelSpec.from_json(text)


def test_the_spec_builds_its_network() -> None:
    network = ModelSpec(out_channels=14, n_stack=1, width=8, layer_num=2, joints='lsp', input_size=(64, 64)) \
        .build_network()
    assert (network.out_channels, network.n_stack, network.width, network.layer_num) == (14, 1, 8, 2)
