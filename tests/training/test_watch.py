"""Log, pictures and best weights of a training, and how it ends when the loss is not finite or an image fails."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import data.loaders
from data.person import PersonDataset
from hourglass.errors import InputError
from hourglass.joints import LSP
from pretrained import load_model
from training.evaluator import PoseEvaluator
from training.loss import LOSSES, LossEntry
from training.watch import SCORE, StopAtBadLoss, sample_name

import numpy as np
import pytest
from chainer.datasets import ConcatenatedDataset
from PIL import Image

Run = Callable[..., None]


def test_the_log_is_written_as_json_and_csv_and_drawn(reference: Path) -> None:
    log = json.loads((reference / 'log').read_text())
    with (reference / 'log.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row['epoch']) for row in rows] == [1, 2, 3] == [entry['epoch'] for entry in log]
    for row, entry in zip(rows, log, strict=True):
        assert {key: float(value) for key, value in row.items()} == {key: float(v) for key, v in entry.items()}
        assert entry['validation/main/best'] == max(e[SCORE] for e in log[:entry['epoch']])
    assert np.asarray(Image.open(reference / 'plots.png')).std() > 0
    # 4 people, each above with annotated and below with predicted joints.
    assert Image.open(reference / 'people.jpg').size == (4 * 192, 2 * 192)


def test_the_best_weights_are_those_of_the_best_epoch(
    run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = iter((0.25, 0.75, 0.5))
    monkeypatch.setattr(PoseEvaluator, 'score', lambda _: next(scores))
    out = tmp_path / 'out'
    run_training('--out', out)
    assert [entry['validation/main/best'] for entry in json.loads((out / 'log').read_text())] == [0.25, 0.75, 0.75]
    assert json.loads((out / 'log').read_text())[2]['validation/main/best_epoch'] == 2
    best, second = load_model(out / 'best.npz').network, load_model(out / 'snapshot_iter_8').network
    for (name, a), (_, b) in zip(best.namedparams(), second.namedparams(), strict=True):
        np.testing.assert_array_equal(a.array, b.array, err_msg=name)


def test_a_loss_that_is_no_number_ends_the_training(
    run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = iter(range(100))
    squared = LOSSES['mse'].compare

    def explode(output: object, target: object) -> object:
        return squared(output, target) * (np.float32('nan') if next(calls) == 6 else 1)  # type: ignore[arg-type]

    monkeypatch.setitem(LOSSES, 'mse', LossEntry('', explode))  # type: ignore[arg-type]
    out = tmp_path / 'out'
    with pytest.raises(InputError) as caught:
        run_training('--out', out)
    message = str(caught.value)
    assert 'the loss is nan at iteration 7, epoch 2' in message
    seen = [message.count(f'im{i:04d}.jpg') for i in range(1, 21)]
    assert sum(seen) == 4
    assert message.count('LSP train-fit') == 4
    assert not (out / 'model.npz').exists()
    assert [path.name for path in out.glob('snapshot_*')] == ['snapshot_iter_4']
    assert load_model(out / 'snapshot_iter_4')


def test_the_loss_of_several_gpus_is_the_mean_of_their_parts() -> None:
    observation = {'main/loss': np.float32(1), 'gpu 1/loss': np.float32(3), 'lr': np.float32(7)}
    trainer: Any = SimpleNamespace(observation=observation, updater=SimpleNamespace(iteration=1, epoch=0))
    samples: Any = SimpleNamespace(indices=[], dataset=SimpleNamespace(dataset=None))
    extension = StopAtBadLoss(samples)
    extension(trainer)
    assert observation['main/loss'] == 2
    observation['gpu 1/loss'] = np.float32('nan')
    with pytest.raises(InputError, match='the loss is nan at iteration 1'):
        extension(trainer)


def test_samples_of_joined_sets_are_found() -> None:
    joined = ConcatenatedDataset(*(PersonDataset(name, LSP, [Mock(image=image) for image in images], Path())
                                   for name, images in (('A', 'pq'), ('B', 'xyz'))))
    assert [sample_name(joined, i) for i in range(5)] == ['A p', 'A q', 'B x', 'B y', 'B z']


@pytest.mark.parametrize(('damage', 'reason'), [
    (lambda images: (images / 'im0002.jpg').unlink(), r'im0002.jpg: no such file \(1 of 16 images of LSP train-fit'),
    (lambda images: (images / 'im0005.jpg').unlink(), r'im0005.jpg: no such file \(1 of 4 images of LSP train-val'),
    (lambda images: (images / 'im0010.jpg').write_bytes(b'x'), r'im0010.jpg: not a picture'),
])
def test_missing_images_are_found_before_anything_is_written(
    people_folder: Path, run_training: Run, tmp_path: Path, damage: Callable[[Path], object], reason: str,
) -> None:
    # Of each five images the last is for validation.
    images = Path(shutil.copytree(people_folder, tmp_path / 'root')) / 'images'
    damage(images)
    with pytest.raises(InputError, match=reason):
        run_training('--out', tmp_path / 'out', '--root', images.parent)
    assert not (tmp_path / 'out').exists()


def test_a_learning_rate_that_is_far_too_high_is_one_line(
    run_training: Run, tmp_path: Path, recwarn: pytest.WarningsRecorder,
) -> None:
    with pytest.raises(InputError, match='the loss is nan at iteration 2, epoch 1') as caught:
        run_training('--out', tmp_path / 'out', '--lr', 1e30)
    assert 'a lower --lr may help' in str(caught.value)
    assert 'snapshot' not in str(caught.value)
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


def test_a_training_prints_where_the_weights_are_and_how_good(
    run_training: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / 'out'
    run_training('--out', out)
    printed, shown = capsys.readouterr()
    log = json.loads((out / 'log').read_text())
    last, best = log[-1][SCORE], max(entry[SCORE] for entry in log)
    best_epoch = next(entry['epoch'] for entry in log if entry[SCORE] == best)
    assert printed == (f'PCK@0.2 {last:.3f} after epoch 3: {out / "model.npz"}; the best, {best:.3f} after epoch '
                       f'{best_epoch}: {out / "best.npz"}\n')
    assert f'loss {log[0]["main/loss"]:.4g}  score {log[0][SCORE]:.4g}  best' in shown
    assert 'main' not in shown
    run_training('--out', tmp_path / 'other', '--no-validation', '--epoch', 1)
    printed, shown = capsys.readouterr()
    assert f'after epoch 1: {tmp_path / "other" / "model.npz"}' in printed
    assert 'score' not in shown


def test_a_loader_that_dies_ends_a_training_in_one_line(
    run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data.loaders, '_load', _die)
    with pytest.raises(InputError, match='a loader process was killed'):
        run_training('--out', tmp_path / 'out', '--loaders', 1)


def _die(*_: object) -> None:
    os._exit(9)


def test_tensorboard_needs_its_package(run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'tensorboardX', None)
    with pytest.raises(InputError, match='--tensorboard needs tensorboardX'):
        run_training('--out', tmp_path / 'out', '--tensorboard')
    assert not (tmp_path / 'out').exists()


def test_tensorboard_gets_the_log(run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Mock()
    monkeypatch.setitem(sys.modules, 'tensorboardX', writer)
    out = tmp_path / 'out'
    run_training('--out', out, '--epoch', 1, '--tensorboard')
    log, = json.loads((out / 'log').read_text())
    writer.SummaryWriter.assert_called_once_with(str(out / 'tensorboard'), purge_step=1)
    writer.SummaryWriter().add_scalar.assert_any_call(SCORE, log[SCORE], 4)
    writer.SummaryWriter().close.assert_called_once_with()
