from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from data.synthetic import demo_person
from demos.person_location import FRAME_COLOUR
from hourglass.image import read_image
from hourglass.joints import MPII

import cv2
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def demo(tmp_path: Path) -> Run:
    """Run demo.py with the given arguments in an empty folder."""
    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, ROOT / 'demo.py', *map(str, arguments)], cwd=tmp_path, check=False,
                              capture_output=True, text=True)

    return run


def test_the_figure_that_the_program_draws_gets_its_pose(demo: Run, tmp_path: Path) -> None:
    result = demo('--model', 'bundled', '--json', 'pose.json', '--heatmaps', 'maps.png', '--flip')
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'input.jpg', 'output.jpg', 'pose.json', 'maps.png'}
    before, after = read_image(tmp_path / 'input.jpg'), read_image(tmp_path / 'output.jpg')
    assert before.shape == after.shape
    assert abs(before - after).max() > 100
    pose = json.loads((tmp_path / 'pose.json').read_text())
    person = demo_person()
    true = dict(zip(MPII.joints, person.points, strict=True))
    torso = np.linalg.norm(true['left shoulder'] - true['right hip'])
    errors = [np.hypot(joint['x'] - true[joint['name']][1], joint['y'] - true[joint['name']][0])
              for joint in pose['joints']]
    assert np.mean(np.array(errors) < 0.2 * torso) >= 0.8, errors


def test_a_photograph(demo: Run, shared: Callable[[str], Path], tmp_path: Path) -> None:
    photo = shared('mpii/images/059865848.jpg')
    result = demo('--image', photo, '--model', 'bundled', '--out', 'new/folder')
    assert result.returncode == 0, result.stderr
    assert read_image(tmp_path / 'new/folder/output.jpg').shape == read_image(photo).shape


@pytest.mark.parametrize('arguments', [['--auto', '--detector', 'none'], ['--box', '20,240,460,500'],
                                       ['--center', '225,370', '--scale', '2']])
def test_somebody_at_the_side(demo: Run, tmp_path: Path, arguments: list[str]) -> None:
    person = demo_person((400, 400))
    wide = cv2.copyMakeBorder(person.image.transpose(1, 2, 0), 40, 40, 170, 630, cv2.BORDER_REPLICATE)
    Image.fromarray(wide).save(tmp_path / 'wide.png')
    result = demo('--image', 'wide.png', '--model', 'bundled', '--json', 'pose.json', *arguments)
    assert result.returncode == 0, result.stderr
    answer = json.loads((tmp_path / 'pose.json').read_text())
    true = dict(zip(MPII.joints, person.points + np.array([40, 170]), strict=True))
    torso = np.linalg.norm(true['left shoulder'] - true['right hip'])
    errors = [np.hypot(joint['x'] - true[joint['name']][1], joint['y'] - true[joint['name']][0])
              for joint in answer['joints']]
    assert np.mean(np.array(errors) < 0.2 * torso) >= 0.7, errors
    # The frame is where the answer says that the network looked.
    seen = {name: round(value) for name, value in answer['seen'].items()}
    assert seen['x0'] < true['head top'][1] < seen['x1']
    right = read_image(tmp_path / 'output.jpg')[:, 100:300, min(seen['x1'], 1199)].mean(axis=1)
    assert abs(right - FRAME_COLOUR).max() < 60, right


def _rgba(path: Path) -> None:
    Image.new('RGBA', (40, 60), (200, 10, 10, 128)).save(path, format='PNG')


def _grey(path: Path) -> None:
    Image.new('L', (40, 60), 80).save(path, format='PNG')


def _pixel(path: Path) -> None:
    Image.new('RGB', (1, 1)).save(path, format='PNG')


@pytest.mark.parametrize('make', [_rgba, _grey, _pixel])
def test_unusual_pictures_are_drawn_on(demo: Run, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / 'a.png')
    result = demo('--image', 'a.png', '--model', 'bundled')
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'output.jpg').exists()


def _write_weights(path: Path) -> None:
    np.savez(path, **{'conv0/W': np.full((16, 3, 7, 7), np.nan, np.float32)})


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--image', 'missing.jpg'], 'missing.jpg: no such file'),
    (['--image', ''], '--image is empty'),
    (['--image', 'empty.jpg'], 'empty.jpg: the file is empty'),
    (['--image', 'text.jpg'], 'text.jpg: not a picture'),
    (['--image', '.'], 'is a folder'),
    (['--image', 'good.png', '--model', 'missing.npz'], 'missing.npz'),
    (['--image', 'good.png', '--model', 'text.jpg'], 'text.jpg'),
    (['--image', 'good.png', '--snapshot', 'empty.jpg'], 'empty.jpg'),
    (['--image', 'good.png', '--model', 'nan.npz'], 'nan.npz'),
    (['--image', 'good.png', '--json', 'good.png/x.json'], 'cannot be written'),
    (['--image', 'good.png', '--line-width', '0'], '--line-width'),
    (['--image', 'good.png', '--gpu', '99'], '--gpu 99'),
    (['--image', 'good.png', '--gpu', '-2'], '--gpu -2'),
    (['--image', 'good.png', '--gpu', 'x'], '--gpu'),
    (['--image', 'good.png', '--threshold', 'nan'], '--threshold'),
    (['--image', 'good.png', '--json', 'good.png'], 'would replace'),
    (['--image', 'good.png', '--json', 'a.png', '--heatmaps', './a.png'], 'would replace'),
    (['--image', 'good.png', '--heatmaps', 'a.xyz'], "ending '.xyz'"),
    (['--image', 'good.png', '--json', '.'], 'is a folder'),
    (['--image', 'good.png', '--out', 'text.jpg'], 'text.jpg is not a folder'),
    (['--image', 'good.png', '--box', '0,0,nan,9'], '--box'),
    (['--image', 'good.png', '--box', '70,0,90,9'], '--box is outside of the picture'),
    (['--image', 'good.png', '--auto', '--detector', 'boxes:text.jpg'], 'text.jpg'),
])
def test_a_mistake_is_one_line_and_status_2(
    demo: Run, tmp_path: Path, arguments: list[str], reason: str,
) -> None:
    (tmp_path / 'empty.jpg').write_bytes(b'')
    (tmp_path / 'text.jpg').write_text('no picture')
    _write_weights(tmp_path / 'nan.npz')
    _rgba(tmp_path / 'good.png')
    if '--model' not in arguments and '--snapshot' not in arguments:
        arguments = [*arguments, '--model', 'bundled']
    result = demo(*arguments)
    assert result.returncode == 2
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'empty.jpg', 'text.jpg', 'nan.npz', 'good.png'}


@pytest.mark.parametrize('name', ['input.jpg', 'output.jpg'])
def test_a_photograph_is_never_overwritten(demo: Run, tmp_path: Path, name: str) -> None:
    Image.new('RGB', (40, 60), (200, 10, 10)).save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    result = demo('--image', name, '--model', 'bundled')
    assert result.returncode == 2
    assert 'would replace' in result.stderr
    assert (tmp_path / name).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_help_explains_every_option(demo: Run) -> None:
    result = demo('--help')
    assert result.returncode == 0
    for option in ('--image', '--out', '--json', '--heatmaps', '--model', '--snapshot', '--flip', '--line-width',
                   '--gpu', '--auto', '--detector', '--box', '--center', '--scale', '--fit'):
        assert option in result.stdout
