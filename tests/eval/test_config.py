from __future__ import annotations

from pathlib import Path
from typing import Any

from eval import EvalConfig, evaluate
from eval.options import parse_config
from hourglass.errors import InputError

import pytest


def test_options_and_values_are_the_same() -> None:
    assert parse_config([]) == EvalConfig()
    assert parse_config(['--dataset', 'lsp', '--root', 'a/b', '--flip', '--gpu', '0', '--pck-threshold', '.1',
                          '--plot', 'p.png', '--compare', 'a.json', 'b.json', '--dataset', 'csv']) == EvalConfig(
        dataset='csv', root=Path('a/b'), flip=True, gpu=0, pck_threshold=.1, plot='p.png',  # type: ignore[arg-type]
        compare=['a.json', Path('b.json')])  # type: ignore[arg-type]


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--dataset', 'nosuch'], '--dataset must be one of mpii, lsp'),
    (['--model', 'a', '--snapshot', 'b'], '--model and --snapshot exclude each other'),
    (['--predictions', 'a.h5'], '--predictions needs --annotations'),
    (['--predictions', 'a.h5', '--annotations', 'b.h5', '--protocol', 'all'], '--protocol and --predictions exclude'),
    (['--predictions', 'a.h5', '--annotations', 'b.h5', '--sheet', 'c.png'], '--sheet needs images'),
    (['--dataset', 'lsp', '--samples', '3'], '--samples is for --dataset synthetic'),
    (['--dataset', 'synthetic', '--pck-threshold', '0.5'], '--pck-threshold is for'),
    (['--dataset', 'coco', '--nms', '.5'], '--nms needs --detections'),
    (['--dataset', 'lsp', '--detector', 'bundled-fast'], '--detector is for --dataset coco'),
    (['--dataset', 'coco', '--detector', 'bundled-fast', '--detector-class', '1'], '--detector-class needs'),
    (['--dataset', 'coco', '--detections', 'd.json', '--csv', 'c.csv'], '--csv needs annotated people'),
    (['--dataset', 'coco', '--reliability', 'a.png'], '--reliability is for a network, and not for COCO'),
    (['--calibrate', 'a.npz'], '--calibrate needs --model or --snapshot'),
    (['--compare', 'a.json'], '--compare needs two files'),
    (['--compare', 'a.json', 'b.json', '--flip'], '--flip is for an evaluation'),
])
def test_options_that_are_wrong_or_do_not_go_together(arguments: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_config(arguments)


@pytest.mark.parametrize(('settings', 'reason'), [
    ({'plot': 'a.xyz'}, r'a\.xyz: a plot ends with'),
    ({'sheet': 'worst'}, 'worst: the ending'),
    ({'json': '.'}, 'is a folder'),
    ({'json': 'a.json', 'csv': 'a.json'}, r'a\.json: would replace'),
    ({'plot': 'a.png', 'compare': 'b.json'}, r'b\.json: no such file'),
    ({'model': None, 'dataset': None, 'compare': ['a', 'b']}, 'evaluates nothing'),
    ({'model': 'nothing.npz'}, r'nothing\.npz'),
    ({'split': 'x'}, "no split 'x'"),
    ({'dataset': 'lsp', 'root': 'nowhere'}, 'nowhere/joints.mat: no such file'),
    ({'dataset': 'lsp', 'save_predictions': 'a.h5'}, 'not for LSP'),
    ({'model': None, 'predictions': 'a.h5', 'annotations': 'b.h5'}, r'a\.h5: no such file'),
    ({'model': None, 'predictions': 'a.json', 'annotations': 'b.json'}, r'\.json: no such file'),
])
def test_mistakes_are_reported_before_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=reason):
        evaluate(**{'model': 'bundled', 'dataset': 'synthetic', **settings})
    assert not list(tmp_path.iterdir()), 'nothing half-written'
