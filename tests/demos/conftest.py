"""Fixtures for demo_multi_person.py in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import demo_people
from demos.commands import people
from hourglass.image import write_image
from hourglass.options import PredictorConfig
from hourglass.predictor import PosePredictor

import pytest

Run = Callable[..., tuple[int, str]]
_LOADED: dict[Any, PosePredictor] = {}


@pytest.fixture
def _bundled_weights_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load = PredictorConfig.load_predictor

    def load_once(config: PredictorConfig, batchsize: int = 16) -> PosePredictor:
        if config.model != 'bundled':
            return load(config, batchsize)
        key = config.flip, config.engine, config.precision, config.gpu, batchsize
        if key not in _LOADED:
            _LOADED[key] = load(config, batchsize)
        return _LOADED[key]

    monkeypatch.setattr(PredictorConfig, 'load_predictor', load_once)


@pytest.fixture
def demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any],
    _bundled_weights_are_loaded_once: None,
) -> Run:
    """Run demo_multi_person.py in an empty folder; return its status and what it wrote.

    The weights are the bundled ones if no others are named.
    """
    monkeypatch.chdir(tmp_path)
    # Nothing is asked of any server: the last download has failed just now.
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / '.cache'))
    monkeypatch.setenv('CHAINER_DATASET_ROOT', str(tmp_path / '.chainer'))
    (tmp_path / '.cache').mkdir()
    (tmp_path / '.cache/ssd512_voc0712_converted_2017_06_06.npz.failed').write_text('no network')

    def main(*arguments: object) -> tuple[int, str]:
        weights = () if '--model' in arguments else ('--model', 'bundled')
        result = command(people, 'demo_multi_person.py', *arguments, *weights)
        return result.returncode, result.stderr

    return main


@pytest.fixture
def scene(tmp_path: Path) -> tuple[Path, list[tuple[float, ...]]]:
    """A picture file of four people, and their boxes (x, y, width, height)."""
    image, people = demo_people()
    write_image(tmp_path / 'photo.png', image)
    return tmp_path / 'photo.png', [(x0, y0, x1 - x0, y1 - y0) for y0, x0, y1, x1 in (p.box for p in people)]
