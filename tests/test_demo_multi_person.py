from __future__ import annotations

import json
from pathlib import Path

from demos.people_options import parse_people_options
from demos.people_pictures import draw_people_in_pictures
from hourglass.errors import InputError
from hourglass.image import read_image
from tests.child import ROOT, run_python

import numpy as np
import pytest
from PIL import Image


def test_without_a_picture_the_program_draws_people_and_finds_all(tmp_path: Path) -> None:
    result = run_python(ROOT / 'demo_multi_person.py', '--model', 'bundled', '--detector', 'bundled-fast',
                        '--json', 'a.json', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr.strip() == 'drawn by the program: 4 people; wrote input.jpg, output.jpg, tiled.jpg'
    assert {path.name for path in tmp_path.iterdir()} == {'input.jpg', 'output.jpg', 'tiled.jpg', 'a.json'}
    before, after = read_image(tmp_path / 'input.jpg'), read_image(tmp_path / 'output.jpg')
    assert before.shape == after.shape == (3, 480, 720)
    people = json.loads((tmp_path / 'a.json').read_text())
    for person in people:
        ankle = next(joint for joint in person['joints'] if joint['name'] == 'left ankle')
        around = np.s_[:, round(ankle['y']) - 3:round(ankle['y']) + 4, round(ankle['x']) - 3:round(ankle['x']) + 4]
        assert abs(before[around] - after[around]).max() > 60, 'nothing is drawn at an ankle'
    assert read_image(tmp_path / 'tiled.jpg').shape == (3, 192, 4 * 192)


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--image', 'text.jpg'], 'text.jpg: not a picture'),
    (['--detector', 'onnx:text.jpg'], 'text.jpg: not an ONNX file'),
    (['--score-threshold', '1.5'], '--score-threshold must be a number of at least 0 and at most 1'),
    (['--out', 'text.jpg'], 'text.jpg: --out names a folder'),
    (['--json', 'output.jpg'], 'would replace an input file, or is named for two results'),
])
def test_mistakes_name_the_file_or_the_option_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'text.jpg').write_text('no picture')
    Image.new('RGB', (40, 60)).save(tmp_path / 'good.png')
    with pytest.raises(InputError) as caught:
        draw_people_in_pictures(parse_people_options('', ['--image', 'good.png', '--model', 'bundled', *arguments]))
    assert reason in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {'text.jpg', 'good.png'}
