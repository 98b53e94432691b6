"""A small data set on disk and short trainings on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.options import parse_config
from training.trainer import train

import numpy as np
import pytest
import scipy.io
from PIL import Image

N_PEOPLE = 20


@pytest.fixture(scope='session')
def people_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty people in the layout of LSP: 16 to train on, 4 to validate."""
    root = tmp_path_factory.mktemp('people')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    for i in range(N_PEOPLE):
        pixels = rng.integers(0, 256, (72, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'im{i + 1:04d}.jpg')
    joints = np.zeros((3, 14, N_PEOPLE))
    joints[:2] = rng.uniform(8, 60, (2, 14, N_PEOPLE))
    scipy.io.savemat(root / 'joints.mat', {'joints': joints})
    return root


@pytest.fixture(scope='session')
def small(people_folder: Path) -> list[str]:
    """Arguments of a training of a second: 3 epochs of 4 iterations."""
    return ['--dataset', 'lsp', '--root', str(people_folder), '--stacks', '1', '--width', '8', '--depth', '1',
            '--input-size', '32', '--batchsize', '4', '--epoch', '3']


@pytest.fixture
def run_training(small: list[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Train in this process, with further arguments; without the curves, which take a third of the time."""
    monkeypatch.setattr('training.report.draw_log', lambda *_: None)

    def run(*arguments: object) -> None:
        # A data set or a root that is given again would come beside the first.
        common = [part for pair in zip(small[::2], small[1::2], strict=True) if pair[0] not in arguments
                  for part in pair]
        train(parse_config([*common, *map(str, arguments)]))

    return run


def log_of(folder: Path) -> list[dict[str, Any]]:
    """Return the log of a training without what a clock has measured."""
    return [{key: value for key, value in entry.items() if key != 'elapsed_time'}
            for entry in json.loads((folder / 'log').read_text())]


def assert_same_result(a: Path, b: Path) -> None:
    """Compare the results of two trainings bit for bit."""
    assert log_of(a) == log_of(b)
    for name in ('model.npz', 'best.npz'):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


@pytest.fixture(scope='session')
def reference(small: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of the small training without an interruption."""
    out = tmp_path_factory.mktemp('reference') / 'out'
    train(parse_config([*small, '--out', str(out)]))
    return out
