from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from eval.coco_evaluate import COCOResult, evaluate, plot
from eval.coco_score import STATS, COCOScore
from eval.oks_plot import plot_oks, plot_precision_recall, read_score
from eval.result import legend
from hourglass.errors import InputError
from hourglass.image import read_image

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


# Earlier results.

def _write(folder: Path, level: float, name: str = 'earlier.json') -> Path:
    folder.mkdir(exist_ok=True)
    COCOResult('earlier', _score(level), None, None).save_json(folder / name)
    return folder / name


def test_a_score_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = _score(.25)
    written.stats['APm'] = float('nan')
    written.precision[3] = np.nan
    COCOResult('one', written, None, None).save_json(tmp_path / 'a.json')
    read = read_score(tmp_path / 'a.json')
    np.testing.assert_array_equal(read.precision, written.precision)
    np.testing.assert_array_equal(read.recall, written.recall)
    np.testing.assert_allclose(read.thresholds, written.thresholds)
    np.testing.assert_equal(read.stats, written.stats)
    assert (read.n_poses, read.n_people) == (written.n_poses, written.n_people)


def test_earlier_results_are_drawn_too(tmp_path: Path) -> None:
    result = COCOResult('now', _score(.8), None, np.array([.5, .7]))
    first, second = _write(tmp_path / 'a', .4), _write(tmp_path / 'b', .6)
    texts = {}
    for name, compare in (('none', []), ('one', [first]), ('two', [first, second])):
        plot(result, Namespace(plot=str(tmp_path / f'{name}.png'), compare=[str(path) for path in compare]))
        texts[name] = read_image(tmp_path / f'{name}.png')
    assert (texts['none'] != texts['one']).any()
    assert (texts['one'] != texts['two']).any()
    assert (tmp_path / 'none-oks.png').exists()


def test_results_of_the_same_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, COCOScore] = {}
    monkeypatch.setattr('eval.oks_plot.plot_precision_recall', lambda scores, path: drawn.update(scores))
    paths = [_write(tmp_path / 'a', .4), _write(tmp_path / 'b', .6), _write(tmp_path / 'c', .7, 'other.json')]
    plot(COCOResult('now', _score(.8), None, None), Namespace(plot='x.png', compare=[str(path) for path in paths]))
    assert list(drawn) == ['now', 'a/earlier', 'b/earlier', 'other']
    assert [score.precision[0, 0] for score in drawn.values()] == [.8, .4, .6, .7]


def test_names_in_a_legend() -> None:
    assert legend([]) == []
    names = ['a/run.json', 'a/run.old', 'b/run.json', 'b/other.json']
    assert legend(names) == list(zip(['a/run.json', 'a/run.old', 'b/run', 'other'], map(Path, names), strict=True))
    with pytest.raises(InputError, match=r'run\.json: named twice'):
        legend(['a/run.json', 'a/run.json'])


def _changed(**changes: Any) -> dict[str, Any]:
    value = _score(.5).to_dict()
    value['curve'].update(changes)
    return {'oks': value}


BAD_RESULTS: dict[str, tuple[Any, str]] = {
    'missing': (None, 'no such file'),
    'empty': ('', 'not a result for COCO'),
    'truncated': (json.dumps(_changed())[:-200], 'not a result for COCO'),
    'list': ([], 'not a result for COCO'),
    'nested': ('[' * 100_000, 'not a result for COCO'),
    'other': ({'oks': 3}, 'not a result for COCO'),
    'of joints': ({'metric': 'PCKh', 'curve': {}}, 'holds PCKh, which cannot be compared with OKS'),
    'no curve': ({'oks': {**_score(.5).to_dict(), 'curve': {}}}, 'not a result for COCO'),
    'no stats': ({'oks': {**_score(.5).to_dict(), 'stats': {}}}, 'not a result for COCO'),
    'percent': (_changed(precision={f'{t:.2f}': [50.0] * 101 for t in np.linspace(.5, .95, 10)}), 'not a result'),
    'texts': (_changed(precision={f'{t:.2f}': ['1'] * 101 for t in np.linspace(.5, .95, 10)}), 'not a result'),
    'other thresholds': (_changed(precision={'0.30': [.5] * 101}), 'not a result for COCO'),
    'short rows': (_changed(precision={f'{t:.2f}': [.5] * 3 for t in np.linspace(.5, .95, 10)}), 'not a result'),
    'falling recall': (_changed(recall=np.linspace(1, 0, 101).tolist()), 'not a result for COCO'),
    'no recall': (_changed(recall=[], precision={f'{t:.2f}': [] for t in np.linspace(.5, .95, 10)}), 'not a result'),
    'huge': (' ' * 10_000_001, 'more than 10,000,000 bytes'),
}


@pytest.mark.parametrize(('value', 'reason'), BAD_RESULTS.values(), ids=BAD_RESULTS)
def test_what_is_no_earlier_result_is_named_before_anything_is_predicted(
    tmp_path: Path, value: Any, reason: str,
) -> None:
    path = tmp_path / 'bad.json'
    if value is not None:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(InputError, match=reason) as caught:
        evaluate(Namespace(compare=[str(path)]))
    assert str(caught.value).startswith(f'{path}: ')
    assert '\n' not in str(caught.value)
