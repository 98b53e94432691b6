from __future__ import annotations

from pathlib import Path

from demos.people_config import PicturesConfig
from demos.people_options import parse_people_options
from demos.video.config import VideoConfig
from hourglass.errors import InputError

import pytest


def test_the_command_line_fills_the_settings() -> None:
    config = parse_people_options('', ['--video', 'a.mp4', '--frame-stride', '3', '--smooth', '--smooth-beta', '0'])
    assert config == VideoConfig(video='a.mp4', frame_stride=3, smooth=True, smooth_beta=0)
    config = parse_people_options('', ['--image', 'a.jpg', 'b.jpg', '--nms', '.5'])
    assert config == PicturesConfig(image=['a.jpg', 'b.jpg'], nms=0.5)
    config = parse_people_options('', ['a.jpg', 'b.jpg', '--flip', '--image', 'c.jpg'])
    assert config == PicturesConfig(image=['a.jpg', 'b.jpg', 'c.jpg'], flip=True)


def test_the_url_of_a_file_is_the_file() -> None:
    assert VideoConfig(video='file:///videos/my%20walk.mp4').video == '/videos/my walk.mp4'
    assert VideoConfig(video='https://example.invalid/a%20b.mp4').video == 'https://example.invalid/a%20b.mp4'


@pytest.mark.parametrize(('options', 'reason'), [
    ('--frame-stride 2', '--frame-stride needs --video'),
    ('--video a --image b', 'exclude each other'),
    ('--video a --smooth-cutoff 1', '--smooth-cutoff needs --smooth'),
    ('--video a --smooth-beta 0', '--smooth-beta needs --smooth'),
    ('--video a --frame-stride 0', '--frame-stride must'),
    ('--video a --max-frames 0', '--max-frames must'),
    ('--video a --smooth --smooth-cutoff 0', '--smooth-cutoff must'),
    ('--video a --out a.gif', r"'\.gif' is not that of a video format"),
])
def test_options_that_make_no_sense(options: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_people_options('', options.split())


def test_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / 'v1.0').mkdir()
    assert VideoConfig(video='a.mp4', out=tmp_path / 'v1.0').target == tmp_path / 'v1.0/output.mp4'
    assert VideoConfig(video='a.mp4', out='new/folder').target == Path('new/folder/output.mp4')
    assert VideoConfig(video='a.mp4', out='a/b.WebM').target == Path('a/b.WebM')
