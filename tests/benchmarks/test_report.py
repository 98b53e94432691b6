"""The table of ratios, what is written of it, and the comparison with recorded ratios."""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from benchmarks import demos, growth, report
from benchmarks.cases import Case
from benchmarks.harness import matrix_product
from benchmarks.report import DEMOS, END, START, TARGETS, fill_page, ratio_table, ratios

import cv2
import pytest


def test_a_ratio_is_met_missed_or_not_measured():
    target = TARGETS[0]
    figures = dict(zip(target.figures, (.3, 1.), strict=True))
    assert ratios(TARGETS, figures) == {target.title: .3}
    rows = ratio_table(TARGETS, figures).splitlines()[2:]
    assert [row.split('|')[-2].strip() for row in rows] == ['met', *['not measured'] * (len(TARGETS) - 1)]
    figures[target.figures[0]] = .6
    assert 'missed by 50%' in ratio_table([target], figures)


def test_only_what_is_between_the_marks_changes():
    page = f'before\n{START}\n{{}}\n{END}\nafter\n'
    assert fill_page(page.format('old'), r'new \1') == page.format(r'new \1')


def test_the_projects_own_page_and_recorded_ratios():
    assert fill_page(report.PAGE.read_text(), '').count(END) == 1
    assert set(json.loads(report.RECORDED.read_text())['ratios']) <= {target.title for target in TARGETS + DEMOS}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the page, its picture and the recorded ratios."""
    for name, file in (('PAGE', 'speed.md'), ('COST', 'cost.png'), ('RECORDED', 'recorded.json')):
        monkeypatch.setattr(report, name, tmp_path / file)
    (tmp_path / 'speed.md').write_text(f'{START}\n{END}\n')
    return tmp_path


def test_everything_with_tiny_networks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    def tiny(case: Case | None) -> Case | None:
        return case and case._replace(network='tiny', batch=min(case.batch, 2))

    targets = tuple(target._replace(case=tiny(target.case), by_case=tiny(target.by_case)) for target in TARGETS)
    monkeypatch.setattr(report, 'TARGETS', targets)
    monkeypatch.setattr(growth, 'PANELS', [
        panel._replace(points=dict([*panel.points.items()][:1])) for panel in growth.PANELS])
    monkeypatch.setattr('benchmarks.compare.matrix_product', lambda: matrix_product(64))
    monkeypatch.setattr(report, 'REPEATS', 2)
    monkeypatch.setattr('benchmarks.compare.in_child', lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(report, 'WIDTH', 4)
    monkeypatch.setattr(demos, 'time_pictures', partial(demos.time_pictures, 2))
    small = partial(demos.time_video, 'f32', 6, (96, 128))  # making an int8 graph takes seconds
    monkeypatch.setattr(demos, 'time_video', lambda *_: small())
    report.main(['--record'])
    printed = capsys.readouterr().out
    assert printed.count('| ') > len(TARGETS)
    assert printed.strip() in (folder / 'speed.md').read_text()
    assert min(cv2.imread(str(folder / 'cost.png')).shape[:2]) > 200
    # Those with PyTorch are there only where it is installed.
    recorded = json.loads((folder / 'recorded.json').read_text())['ratios']
    assert {target.title for target in TARGETS + DEMOS if target.by != 'torch'} <= recorded.keys()


@pytest.mark.parametrize(('was', 'status'), [(.5, 1), (.55, 0)])
def test_a_check_fails_if_a_ratio_is_worse_by_a_tenth(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], was: float, status: int,
) -> None:
    title = TARGETS[0].title
    (folder / 'recorded.json').write_text(json.dumps({'ratios': {title: was}}))
    figures = dict(zip(TARGETS[0].figures, (.6, 1.), strict=True))
    monkeypatch.setattr(report, 'measure_figures', lambda targets: (figures, {}, 1e9))
    monkeypatch.setattr(report, 'measure_demos', dict)
    with pytest.raises(SystemExit) if status else nullcontext() as stopped:
        report.main(['--check'])
    assert stopped is None or stopped.value.code == status
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith(title) for line in lines) == status
    assert sum(line.endswith('not compared') for line in lines) == len(TARGETS + DEMOS) - 1
