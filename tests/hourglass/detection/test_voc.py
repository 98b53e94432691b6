from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, ClassVar

from hourglass.detection import load_detector, voc
from hourglass.detection.finder import PersonFinder
from hourglass.detection.voc import NETWORKS, PERSON, NetworkKind, VOCDetector, accelerate
from hourglass.errors import InputError
from hourglass.layers import fuse
from tests.touch import Touch

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from chainer.serializers import save_npz
from chainercv.datasets import voc_bbox_label_names
from chainercv.links.model.ssd import SSD, Multibox, Normalize


class _Small(chainer.Chain):
    """In place of a network of ChainerCV: it finds a person and a dog everywhere, and is quickly stored and read."""

    _models: ClassVar = {'voc0712': {'url': 'http://127.0.0.1:9/small.npz'}}
    score_thresh = 0.6

    def __init__(self, n_fg_class: int) -> None:
        super().__init__()
        assert n_fg_class == 20
        with self.init_scope():
            self.conv = L.Convolution2D(None, 2, 3)
            self.bn = L.BatchNormalization(2)

    def predict(self, images: list[np.ndarray]) -> tuple[list, list, list]:
        boxes = np.array([[0, 0, 10, 10], [5, 5, 20, 20], [1, 2, 3, 4]], np.float32)
        labels = np.array([PERSON, voc_bbox_label_names.index('dog'), PERSON])
        return [boxes] * len(images), [labels] * len(images), [np.array([.9, .8, .3], np.float32)] * len(images)


@pytest.fixture
def small(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make ssd512 a small network, and return a file with its weights."""
    monkeypatch.setitem(NETWORKS, 'ssd512', NetworkKind(_Small, 64))
    monkeypatch.setenv('CHAINER_DATASET_ROOT', str(tmp_path / 'chainer'))
    network = _Small(20)
    network.conv(np.zeros((1, 3, 3, 3), 'f'))
    save_npz(tmp_path / 'small.npz', network)
    return tmp_path / 'small.npz'


@pytest.fixture
def served(small: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with the weights file of the small network."""
    server.content = small.read_bytes()
    monkeypatch.setattr(_Small, '_models', {'voc0712': {'url': server.url}})
    return server


def test_only_people_are_kept() -> None:
    detector = VOCDetector(_Small(20))
    assert detector.score_threshold == .6
    assert detector.network.score_thresh < .2, 'a lower threshold of the user must have something to choose from'
    found = detector.detect([np.zeros((3, 30, 30), 'f')] * 2)
    assert len(found) == 2
    np.testing.assert_array_equal(found[1][0], [[0, 0, 10, 10], [1, 2, 3, 4]])
    np.testing.assert_allclose(found[1][1], [.9, .3])
    assert found[0][0].dtype == found[0][1].dtype == np.float32


def test_the_number_of_values_is_that_of_the_network() -> None:
    network = voc._build('ssd300')
    with chainer.no_backprop_mode():
        network(np.zeros((1, 3, 300, 300), 'f'))  # gives every array its size
    assert sum(parameter.size for parameter in network.params()) == NETWORKS['ssd300'].n_values


class _Features(chainer.Chain):
    """Four by four cells of a picture."""

    insize, grids = 32, (4,)

    def __init__(self) -> None:
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(3, 8, 3, 8, 1)
            self.norm = Normalize(8, chainer.initializers.Constant(1))

    def forward(self, x: chainer.Variable) -> list[chainer.Variable]:
        return [self.norm(F.relu(self.conv(x)))]


def test_an_ssd_finds_the_same_people_on_each_device(
    tmp_path: Path, device: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(n_fg_class: int) -> SSD:
        return SSD(_Features(), Multibox(n_fg_class + 1, ((2,),)), steps=(8,), sizes=(8, 16))

    np.random.seed(0)
    network = build(20)
    image = np.random.uniform(0, 255, (3, 40, 50)).astype('f')
    network.predict([image])  # gives all parameters their sizes
    network.multibox.conf[0].b.array.reshape(4, 21)[:, PERSON + 1] = 3
    save_npz(tmp_path / 'ssd.npz', network)
    monkeypatch.setitem(NETWORKS, 'ssd300', NetworkKind(build, sum(p.size for p in network.params())))
    (boxes, scores), = load_detector(f'ssd300:{tmp_path / "ssd.npz"}', device).detect([image])
    (expected, expected_scores), = VOCDetector(network).detect([image])
    assert len(expected) > 3
    np.testing.assert_allclose(boxes, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4)


def test_plain_convolutions_are_computed_fast_and_others_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = []

    def recorded(*args: Any) -> chainer.Variable | None:
        y = fuse(*args)
        fused.append(y is not None)
        return y

    monkeypatch.setattr(voc, 'fuse', recorded)
    links = [L.Convolution2D(3, 4, 3, pad=1), L.Convolution2D(4, 4, 3, nobias=True),
             L.DilatedConvolution2D(4, 4, 3, pad=2, dilate=2), L.Convolution2D(4, 4, 3, pad=2, dilate=2)]
    chain = chainer.Sequential(*links)
    x = np.random.RandomState(0).normal(size=(2, 3, 21, 19)).astype('f')
    with chainer.no_backprop_mode():
        expected = chain(x).array
        assert accelerate(chain) is chain
        np.testing.assert_allclose(chain(x).array, expected, rtol=1e-4, atol=1e-5)
    assert sum(fused) == 1
    F.sum(chain(x)).backward()
    assert links[0].W.grad is not None


def test_the_default_is_ssd_with_weights_that_are_downloaded_once(
    served: Any, cache: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    cache.mkdir()
    (cache / 'weights.npz').write_bytes(served.content[:500])  # of a download that was interrupted
    for _ in range(2):
        detector = load_detector()
        assert isinstance(detector, VOCDetector)
        np.testing.assert_array_equal(detector.network.conv.W.array, np.load(io.BytesIO(served.content))['conv/W'])
    assert (cache / 'weights.npz').read_bytes() == served.content
    assert len(served.requested) == 1
    error = capsys.readouterr().err
    assert error.startswith('weights.npz: SHA-256 ')
    assert error.count('\n') == 1


def test_a_copy_of_chainercvs_own_is_taken_if_it_is_whole(served: Any, cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / 'chainer/pfnet/chainercv/models/weights.npz'
    copy.parent.mkdir(parents=True)
    copy.write_bytes(served.content[:-30])
    load_detector('ssd512')
    assert (cache / 'weights.npz').exists()
    (cache / 'weights.npz').unlink()
    copy.write_bytes(served.content)
    load_detector('ssd512')
    assert not (cache / 'weights.npz').exists()


def test_without_a_network_the_default_is_the_bundled_finder_and_a_line_reports_it(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(load_detector(), PersonFinder)
    first = capsys.readouterr().err
    assert first.startswith('finding people with bundled')
    assert 'small.npz could not be downloaded (ChainerCV: ' in first
    assert first.count('\n') == 1
    with pytest.raises(InputError, match='could not be downloaded'):
        load_detector('ssd512')
    # The failure is remembered, so that no run waits for it again.
    monkeypatch.setattr(voc.download, 'fetch', lambda *args: pytest.fail('tried again'))
    assert isinstance(load_detector(), PersonFinder)
    assert 'a while ago' in capsys.readouterr().err


def test_without_chainer_the_default_is_the_bundled_finder_and_a_line_names_the_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, 'hourglass.detection.voc')
    monkeypatch.setitem(sys.modules, 'chainer', None)
    assert isinstance(load_detector(), PersonFinder)
    assert 'included finder: ssd512 needs the package chainer\n' in capsys.readouterr().err


def _save(path: Path, **changes: Any) -> None:
    arrays = {**dict(np.load(path)), **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


@pytest.mark.parametrize('changes', [
    {'conv/W': None}, {'conv/b': np.zeros(7, 'f')}, {'conv/b': np.zeros(2, int)},
    {'conv/W': np.zeros((2, 4, 3, 3), 'f')}, {'conv/b': np.array([0, np.nan], 'f')},
])
def test_files_that_are_not_the_networks(small: Path, changes: dict[str, Any]) -> None:
    _save(small, **changes)
    with pytest.raises(InputError, match=f'^{small}: '):
        load_detector(f'ssd512:{small}')


def test_a_weights_file_executes_no_code(small: Path) -> None:
    _save(small, **{'conv/b': np.array([Touch(small.with_name('spy'))] * 2, object)})
    with pytest.raises(InputError):
        load_detector(f'ssd512:{small}')
    assert not small.with_name('spy').exists()


def test_a_file_may_lack_counts_and_be_of_other_precision(small: Path) -> None:
    arrays = {key: value.astype('f2') for key, value in np.load(small).items() if key != 'bn/N'}
    np.savez(small, **arrays)
    detector = load_detector(f'ssd512:{small}')
    assert detector.network.conv.W.dtype == np.float32
    np.testing.assert_array_equal(detector.network.conv.W.array, arrays['conv/W'])
