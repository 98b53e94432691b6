"""The picture of how the time of a prediction grows."""

from __future__ import annotations

import json
import sys

from benchmarks import cost

import cv2
import pytest


def test_a_picture_and_the_figures_of_every_point(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cost, 'PANELS', {
        name: panel._replace(values=panel.values[:1]) for name, panel in cost.PANELS.items()})
    monkeypatch.setattr(sys, 'argv', [
        'cost', '--width', '4', '--repeats', '2', '--out', str(tmp_path / 'c.png'), '--json', str(tmp_path / 'c.json')])
    cost.main()
    assert min(cv2.imread(str(tmp_path / 'c.png')).shape[:2]) > 200
    points = json.loads((tmp_path / 'c.json').read_text())['points']
    assert set(points) == {'people', 'stacks', 'input', 'batch'}
    for (only,) in points.values():
        assert len(only['seconds']) == 2
        assert min(only['seconds']) > 0
    assert capsys.readouterr().out.count('ms per') == 4


def test_the_time_of_a_batch_is_divided_by_its_people():
    compute, n = cost.prediction('batch', 3, 4)
    assert n == 3
    assert len(compute()) == 3


def test_all_people_of_an_image_are_predicted():
    compute, n = cost.prediction('people', 3, 4)
    assert n == 1
    poses = compute()
    assert len({pose.box.corner[1] for pose in poses}) == 3


def test_no_repeats(capsys):
    from hourglass.errors import InputError
    with pytest.raises(InputError, match='--repeats'):
        cost.parse(['--repeats', '0'])
