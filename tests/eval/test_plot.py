from __future__ import annotations

from pathlib import Path

from hourglass.image import read_image
from hourglass.joints import LSP
from tests.eval.truth import oks_result, pck_result, saved

import numpy as np


def test_rates_of_several_results_are_drawn(tmp_path: Path) -> None:
    pck_result().plot(tmp_path / 'one.png')
    pck_result().compare([saved(pck_result('b', LSP), tmp_path / 'b.json')]).plot(tmp_path / 'two.png')
    one, two = read_image(tmp_path / 'one.png'), read_image(tmp_path / 'two.png')
    assert one.shape == two.shape
    assert (one != two).any()


def test_results_of_coco_give_three_pictures(tmp_path: Path) -> None:
    earlier = [saved(oks_result('b', .4), tmp_path / 'b.json'), saved(oks_result('c', .6, False), tmp_path / 'c.json')]
    oks_result('now', .8).compare(earlier).plot(tmp_path / 'a.png')
    assert {path.name for path in tmp_path.glob('*.png')} == {'a.png', 'a-oks.png', 'a-pck.png'}
    for path in tmp_path.glob('*.png'):
        assert read_image(path).std() > 10


def test_a_result_without_people_is_drawn_empty(tmp_path: Path) -> None:
    oks_result('x', np.nan, errors=np.full((2, 17), np.nan), oks=np.full(2, np.nan)).plot(tmp_path / 'plot.svg')
    assert all(b'</svg>' in path.read_bytes() for path in tmp_path.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {'plot.svg', 'plot-pck.svg'}
