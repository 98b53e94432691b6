from __future__ import annotations

import json
from typing import Any

from hourglass.errors import InputError
from hourglass.spec import ModelSpec

import pytest


def test_a_description_without_newer_entries_is_read() -> None:
    assert ModelSpec.from_json('{}') == ModelSpec()
    spec = ModelSpec.from_json('{"crop": "pad", "input_size": [128, 128], "n_stack": 2, "layer_num": 3, "width": 64}')
    assert (spec.upsampling, spec.n_modules, spec.crop_length, spec.confidence) == ('bilinear', 1, 'height', ())


@pytest.mark.parametrize(('former', 'present'), [
    ({'refine': 'none', 'grid': 'scaled', 'crop': 'truncate'}, ModelSpec()),
    ({'refine': 'authors', 'crop': 'affine'}, ModelSpec(decoding='torch7', crop='torch7')),
    ({'refine': 'gaussian', 'grid': 'aligned', 'crop': 'pad'},
     ModelSpec(decoding='dark', align_corners=True, crop='pad', crop_length='longer', crop_shift=0.0)),
])
def test_former_names_are_translated(former: dict[str, str], present: ModelSpec) -> None:
    assert ModelSpec.from_json(json.dumps(former)) == present


@pytest.mark.parametrize(('change', 'message'), [
    ({'joints': 'octopus'}, "joints is 'octopus', not one of mpii, lsp, coco, mpii-coco"),
    ({'network': 'os.system'}, 'network is'),
    ({'crop': ['pad']}, 'crop is'),
    ({'width': 30}, 'multiple of 4'),
    ({'n_stack': 1e9}, 'not a whole number from 1'),
    ({'out_channels': 14}, '14 output channels for the 16 joints of mpii'),
    ({'input_size': [100, 100]}, 'multiples of 64'),
    ({'input_size': 256}, 'input_size is 256'),
    ({'mean': [0, 0]}, 'three numbers'),
    ({'layer_num': 4096}, 'layer_num is 4096, not a whole number from 1 to 10'),
    ({'colour': 1}, 'unknown entries: colour'),
    ({'crop_margin': 0}, 'crop_margin is 0, not a number'),
    ({'align_corners': 'yes'}, "align_corners is 'yes', not true or false"),
])
def test_a_wrong_entry_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelSpec.from_json(json.dumps(change))


@pytest.mark.parametrize('change', [
    {'x' * 10_000: 1}, {'crop': 'x' * 10_000}, {'mean': [0] * 10_000}, {'input_size': [1] * 10_000},
])
def test_a_message_is_short_whatever_the_value(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        ModelSpec.from_json(json.dumps(change))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize('text', ['', '[1, 2]', '[' * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match='the description of the network is not'):
        ModelSpec.from_json(text)


def test_the_score_of_a_peak() -> None:
    assert ModelSpec().score_of(.25) == .25
    assert ModelSpec(confidence=((0, 0), (.2, .3), (.3, .5))).score_of(.25) == pytest.approx(.4)


@pytest.mark.parametrize('table', [
    [[.5, .2], [.5, .3]], [[.1, .3], [.2, .2]], [[.1, 1.2]], [[.1]], [['a', .1]], 1, None,
    [[i / 100, 0] for i in range(65)],
])
def test_confidence_is_a_rising_table(table: Any) -> None:
    with pytest.raises(InputError, match='confidence'):
        ModelSpec.from_json(json.dumps({'confidence': table}))
