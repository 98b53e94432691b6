"""The single benchmarks, with as little work as possible."""

from __future__ import annotations

import json

from benchmarks import compare, gpu, growth, samples, video
from hourglass.errors import InputError
from tests.conftest import DEVICES

import cv2
import pytest


def test_compare(tmp_path, capsys):
    path = tmp_path / 'c.json'
    compare.main(['--networks', 'tiny', '--tasks', 'training', '--modes', 'fast', 'onnxruntime', '--repeats',
                  '1', '--memory', '--json', str(path)])
    (result,) = json.loads(path.read_text())['results']
    assert list(result['seconds']) == list(result['memory']) == ['fast']
    assert result['memory']['fast'] > 2 ** 20
    printed = capsys.readouterr().out
    assert 'tiny, training, batch 1' in printed
    assert 'onnxruntime: not measured (engines predict on the CPU)' in printed


def test_compare_on_a_gpu_that_is_not_there():
    with pytest.raises(InputError, match='--gpu 99'):
        compare.main(['--gpu', '99'])


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_gpu(device, tmp_path, capsys):
    path = tmp_path / 'c.json'
    gpu.main(['--gpu', str(device), '--networks', 'tiny', '--batches', '2', '--repeats', '1', '--json', str(path)])
    results = json.loads(path.read_text())['results']
    assert [result['training'] for result in results] == [False, True]
    for result in results:
        assert {'stock', 'fast'} <= result['seconds'].keys() == result['memory'].keys()
    assert '/ torch' in capsys.readouterr().out


def test_growth(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(growth, 'PANELS', [
        panel._replace(points=dict(list(panel.points.items())[:2])) for panel in growth.PANELS])
    figures, picture = tmp_path / 'g.json', tmp_path / 'g.png'
    growth.main(['--width', '4', '--repeats', '2', '--out', str(picture), '--json', str(figures)])
    assert min(cv2.imread(str(picture)).shape[:2]) > 200
    ms = json.loads(figures.read_text())['ms']
    assert [len(times) for panel in ms.values() for times in panel.values()] == [2] * 8
    assert ms['people in an image']['2'] == [pytest.approx(2 * t) for t in ms['people at once']['2']]
    assert capsys.readouterr().out.count('ms per') == 4


def test_all_people_of_an_image_are_predicted():
    poses = growth.prediction(growth.Point(people=3), 4)()
    assert len({pose.box.corner[1] for pose in poses}) == 3


def test_samples(capsys):
    samples.main(['-n', '2', '--sizes', '64'])
    head, _, row = capsys.readouterr().out.splitlines()
    cells = [cell.strip() for cell in head.split('|')[2:-1]]
    assert cells == ['whole images', 'packed, none', 'packed, lzf', 'packed, gzip']
    assert row.startswith('| 64 x 64')


def test_video(capsys):
    video.main(['--model', 'bundled', '--size', '64', '96', '--frames', '2', '--rounds', '1'])
    printed = capsys.readouterr().out
    for name in ('one after the other', 'overlapping', 'read', 'write'):
        assert f'| {name} ' in printed


@pytest.mark.parametrize(('main', 'arguments', 'name'), [
    (compare.main, ['--batches', '0'], '--batches'), (compare.main, ['--gpu', '-2'], '--gpu'),
    (growth.main, ['--repeats', '0'], '--repeats'), (samples.main, ['-n', '0'], '-n'),
    (samples.main, ['--sizes', '100'], '--sizes'), (video.main, ['--frames', '1'], 'two frames')])
def test_numbers_out_of_range(main, arguments, name):
    with pytest.raises(InputError, match=name):
        main(arguments)
