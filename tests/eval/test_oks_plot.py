from __future__ import annotations

from pathlib import Path

from data.image import read_image
from eval.coco_score import STATS, COCOScore
from eval.oks_plot import plot_oks, plot_precision_recall
from hourglass.errors import InputError

import numpy as np
import pytest


def _score(level: float) -> COCOScore:
    return COCOScore(dict.fromkeys(STATS, level), np.linspace(.5, .95, 10), np.linspace(0, 1, 101),
                     np.full((10, 101), level), 3, 3)


def test_curves_of_several_results(tmp_path: Path) -> None:
    plot_precision_recall({'one': _score(.8)}, tmp_path / 'one.png')
    plot_precision_recall({'one': _score(.8), 'two': _score(.4)}, tmp_path / 'two.png')
    one, two = read_image(tmp_path / 'one.png'), read_image(tmp_path / 'two.png')
    assert one.shape == two.shape
    assert (one != two).any()


def test_a_result_without_people_is_drawn_empty(tmp_path: Path) -> None:
    plot_precision_recall({'nobody': _score(np.nan)}, tmp_path / 'plot.svg')
    plot_oks({'nobody': np.array([np.nan]), 'none': np.zeros(0)}, tmp_path / 'oks.svg')
    assert b'</svg>' in (tmp_path / 'plot.svg').read_bytes()
    assert b'</svg>' in (tmp_path / 'oks.svg').read_bytes()


def test_distributions(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 1, 100)
    values[3] = np.nan
    plot_oks({'a': values, 'b': values ** 2}, tmp_path / 'oks.png')
    assert read_image(tmp_path / 'oks.png').std() > 10


def test_an_unknown_format_is_an_error(tmp_path: Path) -> None:
    for draw in (lambda path: plot_oks({'a': np.array([.5])}, path),
                 lambda path: plot_precision_recall({'a': _score(.5)}, path)):
        with pytest.raises(InputError, match=r'plot\.xyz: '):
            draw(tmp_path / 'plot.xyz')
    assert list(tmp_path.iterdir()) == []
