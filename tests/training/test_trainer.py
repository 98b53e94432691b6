"""Trainings from Python: what they return, and resuming in the same process."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from hourglass.errors import InputError
from tests.training.conftest import assert_same_result
from training import TrainConfig, resume, train

import pytest


@pytest.fixture
def config(people_folder: Path, tmp_path: Path) -> TrainConfig:
    """The settings of the fixture ``small``."""
    return TrainConfig(dataset='lsp', root=str(people_folder), stacks=1, width=8, depth=1, input_size=32, batchsize=4,
                       epochs=3, out=str(tmp_path / 'out'))


def test_a_training_returns_what_it_made(config: TrainConfig, reference: Path) -> None:
    result = train(replace(config, loaders=2))
    out = Path(config.out)
    assert_same_result(out, reference)
    assert (result.out, result.model, result.best) == (out, out / 'model.npz', out / 'best.npz')
    assert [entry['epoch'] for entry in result.log] == [1, 2, 3]
    assert result.score == max(entry['validation/main/pck'] for entry in result.log)


def test_a_training_resumes_in_another_folder_and_can_be_made_longer(
    tmp_path: Path, reference: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    moved = Path(shutil.copytree(reference, tmp_path / 'moved'))
    for name in ('snapshot_iter_8', 'snapshot_iter_12', 'model.npz', 'log'):
        (moved / name).unlink()
    result = resume(moved)
    assert_same_result(moved, reference)
    assert [entry['epoch'] for entry in result.log] == [1, 2, 3]
    longer = resume(moved, epochs=4)
    assert [entry['epoch'] for entry in longer.log] == [1, 2, 3, 4]
    assert 'the training had 3 epochs and now has 4' in capsys.readouterr().err
    with pytest.raises(InputError, match='--seed was 0, not 1'):
        resume(moved, seed=1)


def test_a_training_without_validation_has_no_score(people_folder: Path, config: TrainConfig) -> None:
    result = train(replace(config, validation=False, epochs=1))
    assert (result.score, result.best) == (None, None)
    with pytest.raises(InputError, match=r'run\.json'):
        resume(people_folder)


def test_weighted_sets_resume_exactly(config: TrainConfig, tmp_path: Path) -> None:
    mixed = replace(config, dataset=('lsp', 'synthetic'), samples=4, epochs=2, dataset_weights=(3, 1))
    train(mixed)
    whole = Path(shutil.copytree(config.out, tmp_path / 'whole'))
    train(replace(mixed, resume=str(Path(config.out) / 'snapshot_iter_5'), loaders=1))
    assert_same_result(Path(config.out), whole)
    with pytest.raises(InputError, match='--dataset-weights was'):
        train(replace(mixed, resume='newest', dataset_weights=(1, 1)))


def test_the_seed_decides(config: TrainConfig, reference: Path) -> None:
    result = train(replace(config, seed=1))
    assert result.model.read_bytes() != (reference / 'model.npz').read_bytes()
