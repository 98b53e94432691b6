from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.synthetic import demo_person
from demos import PersonConfig, draw_person_in_pictures
from demos.person_picture import FRAME_COLOUR, parse_person_options
from hourglass.crop import CropBox
from hourglass.draw import draw_pose
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import MPII, MPII_COCO
from hourglass.predictor import Pose
from hourglass.spec import ModelSpec
from tests.child import ROOT, run_python
from tests.stand_ins import correct_joints

import cv2
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_script_draws_a_person_and_finds_the_pose(tmp_path: Path) -> None:
    result = run_python(ROOT / 'demo.py', '--model', 'bundled', '--json', 'pose.json', '--heatmaps', 'maps.png',
                        '--flip', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'input.jpg', 'output.jpg', 'pose.json', 'maps.png'}
    before, after = read_image(tmp_path / 'input.jpg'), read_image(tmp_path / 'output.jpg')
    assert before.shape == after.shape
    assert abs(before - after).max() > 100
    assert correct_joints(json.loads((tmp_path / 'pose.json').read_text())['joints'], demo_person().points) >= 0.8


@pytest.mark.parametrize('values', [{'auto': True, 'detector': 'none'}, {'box': (240, 20, 500, 460)},
                                    {'center': (370, 225), 'scale': 2}])
def test_a_person_at_the_side(tmp_path: Path, values: dict[str, Any]) -> None:
    person = demo_person((400, 400))
    wide = cv2.copyMakeBorder(person.image.transpose(1, 2, 0), 40, 40, 170, 630, cv2.BORDER_REPLICATE)
    Image.fromarray(wide).save(tmp_path / 'wide.png')
    draw_person_in_pictures(PersonConfig(image='wide.png', model='bundled', json='pose.json', **values))
    answer = json.loads((tmp_path / 'pose.json').read_text())
    points = person.points + np.array([40, 170])
    assert correct_joints(answer['joints'], points) >= 0.7
    # The frame is where the answer says that the network looked.
    seen = {name: round(value) for name, value in answer['seen'].items()}
    assert seen['x0'] < points[MPII.joints.index('head top'), 1] < seen['x1']
    right = read_image(tmp_path / 'output.jpg')[:, 100:300, min(seen['x1'], 1199)].mean(axis=1)
    assert abs(right - FRAME_COLOUR).max() < 60, right


def _pose(image: np.ndarray, score: float) -> Pose:
    points = np.random.default_rng(0).uniform(20, 180, (16, 2))
    return Pose(points, np.full(16, score, np.float32), np.zeros((16, 0, 0)), CropBox(20, -30, 180, 130), MPII, image)


def test_the_crop_is_framed_where_it_was_chosen() -> None:
    image = np.full((3, 240, 200), 90, np.float32)
    drawn = PersonConfig(auto=True).draw(image, _pose(image, 0.1), ModelSpec(width=64))
    in_colour = (drawn == np.array(FRAME_COLOUR)[:, None, None]).all(axis=0)
    # The frame, which ends with the picture on the left, and nothing else: no joint is sure enough.
    assert in_colour[20, :130].all()
    assert in_colour[20:180, 0].all()
    assert in_colour.sum() <= 2 * (160 + 131)
    np.testing.assert_array_equal(PersonConfig().draw(image, _pose(image, 0.1), ModelSpec(width=64)), image)


def test_the_published_weights_are_drawn_as_the_reference_does() -> None:
    image = np.full((3, 240, 200), 90, np.float32)
    pose, plain = _pose(image, 0.1), draw_pose(image, _pose(image, 0.1).points, MPII, style='reference')
    np.testing.assert_array_equal(PersonConfig().draw(image, pose, ModelSpec()), plain)
    np.testing.assert_array_equal(PersonConfig(style='reference').draw(image, pose, ModelSpec(width=64)), plain)
    np.testing.assert_array_equal(PersonConfig(style='clear').draw(image, pose, ModelSpec()), image)


def test_a_pose_that_is_not_confident_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new('RGB', (90, 90), (90, 60, 30)).save(tmp_path / 'a.png')
    for way in ({}, {'box': (0, 0, 80, 80)}):
        draw_person_in_pictures(PersonConfig(image='a.png', model='bundled', out=str(len(way)), **way))
        assert 'a.png: no person is clearly visible; this is the best guess' in capsys.readouterr().err


def test_a_line_names_auto_if_the_person_is_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = demo_person((400, 400)).image.transpose(1, 2, 0)
    for right, expected in ((1000, 1), (0, 0)):
        Image.fromarray(cv2.copyMakeBorder(person, 40, 40, 0, right, cv2.BORDER_REPLICATE)).save(tmp_path / 'a.png')
        draw_person_in_pictures(PersonConfig(image='a.png', model='bundled', out=str(right)))
        lines = capsys.readouterr().err.splitlines()
        assert sum('--auto' in line for line in lines) == expected, lines
        assert (tmp_path / str(right) / 'output.jpg').exists()


def test_json_to_standard_output_is_nothing_but_json(capfd: pytest.CaptureFixture[str]) -> None:
    draw_person_in_pictures(PersonConfig(model='bundled', json='-'))
    answer = json.loads(capfd.readouterr().out)
    assert [joint['name'] for joint in answer['joints']] == list(MPII_COCO.joints)


def test_several_pictures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'in').mkdir()
    for name, height in (('a.png', 80), ('b.png', 90)):
        Image.new('RGB', (60, height), (90, 60, 30)).save(tmp_path / 'in' / name)
    (tmp_path / 'in/c.jpg').write_text('no picture')
    with pytest.raises(InputError, match='1 picture of 3'):
        draw_person_in_pictures(PersonConfig(
            image='in', out='out', model='bundled', json='poses.json', heatmaps='maps/heat.png'))
    assert 'skipped: in/c.jpg' in capfd.readouterr().err
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'a_input.jpg', 'a_output.jpg', 'b_input.jpg', 'b_output.jpg'}
    assert {path.name for path in (tmp_path / 'maps').iterdir()} == {'a_heat.png', 'b_heat.png'}
    assert read_image(tmp_path / 'out/b_output.jpg').shape == (3, 90, 60)
    assert [answer['image'] for answer in json.loads((tmp_path / 'poses.json').read_text())] == ['in/a.png', 'in/b.png']


def test_a_stop_leaves_the_json_of_the_pictures_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in 'ab':
        Image.new('RGB', (40, 60)).save(tmp_path / f'{name}.png')
    find = PersonConfig.find

    def stop_at_b(config: PersonConfig, predictor: Any, image: Any, name: str) -> Any:
        if name == 'b.png':
            raise KeyboardInterrupt
        return find(config, predictor, image, name)

    monkeypatch.setattr(PersonConfig, 'find', stop_at_b)
    with pytest.raises(KeyboardInterrupt):
        draw_person_in_pictures(PersonConfig(image=['a.png', 'b.png'], model='bundled', json='poses.json'))
    assert [answer['image'] for answer in json.loads((tmp_path / 'poses.json').read_text())] == ['a.png']


def test_an_error_leaves_the_json_as_it_was(tmp_path: Path) -> None:
    Image.new('RGB', (40, 60)).save(tmp_path / 'a.png')
    Image.new('RGB', (4, 6)).save(tmp_path / 'b.png')
    (tmp_path / 'poses.json').write_text('[]')
    with pytest.raises(InputError, match=r'b\.png: --box is outside of the picture'):
        draw_person_in_pictures(PersonConfig(image=['a.png', 'b.png'], model='bundled', json='poses.json',
                                             box=(10, 10, 30, 50)))
    assert (tmp_path / 'poses.json').read_text() == '[]'


@pytest.mark.parametrize(('values', 'reason'), [
    ({'image': 'missing.jpg'}, 'missing.jpg: no such file'),
    ({'image': 'text.jpg'}, 'text.jpg: not a picture'),
    ({'model': None, 'snapshot': 'text.jpg'}, 'text.jpg'),
    ({'json': 'good.png/x.json'}, 'cannot be written'),
    ({'gpu': 99}, '--gpu 99'), ({'gpu': -2}, '--gpu must'), ({'threshold': 1.5}, '--threshold must'),
    ({'engine': 'openvino', 'gpu': 0}, '--engine openvino runs on the CPU'),
    ({'snapshot': 'b'}, '--model and --snapshot exclude each other'),
    ({'json': 'a.png', 'heatmaps': './a.png'}, 'would replace'),
    ({'heatmaps': 'a.xyz'}, "ending '.xyz'"),
    ({'box': (0, 70, 9, 90)}, 'good.png: --box is outside of the picture'),
    ({'auto': True, 'detector': 'boxes:text.jpg'}, 'text.jpg'),
])
def test_mistakes_name_the_file_or_the_option_and_write_nothing(
    tmp_path: Path, values: dict[str, Any], reason: str,
) -> None:
    (tmp_path / 'text.jpg').write_text('no picture')
    Image.new('RGB', (40, 60)).save(tmp_path / 'good.png')
    with pytest.raises(InputError) as caught:
        draw_person_in_pictures(PersonConfig(**{'image': 'good.png', 'model': 'bundled', **values}))
    assert reason in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {'text.jpg', 'good.png'}


@pytest.mark.parametrize('name', ['input.jpg', 'output.jpg'])
def test_a_photograph_is_never_overwritten(tmp_path: Path, name: str) -> None:
    Image.new('RGB', (40, 60)).save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(InputError, match='would replace'):
        draw_person_in_pictures(PersonConfig(image=name, model='bundled'))
    assert (tmp_path / name).read_bytes() == before


def test_the_command_line_fills_the_settings() -> None:
    assert parse_person_options('', ['--image', 'a.jpg', '--box', '-5,0,9,9', '--flip']) == PersonConfig(
        image='a.jpg', box=(-5, 0, 9, 9), flip=True)
    assert parse_person_options('', ['a.jpg', '--auto']) == PersonConfig(image='a.jpg', auto=True)
    assert parse_person_options('', ['a.jpg', 'b', '--image', 'c.jpg']) == PersonConfig(image=('a.jpg', 'b', 'c.jpg'))
