from __future__ import annotations

import json
import os
from pathlib import Path
from signal import SIGTERM
from typing import Any

from hourglass.box_codec import finder_spec
from hourglass.detection import load_detector
from hourglass.errors import InputError
from hourglass.lock import only_run
from tests.data.coco_files import write_scenes
from training.finder import FinderChain, FinderConfig, parse_finder_config, start_from, train_finder

import numpy as np
import pytest


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp('scenes'), 10, (64, 64), lambda i: (5 * i, 10, 16, 40))


def _config(scenes: Path, out: Path, **more: object) -> FinderConfig:
    return FinderConfig(root=str(scenes), out=str(out), width=8, depth=2, batchsize=3, seed=3, lr=3e-3,
                        **{'epochs': 2, **more})  # type: ignore[arg-type]


def test_a_training_gives_a_detector_and_resumes_exactly_after_a_stop(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: int,
) -> None:
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    path = train_finder(_config(scenes, whole, gpu=device))
    (boxes, _), = load_detector(f'bundled:{path}').detect([np.zeros((3, 64, 64), np.float32)])
    assert boxes.shape[1:] == (4,)
    log = json.loads((whole / 'log').read_text())
    assert log[1]['main/loss'] < log[0]['main/loss']
    assert {'validation/recall', 'validation/precision'} <= set(log[0])
    # Another training that is stopped in its first epoch and resumed has the same result.
    forward, calls = FinderChain.forward, iter(range(99))

    def interrupted(*arguments: Any) -> Any:
        if next(calls) == 1:
            os.kill(os.getpid(), SIGTERM)
        return forward(*arguments)

    monkeypatch.setattr(FinderChain, 'forward', interrupted)
    with pytest.raises(SystemExit):
        train_finder(_config(scenes, parts, gpu=device))
    assert {path.name for path in parts.glob('snapshot_*')} == {'snapshot_iter_2'}
    assert not (parts / 'model.npz').exists()
    with pytest.raises(InputError, match='holds snapshots of an earlier training'):
        train_finder(_config(scenes, parts))
    with only_run(parts), pytest.raises(InputError, match='another run writes to it'):
        train_finder(_config(scenes, parts, resume=True))
    assert train_finder(_config(scenes, parts, resume=True, gpu=device)).read_bytes() == path.read_bytes()


def test_what_fits_is_taken_over() -> None:
    network = finder_spec(64, 3).build_network()
    before = network.conv1_3a.W.array.copy()
    assert start_from(network, 'bundled') > 300
    np.testing.assert_array_equal(network.conv1_3a.W.array, before)


def test_without_pictures_the_option_is_named() -> None:
    with pytest.raises(InputError, match='--root is missing'):
        parse_finder_config([])
