from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pretrained
from data.synthetic import demo_scene
from hourglass.crop import picture_box
from hourglass.errors import InputError
from hourglass.predictor import PosePredictor
from pretrained import engines as load
from pretrained.engines import load_engine
from pretrained.entries import BUNDLED_FOLDER, REGISTRY
from tests.pretrained.ports import SMALL

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'engines'


def _needs(engine: str) -> None:
    """Skip a test where an engine is not installed, without importing it: OpenVINO would report that."""
    if find_spec(engine) is None:
        pytest.skip(f'{engine} is not installed')


class Example(NamedTuple):
    """Inputs of the bundled network, small and large, and Chainer's heatmaps of them."""

    inputs: np.ndarray
    maps: np.ndarray
    flipped: np.ndarray
    large: np.ndarray
    large_maps: np.ndarray


@pytest.fixture(scope='module')
def example() -> Example:
    predictor = PosePredictor.load('bundled', engine='chainer')
    image = demo_scene()
    person = predictor.prepare(image, picture_box(image.shape[1:], predictor.spec))
    inputs = np.stack([person, person[:, :, ::-1], person[::-1]])
    large = np.pad(inputs[:1], ((0, 0), (0, 0), (0, 32), (32, 32)))
    maps, large_maps = predictor.heatmaps(inputs), predictor.heatmaps(large)
    predictor.flip = True
    return Example(inputs, maps, predictor.heatmaps(inputs), large, large_maps)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_heatmaps_equal_those_of_chainer(engine: str, example: Example) -> None:
    _needs(engine)
    assert example.maps.max() > 0.5
    predictor = PosePredictor.load('bundled', engine=engine)
    assert predictor.engine.name == engine
    assert predictor.spec == pretrained.load('bundled').spec
    many = np.concatenate([example.inputs] * 3)
    for inputs, expected in ((example.inputs, example.maps), (example.inputs[:1], example.maps[:1]),
                             (many, np.concatenate([example.maps] * 3)), (example.large, example.large_maps)):
        np.testing.assert_allclose(predictor.heatmaps(inputs), expected, atol=1e-4)
    predictor.flip = True
    np.testing.assert_allclose(predictor.heatmaps(example.inputs), example.flipped, atol=1e-4)


def test_bfloat16_is_near(example: Example) -> None:
    _needs('openvino')
    try:
        got = PosePredictor.load('bundled', precision='bf16').heatmaps(example.inputs)
    except InputError as error:
        pytest.skip(str(error))
    assert 1e-4 < abs(got - example.maps).max() < 0.1


def test_the_second_time_neither_chainer_nor_the_weights_are_read(
    cache: Path, example: Example, monkeypatch: pytest.MonkeyPatch,
) -> None:
    _needs('onnxruntime')
    first = PosePredictor.load('bundled')
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(load, '_graph', None)
    second = PosePredictor.load('bundled')
    np.testing.assert_array_equal(first.heatmaps(example.inputs), second.heatmaps(example.inputs))
    assert second.spec == first.spec


def test_other_weights_get_another_graph(cache: Path, tmp_path: Path) -> None:
    _needs('onnxruntime')
    network = SMALL.build_network()
    path = tmp_path / 'weights.npz'
    pretrained.save_model(path, network, SMALL)
    x = np.random.default_rng(0).random((1, 3, *SMALL.input_size), np.float32)
    before = PosePredictor.load(str(path)).heatmaps(x)
    network.conv1_3a.b.array += 1
    pretrained.save_model(path, network, SMALL)
    np.testing.assert_allclose(PosePredictor.load(str(path)).heatmaps(x), before + 1, atol=1e-4)
    assert len(list(cache.iterdir())) == 2


def test_a_file_means_what_it_says_and_a_name_what_the_registry_says(cache: Path, tmp_path: Path) -> None:
    _needs('onnxruntime')
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
    assert not cache.exists()


def test_an_engine_that_does_not_load(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture,
) -> None:
    _needs('onnxruntime')
    monkeypatch.setitem(sys.modules, 'hourglass.engine.onnxruntime_engine', None)
    assert PosePredictor.load('bundled').engine.name == 'chainer'
    assert 'Chainer runs the network' in capfd.readouterr().err
    with pytest.raises(InputError, match='onnxruntime cannot be loaded'):
        PosePredictor.load('bundled', engine='onnxruntime')


def test_the_network_of_chainer_is_there_if_chainer_runs_it() -> None:
    _needs('onnxruntime')
    assert PosePredictor.load('bundled', engine='chainer').network.count_params() > 1e6
    with pytest.raises(AttributeError, match="engine='chainer'"):
        _ = PosePredictor.load('bundled').network


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_several_threads_at_the_same_time(engine: str, example: Example) -> None:
    _needs(engine)
    predictor = PosePredictor.load('bundled', engine=engine)
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(3):
            maps = predictor.heatmaps(example.inputs[i:i + 1])
            if not np.allclose(maps, example.maps[i:i + 1], atol=1e-4):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(example.inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_the_default_weights_are_named(capfd: pytest.CaptureFixture, cache: Path) -> None:
    _needs('onnxruntime')
    (cache.parent / 'model_2018_05_22.npz.failed').parent.mkdir()
    (cache.parent / 'model_2018_05_22.npz.failed').write_text('no network in this test')
    _, spec = load_engine()
    assert spec == pretrained.load('bundled').spec
    assert capfd.readouterr().err.startswith('using the bundled weights, 3 stacks of width 64')


def test_openvino_does_not_report_to_anybody() -> None:
    _needs('openvino')
    code = ('import sys, hourglass.engine.openvino_engine;'
            'print([name for name in sys.modules if name.startswith("openvino_telemetry")])')
    found = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # The entry that says that there is no such package, and nothing of the package.
    assert found.split() == ["['openvino_telemetry']"]
