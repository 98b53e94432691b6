import json

from benchmarks import __main__, compare, growth
from hourglass.errors import InputError
from tests.conftest import DEVICES

import pytest


def test_compare(tmp_path, capsys):
    path = tmp_path / 'c.json'
    compare.main(['--networks', 'tiny', '--tasks', 'training', '--modes', 'fast', 'onnxruntime', '--repeats',
                  '1', '--json', str(path)])
    (result,) = json.loads(path.read_text())['results']
    assert list(result['seconds']) == ['fast']
    printed = capsys.readouterr().out
    assert 'tiny, training, batch 1' in printed
    assert 'onnxruntime: not measured (engines predict on the CPU)' in printed


def test_compare_on_a_gpu_that_is_not_there():
    with pytest.raises(InputError, match='--gpu 99'):
        compare.main(['--gpu', '99'])


@pytest.mark.parametrize('device', DEVICES[1:], indirect=True)
def test_gpu(device, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'c.json'
    monkeypatch.setattr('sys.argv', ['', 'gpu', '--gpu', str(device), '--networks', 'tiny', '--batches', '2',
                                     '--repeats', '1', '--json', str(path)])
    __main__.main()
    results = json.loads(path.read_text())['results']
    assert [result['training'] for result in results] == [False, True]
    for result in results:
        assert {'stock', 'fast'} <= result['seconds'].keys() == result['memory'].keys()
    assert '/ torch' in capsys.readouterr().out


def test_all_people_of_an_image_are_predicted():
    poses = growth.prediction(growth.Point(people=3), 4)()
    assert len({pose.box.corner[1] for pose in poses}) == 3


@pytest.mark.parametrize('option', ['--batches', '--repeats'])
def test_numbers_out_of_range(option):
    with pytest.raises(InputError, match=option):
        compare.main([option, '0'])
