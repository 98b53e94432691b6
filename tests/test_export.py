from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pretrained
from hourglass.errors import InputError
from hourglass.joints import MPII_COCO
from hourglass.spec import ModelSpec
from pretrained import export as engine_export
from pretrained.export import export
from pretrained.weights_file import Model
from tests.child import ROOT, run_python
from tests.networks import maps_of

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled weights as export.py writes them."""
    folder = tmp_path_factory.mktemp('exported')
    result = run_python(ROOT / 'export.py', '--model', 'bundled', '--out', 'a.onnx', cwd=folder)
    assert result.returncode == 0, result.stderr
    assert 'a.onnx: 7.' in result.stdout
    return folder / 'a.onnx'


#: What docs/weights.md shows: nothing of this project is imported.
ALONE = """
import json, sys
import cv2, numpy as np
path, engine = sys.argv[1:]
inputs = np.load('inputs.npy')
if engine == 'opencv':
    net = cv2.dnn.readNetFromONNX(path)
    def run(x):
        net.setInput(x)
        return net.forward()
else:
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    run = lambda x: session.run(['heatmaps'], {'image': x})[0]
    json.dump(session.get_modelmeta().custom_metadata_map, open('metadata.json', 'w'))
np.savez('maps.npz', both=run(inputs), one=run(inputs[:1]))
print('chainer' in sys.modules, 'hourglass' in sys.modules)
"""


@pytest.mark.parametrize('engine', ['onnxruntime', 'opencv'])
def test_the_file_runs_without_this_project(
    engine: str, exported: Path, tmp_path: Path, bundled_example: tuple[np.ndarray, np.ndarray],
) -> None:
    if engine == 'onnxruntime':
        pytest.importorskip('onnxruntime')
    inputs, expected = bundled_example
    np.save(tmp_path / 'inputs.npy', inputs)
    alone = run_python('-c', ALONE, exported, engine, cwd=tmp_path)
    assert alone.stdout.split() == ['False', 'False'], alone.stderr
    maps = np.load(tmp_path / 'maps.npz')
    np.testing.assert_allclose(maps['both'], expected, atol=1e-4)
    np.testing.assert_allclose(maps['one'], expected[:1], atol=1e-4)
    if engine == 'onnxruntime':
        texts = json.loads((tmp_path / 'metadata.json').read_text())
        assert texts['weights'] == 'bundled'
        assert json.loads(texts['joints']) == list(MPII_COCO.joints)
        assert json.loads(texts['skeleton']) == [list(limb) for limb in MPII_COCO.limb_indices]
        assert json.loads(texts['flip_order']) == MPII_COCO.flip_order.tolist()
        assert json.loads(texts['preprocessing']) == {
            'layout': 'NCHW', 'colours': 'RGB', 'range': [0, 1], 'mean': [0, 0, 0], 'size': [192, 192], 'crop': 'pad',
            'crop_length': 'longer', 'crop_shift': 0.0, 'crop_margin': 1.25}
        assert json.loads(texts['decoding']) == {'method': 'dark', 'align_corners': True}
        assert ModelSpec.from_json(texts['spec']) == pretrained.load('bundled').spec


def _small_model() -> Model:
    np.random.seed(0)
    spec = ModelSpec('PreActivationHG', n_stack=2, width=8, layer_num=2, input_size=(64, 32), crop='pad')
    return Model.of_network(spec.build_network(), spec, 'test')


def test_all_stacks(tmp_path: Path) -> None:
    model = _small_model()
    assert export(model, 'x', tmp_path / 'a.onnx', all_stacks=True) < 1e-4
    x = np.random.default_rng(1).random((3, 3, 64, 32), np.float32)
    net = cv2.dnn.readNetFromONNX(str(tmp_path / 'a.onnx'))
    net.setInput(x)
    for got, maps in zip(net.forward(['heatmaps_1', 'heatmaps_2']), maps_of(model.network, x), strict=True):
        np.testing.assert_allclose(got, maps, atol=1e-4 * max(1, abs(maps).max()))


def test_the_comparison_does_not_need_onnx_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    assert 0 < export(_small_model(), 'x', tmp_path / 'a.onnx') < 1e-4


@pytest.mark.parametrize('error', [0.01, np.nan])
def test_a_file_that_computes_something_else_is_not_written(
    error: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = engine_export.run_file
    monkeypatch.setattr(engine_export, 'run_file', lambda *arguments: [maps + error for maps in right(*arguments)])
    with pytest.raises(InputError, match='not written'):
        export(_small_model(), 'x', tmp_path / 'a.onnx')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--out', 'a.npz'], 'must end with .onnx'),
    ([], '--out'),
    (['--model', 'bundled', '--out', 'folder.onnx'], 'is a folder'),
    (['--model', 'bundled', '--out', 'text.txt/a.onnx'], 'text.txt is not a folder'),
    (['--model', 'missing.npz', '--out', 'a.onnx'], 'missing.npz'),
    (['--model', 'text.txt', '--out', 'a.onnx'], 'text.txt'),
    (['--snapshot', 'a.onnx', '--out', 'a.onnx'], 'would replace'),
])
def test_a_mistake_is_one_line_and_status_2(
    command: Callable[..., Any], tmp_path: Path, arguments: list[str], reason: str,
) -> None:
    (tmp_path / 'text.txt').write_text('no weights')
    (tmp_path / 'folder.onnx').mkdir()
    result = command('export.py', *arguments)
    assert result.returncode == 2
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'text.txt', 'folder.onnx'}
