from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pretrained
from hourglass.download import Source
from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from pretrained import registry
from pretrained.__main__ import main
from pretrained.entries import BUNDLED_FOLDER, REGISTRY
from pretrained.weights_file import load_model, save_model
from tests.pretrained.ports import BEARPAW_MEAN

import chainer
import numpy as np
import pytest

BUNDLED = load_model(REGISTRY['bundled'].path).spec


@pytest.fixture
def published(server: Any, small_weights: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A small stand-in for the published weights, on a server of this machine."""
    entry = replace(REGISTRY['published'], spec=load_model(small_weights).spec,
                    sources=(Source('the server', 'https', server.url),))
    monkeypatch.setitem(REGISTRY, 'published', entry)
    return entry


# The table and the files that are included.

def test_rows_are_complete() -> None:
    assert set(REGISTRY) == {'published', 'bundled', 'person-finder', 'umich', 'bearpaw-hg1', 'bearpaw-hg2',
                             'bearpaw-hg8'}
    for name, entry in REGISTRY.items():
        assert entry.name == name
        assert entry.sources or entry.sha256
        for score in entry.scores:
            # Hips were not published with the Torch7 weights; LSP and MPII have no face.
            assert set(entry.spec.joint_set.groups) - {'Hip', 'Face'} <= set(score.values)
            assert all(0 < value < 1 for value in score.values.values())
    assert {REGISTRY[f'bearpaw-hg{n_stack}'].spec.mean for n_stack in (1, 2, 8)} == {BEARPAW_MEAN}


@pytest.mark.parametrize(('name', 'n_params', 'card'), [
    ('bundled', 1_974_207, 'MODEL_CARD.md'), ('person-finder', 663_877, 'FINDER_CARD.md'),
])
def test_included_files_are_those_in_the_table(name: str, n_params: int, card: str) -> None:
    entry = REGISTRY[name]
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    model = pretrained.load(name)
    assert load_model(entry.path).spec == model.spec
    assert replace(model.spec, confidence=()) == entry.spec
    assert bool(model.spec.confidence) == (name == 'bundled')
    assert model.network.count_params() == n_params
    assert entry.path.stat().st_size < 5e6
    assert (entry.path.parent / card).read_text().startswith(f'# {entry.file}')


def test_the_bundled_weights_find_people_that_were_not_trained_on(shared: Callable[[str], Path]) -> None:
    from data.lsp import LSPDataset
    from eval.predict import ground_truth, predict_dataset
    from eval.score import relative_errors
    from hourglass.predictor import PosePredictor

    predictor = PosePredictor.load('bundled', flip=True)
    dataset = LSPDataset(shared('lsp'), 'half-val', predictor.spec.joint_set)
    dataset.people = dataset.people[::10]
    points, scores = predict_dataset(predictor, dataset)
    errors = relative_errors(points, *ground_truth(dataset))
    rated = ~np.isnan(errors)
    right = (errors <= .2)[rated]
    assert right.mean() > .77
    assert abs(scores[rated].mean() - right.mean()) < .08, 'a score says how often a joint is right'


def test_names_and_paths(published: Any, cache: Path, small_weights: Path) -> None:
    assert registry.resolve('bundled') == BUNDLED_FOLDER / 'hourglass-small-mpii-coco.npz'
    assert registry.resolve('published') == cache / 'model_2018_05_22.npz'
    assert registry.resolve(small_weights) == registry.resolve(str(small_weights)) == small_weights
    assert registry.resolve('no/such/file') == Path('no/such/file')
    assert pretrained.load(str(small_weights)).source == str(small_weights)
    assert pretrained.load('published').source == f'published ({cache / published.file})'
    with pytest.raises(InputError, match='no/such/file: No such file'):
        pretrained.load('no/such/file')
    with pytest.raises(InputError, match=r'publisched: no such file, and no weights of this name \(published, bundled'):
        registry.resolve('publisched')
    with pytest.raises(InputError, match='nothing: no weights of this name'):
        registry.fetch('nothing')


def test_specification_of_the_row_counts_for_a_file_without_one(published: Any, server: Any, cache: Path) -> None:
    cache.mkdir()
    chainer.serializers.save_npz(str(cache / published.file), published.spec.build_network())
    assert pretrained.load('published').spec == published.spec
    assert server.requested == []


def test_file_of_another_network_is_refused(published: Any, server: Any, cache: Path, tmp_path: Path) -> None:
    other = ModelSpec(width=4, n_stack=1, layer_num=1)
    save_model(tmp_path / 'other.npz', other.build_network(), other)
    server.content = (tmp_path / 'other.npz').read_bytes()
    with pytest.raises(InputError, match=r"a network of another size, .*'n_stack': 1.* instead of .*'n_stack': 1"):
        registry.fetch('published')
    with pytest.raises(InputError, match=r"another network, .*'StackedHG'.* instead of .*'PreActivationHG'"):
        registry.read(REGISTRY['bearpaw-hg8'], tmp_path / 'other.npz')
    assert not (cache / published.file).exists()


def test_default_is_published_if_it_can_be_had(published: Any, server: Any, cache: Path) -> None:
    for _ in range(2):
        model = pretrained.load_default()
        assert model.spec == published.spec
        assert model.source.startswith('using the published weights')
        assert str(cache) in model.source
    assert len(server.requested) == 1


def test_failure_is_remembered_by_default_but_not_by_fetch(published: Any, server: Any, cache: Path) -> None:
    server.status = 404
    assert 'HTTP status 404' in pretrained.load_default().source
    server.status = 200
    again = pretrained.load_default()
    assert again.spec == BUNDLED
    assert 'a while ago' in again.source
    registry.fetch('published')
    assert pretrained.load_default().spec == published.spec


def test_default_with_damaged_download_or_folder(published: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / published.file).write_bytes(b'damaged')
    model = pretrained.load_default()
    assert model.spec == BUNDLED
    assert 'fetch published downloads it again' in model.source
    monkeypatch.setenv('HOURGLASS_CACHE', str(cache / published.file))
    assert 'HOURGLASS_CACHE sets another folder' in pretrained.load_default().source


def test_list(published: Any, command: Callable[..., Any]) -> None:
    out = command('pretrained', 'list').stdout
    rows = {line.split()[0]: line for line in out.splitlines()[1:3]}
    assert '21 (mpii-coco)' in rows['bundled']
    assert '192x192' in rows['bundled']
    assert '1.97 M' in rows['bundled']
    assert 'not downloaded' in rows['published']
    assert 'Head 0.952, Shoulder 0.930, Elbow 0.866' in out
    registry.fetch('published')
    row, = (line for line in command('pretrained', 'list').stdout.splitlines() if line.startswith('published  '))
    assert 'not downloaded' not in row


def test_fetch_where_and_inspect(published: Any, cache: Path, small_weights: Path, command: Callable[..., Any]) -> None:
    assert str(cache) in command('pretrained', 'where').stdout
    assert command('pretrained', 'fetch', 'published').stdout.strip() == str(cache / published.file)
    assert command('pretrained', 'fetch', 'bundled').stdout.strip() == str(REGISTRY['bundled'].path)
    for name in ('published', str(small_weights)):
        out = command('pretrained', 'inspect', name).stdout
        assert hashlib.sha256(small_weights.read_bytes()).hexdigest() in out
        assert '1 stack, width 4, depth 1' in out
        assert published.spec.to_json() in out
        assert f'{published.spec.build_network().count_params():,}' in out


def test_inspect_compares_the_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY, 'bundled', replace(REGISTRY['bundled'], sha256='0' * 64))
    with pytest.raises(InputError, match='SHA-256'):
        main(['verify', 'bundled'])
