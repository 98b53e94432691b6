from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pretrained
from hourglass.download import Source
from hourglass.errors import InputError
from pretrained import registry
from pretrained.__main__ import main
from pretrained.entries import REGISTRY
from pretrained.formats import load_any
from pretrained.weights_file import load_model
from tests.pretrained.ports import BEARPAW_MEAN, TORCH7_CODE, assert_same, bearpaw_state
from tests.pretrained.pytorch.writer import TorchWriter
from tests.refusal import refusal

import numpy as np
import pytest

BEARPAW = replace(TORCH7_CODE, n_stack=1, layer_num=1, wide_stem=True, mean=BEARPAW_MEAN)


@pytest.fixture
def pth(tmp_path: Path) -> Path:
    path = tmp_path / 'hourglass.pth'
    TorchWriter.write_legacy(path, bearpaw_state(BEARPAW))
    return path


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'the file is empty'), (b'text\x1b[2J', r"it begins with b'text\x1b[2J'"),
    (pickle.dumps({'a': 1}), 'a Python pickle'), (b'PK\3\4', 'only a part'), (b'4', 'begins with'), (None, 'a folder'),
])
def test_other_content(path: Path, content: bytes | None, reason: str) -> None:
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert reason in refusal(pretrained.load, path)


def test_a_zip_file_of_torch7_is_read_as_the_file_in_it(shared: Callable[[str], Path], tmp_path: Path) -> None:
    path = shared('reference/torch7/models/hg2s_clear_ascii.t7')
    with zipfile.ZipFile(tmp_path / 'zipped.zip', 'w', zipfile.ZIP_DEFLATED) as file:
        file.write(path, 'somewhere/weights.t7')
    model, zipped = load_any(path), load_any(tmp_path / 'zipped.zip')
    assert zipped.spec == model.spec
    assert_same(zipped.arrays, model.arrays)
    assert zipped.source == f'{tmp_path / "zipped.zip"} (Torch7)'


def test_convert_and_inspect(tmp_path: Path, pth: Path, command: Callable[..., Any]) -> None:
    out = tmp_path / 'converted.npz'
    text = command('pretrained', 'convert', pth, out).stdout
    assert f'{out}: ' in text
    assert '(PyTorch, bearpaw layout)' in text
    model = load_model(out)
    assert model.spec == pretrained.load(str(pth)).spec == BEARPAW
    np.testing.assert_array_equal(model.arrays['conv0/W'], bearpaw_state(BEARPAW)['conv1.weight'])
    safe = tmp_path / 'a.safetensors'
    TorchWriter.write_safetensors(safe, bearpaw_state(BEARPAW))
    for path, kind in ((pth, 'PyTorch'), (safe, 'safetensors'), (out, '.npz of Chainer')):
        text = command('pretrained', 'inspect', path).stdout
        for part in (f'kind        {kind}\n', 'PreActivationHG, 1 stack, width 8, depth 1', '16 (mpii)',
                     f'{model.network.count_params():,}', BEARPAW.to_json(), 'all finite', 'for a grey image of 8x8'):
            assert part in text


def test_inspect_refuses_weights_whose_heatmaps_overflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, state = tmp_path / 'large.pth', bearpaw_state(BEARPAW)
    TorchWriter.write_zip(path, {**state, 'score.0.weight': np.full_like(state['score.0.weight'], 3e38)})
    with pytest.raises(InputError, match=r'large\.pth.*: its arrays are finite, but heatmaps of a grey image are not'):
        main(['inspect', str(path)])
    assert 'all finite' in capsys.readouterr().out


def test_convert_one_of_two_networks(tmp_path: Path, command: Callable[..., Any]) -> None:
    path, out = tmp_path / 'two.pth', tmp_path / 'ema.npz'
    one, averaged = bearpaw_state(BEARPAW), bearpaw_state(BEARPAW)
    averaged['conv1.weight'] += 1
    TorchWriter.write_zip(path, {'state_dict': one, 'state_dict_ema': averaged})
    with pytest.raises(InputError, match=r'holds 2 networks: state_dict, state_dict_ema; .* --part'):
        main(['convert', str(path), str(out)])
    assert not out.exists()
    command('pretrained', 'convert', '--part', 'state_dict_ema', path, out)
    np.testing.assert_array_equal(load_model(out).arrays['conv0/W'], averaged['conv1.weight'])
    assert 'all finite' in command('pretrained', 'inspect', '--part', 'state_dict', path).stdout
    for start in (b'\3\0\0\0', b'\4\0\0\0', b'3\n1\n', b'4\n1\n'):
        (tmp_path / 'a.t7').write_bytes(start)
        with pytest.raises(InputError, match='a Torch7 file holds one network'):
            main(['inspect', '--part', 'ema', str(tmp_path / 'a.t7')])


def test_convert_to_half_precision_and_another_decoding(
        tmp_path: Path, small_weights: Path, command: Callable[..., Any]) -> None:
    before, out = load_model(small_weights), tmp_path / 'new.npz'
    command('pretrained', 'convert', '--half', '--decoding', 'dark', small_weights, out)
    after = load_model(out)
    assert after.spec == replace(before.spec, decoding='dark')
    np.testing.assert_array_equal(after.arrays['conv0/W'], before.arrays['conv0/W'].astype(np.float16))


def test_mistakes_of_convert(tmp_path: Path, pth: Path, small_weights: Path) -> None:
    for argv, reason in ((['convert', str(pth)], 'required'), (['convert', str(pth), 'x.pth'], 'must end with .npz'),
                         (['convert', 'nothing', 'x.npz'], 'no weights of this name'),
                         (['convert', str(small_weights), str(small_weights)], 'would replace'),
                         (['convert', str(pth), str(pth / 'x.npz')], 'cannot be written'),
                         (['convert', 'no/such.npz', str(small_weights)], 'such'),
                         (['convert', '--decoding', 'torch7', str(small_weights), 'x.npz'], '--decoding torch7'),
                         (['inspect', str(tmp_path)], 'a folder')):
        with pytest.raises(InputError, match=reason):
            main(argv)


# Registry rows of these kinds.

def test_pytorch_weights_are_downloaded_and_checked(
        server: Any, cache: Path, pth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content = pth.read_bytes()
    digest = hashlib.sha256(server.content).hexdigest()
    entry = replace(REGISTRY['bearpaw-hg1'], sources=(Source('the server', 'https', server.url),), sha256='0' * 8,
                    spec=replace(BEARPAW, mean=(.1, .2, .3)))
    monkeypatch.setitem(REGISTRY, 'bearpaw-hg1', entry)
    with pytest.raises(InputError, match=f'its SHA-256 is {digest}, not 00000000'):
        registry.fetch('bearpaw-hg1')
    monkeypatch.setitem(REGISTRY, 'bearpaw-hg1', replace(entry, sha256=digest[:8]))
    model = pretrained.load('bearpaw-hg1')
    assert model.spec == entry.spec
    assert model.source.startswith('bearpaw-hg1 (')
    main(['inspect', 'bearpaw-hg1'])


def test_sizes_of_the_torch7_file_are_its_own(shared: Callable[[str], Path]) -> None:
    for name, network in (('hg2s_nograd', 'PreActivationHG'), ('demo2s_nograd', 'StackedHG')):
        spec = registry.read(REGISTRY['umich'], shared(f'reference/torch7/models/{name}.t7')).spec
        assert (spec.network, spec.n_stack, spec.width) == (network, 2, 16)
        assert (spec.crop, spec.decoding, spec.mean) == ('torch7', 'torch7', (0, 0, 0))
