from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import Mock

import pretrained
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from pretrained.engines import load_engine
from pretrained.entries import BUNDLED_FOLDER, REGISTRY
from tests.networks import maps_of, randomise
from tests.pretrained.ports import SMALL

import numpy as np
import pytest

pytest.importorskip('onnxruntime')
# Importing it here would report that to its makers.
needs_openvino = pytest.mark.skipif(find_spec('openvino') is None, reason='openvino is not installed')


@pytest.mark.parametrize('engine', ['onnxruntime', pytest.param('openvino', marks=needs_openvino)])
def test_images_of_any_number_and_size_from_several_threads(engine: str, cache: Path, tmp_path: Path) -> None:
    network = randomise(SMALL.build_network())
    pretrained.save_model(tmp_path / 'weights.npz', network, SMALL)
    loaded, spec = load_engine(str(tmp_path / 'weights.npz'), engine=engine)
    assert (loaded.name, spec) == (engine, SMALL)
    x = [np.random.default_rng(i).random((n, 3, height, 64), np.float32)
         for i, (n, height) in enumerate(((1, 64), (9, 64), (1, 96), (2, 64)))]
    expected = [maps_of(network, images, 'stock')[-1] for images in x]
    with ThreadPoolExecutor(4) as pool:
        for maps, wanted in zip(pool.map(loaded, x * 3), expected * 3, strict=True):
            np.testing.assert_allclose(maps, wanted, atol=1e-5 * abs(wanted).max())


@needs_openvino
def test_bfloat16_is_near(bundled_example: tuple[np.ndarray, np.ndarray]) -> None:
    inputs, maps = bundled_example
    try:
        got = PosePredictor.load('bundled', precision='bf16').heatmaps(inputs)
    except InputError as error:
        pytest.skip(str(error))
    assert 1e-4 < abs(got - maps).max() < 0.1


def test_other_weights_get_another_graph(cache: Path, tmp_path: Path) -> None:
    network = SMALL.build_network()
    path = tmp_path / 'weights.npz'
    pretrained.save_model(path, network, SMALL)
    x = np.random.default_rng(0).random((1, 3, *SMALL.input_size), np.float32)
    before = PosePredictor.load(str(path)).heatmaps(x)
    network.conv1_3a.b.array += 1
    pretrained.save_model(path, network, SMALL)
    np.testing.assert_allclose(PosePredictor.load(str(path)).heatmaps(x), before + 1, atol=1e-4)
    assert len(list((cache / 'engines').iterdir())) == 2


def test_a_file_means_what_it_says_and_a_name_what_the_registry_says(cache: Path, tmp_path: Path) -> None:
    entry = REGISTRY['bundled']
    copy = tmp_path / 'copy.npz'
    shutil.copy(BUNDLED_FOLDER / entry.file, copy)
    for name in ('bundled', str(copy), 'bundled'):
        assert PosePredictor.load(name).spec == pretrained.load(name).spec


@pytest.mark.parametrize('content', [b'', b'no weights', None])
def test_unreadable_weights_leave_nothing_behind(cache: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'weights.npz'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r'weights\.npz'):
        load_engine(str(path))
    assert not (cache / 'engines').exists()


def test_an_engine_that_does_not_load(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, 'hourglass.engine.onnxruntime_engine', None)
    assert PosePredictor.load('bundled').engine.name == 'chainer'
    assert 'Chainer runs the network' in capfd.readouterr().err
    with pytest.raises(InputError, match='onnxruntime cannot be loaded'):
        PosePredictor.load('bundled', engine='onnxruntime')
    monkeypatch.setattr('pretrained.engines.choose_engine', lambda *_: 'openvino')
    damage = Mock(side_effect=ModuleNotFoundError('a part is missing', name='openvino.part'))
    monkeypatch.setattr('pretrained.engines._load_openvino', damage)
    assert PosePredictor.load('bundled').engine.name == 'chainer'


def test_the_network_of_chainer_is_there_if_chainer_runs_it() -> None:
    assert PosePredictor.load('bundled', engine='chainer').network.count_params() > 1e6
    with pytest.raises(AttributeError, match="engine='chainer'"):
        _ = PosePredictor.load('bundled').network


def test_the_default_weights_are_named(capfd: pytest.CaptureFixture, cache: Path) -> None:
    cache.mkdir()
    (cache / 'model_2018_05_22.npz.failed').write_text('no network in this test')
    _, spec = load_engine()
    assert spec == pretrained.load('bundled').spec
    assert capfd.readouterr().err.startswith('using the bundled weights, 3 stacks of width 64')
