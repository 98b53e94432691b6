from __future__ import annotations

import json
from typing import Any

from hourglass.errors import InputError
from hourglass.spec import ModelSpec

import pytest


def test_a_spec_survives_json() -> None:
    spec = ModelSpec(out_channels=14, n_stack=3, width=64, layer_num=3, joints='lsp', input_size=(128, 96),
                     crop='pad', mean=(.4, .4, .5), decoding='quarter-offset', align_corners=True)
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_json('{}') == ModelSpec()
    torch7 = ModelSpec('PreActivationHG', n_stack=8, crop='torch7', decoding='torch7', upsampling='nearest',
                       n_modules=2, wide_stem=True)
    assert ModelSpec.from_json(torch7.to_json()) == torch7


def test_descriptions_of_older_files_are_read() -> None:
    text = ('{"crop": "pad", "grid": "aligned", "input_size": [128, 128], "joints": "lsp", "layer_num": 3, '
            '"mean": [0.0, 0.0, 0.0], "n_stack": 2, "network": "StackedHG", "out_channels": 14, "refine": "quarter", '
            '"width": 64}')
    spec = ModelSpec.from_json(text)
    assert (spec.upsampling, spec.n_modules, spec.wide_stem) == ('bilinear', 1, False)
    assert (spec.crop, spec.decoding, spec.align_corners) == ('pad', 'quarter-offset', True)
    assert (spec.crop_length, spec.crop_shift) == ('longer', 0), 'as padded crops were trained'
    assert not {'refine', 'grid'} & set(json.loads(spec.to_json()))


@pytest.mark.parametrize(('former', 'present'), [
    ({'refine': 'none', 'grid': 'scaled', 'crop': 'truncate'}, ModelSpec()),
    ({'refine': 'gaussian', 'grid': 'aligned'}, ModelSpec(decoding='dark', align_corners=True)),
    ({'refine': 'authors', 'crop': 'affine'}, ModelSpec(decoding='torch7', crop='torch7')),
])
def test_former_names_are_translated(former: dict[str, str], present: ModelSpec) -> None:
    assert ModelSpec.from_json(json.dumps(former)) == present


@pytest.mark.parametrize(('change', 'message'), [
    ({'joints': 'octopus'}, "joints is 'octopus', not one of mpii, lsp, coco, mpii-coco"),
    ({'network': 'os.system'}, 'network is'),
    ({'crop': ['pad']}, 'crop is'),
    ({'width': 30}, 'multiple of 4'),
    ({'n_stack': 1e9}, 'not a number from 1'),
    ({'out_channels': 14}, '14 output channels for the 16 joints of mpii'),
    ({'input_size': [100, 100]}, 'multiples of 64'),
    ({'input_size': 256}, 'no list'),
    ({'mean': [0, 0]}, 'three numbers'),
    ({'layer_num': 4096}, 'layer_num is 4096, not a number from 1 to 10'),
    ({'colour': 1}, 'unknown entries: colour'),
    ({'upsampling': 'cubic'}, "upsampling is 'cubic', not one of bilinear, nearest"),
    ({'network': 'PreActivationHG', 'n_modules': 0}, 'n_modules is 0, not a number from 1'),
    ({'network': 'PreActivationHG', 'wide_stem': 1}, 'wide_stem is 1, neither true nor false'),
    ({'crop_length': 'width'}, "crop_length is 'width', not one of height, longer"),
    ({'crop_shift': '0'}, "crop_shift is '0', not a number from -1 to 1"),
    ({'crop_margin': 0}, 'crop_margin is 0, not a number from 0.1 to 10'),
    ({'align_corners': 'yes'}, "align_corners is 'yes', neither true nor false"),
    ({'refine': 'half'}, 'unknown entries: refine'),
    ({'n_modules': 2}, 'n_modules is 2, but a StackedHG has no such choice'),
    ({'decoding': 'half'}, "decoding is 'half', not one of argmax, quarter-offset, dark, torch7"),
])
def test_a_wrong_entry_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelSpec.from_json(json.dumps(change))


@pytest.mark.parametrize('change', [
    {'x' * 10_000: 1}, {'crop': 'x' * 10_000}, {'width': 'x' * 10_000}, {'mean': [0] * 10_000},
    {'input_size': [1] * 10_000}, {'align_corners': 'x' * 10_000}, {'crop_shift': [0] * 10_000},
])
def test_a_message_is_short_whatever_the_value(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        ModelSpec.from_json(json.dumps(change))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize('text', ['', '[1, 2]', '"x"', '{', '[' * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match='the description of the network is not'):
        ModelSpec.from_json(text)


@pytest.mark.parametrize('spec', [
    ModelSpec(out_channels=14, n_stack=1, width=8, layer_num=2, joints='lsp', upsampling='nearest'),
    ModelSpec('PreActivationHG', n_stack=1, width=8, layer_num=2, n_modules=3, wide_stem=True),
], ids=lambda spec: spec.network)
def test_the_spec_builds_its_network(spec: ModelSpec) -> None:
    network = spec.build_network()
    assert type(network).__name__ == spec.network
    assert len(spec.topology) in (6, 7)
    for name, value in spec.topology.items():
        assert name == 'network' or getattr(network, name) == value


def test_the_score_of_a_peak() -> None:
    assert ModelSpec().score_of(.25) == .25
    assert ModelSpec(confidence=((0, 0), (.2, .3), (.3, .5))).score_of(.25) == pytest.approx(.4)
