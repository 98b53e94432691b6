"""The settings for a video."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from demos.people_config import PeopleConfig
from demos.video.formats import FORMATS, check_video_name
from demos.video.smoothing import BETA, MIN_CUTOFF
from hourglass.config import document, number, option, switch, text, whole
from hourglass.errors import InputError

#: Name of the result if ``out`` names a folder.
DEFAULT_NAME = 'output.mp4'

#: Heading of ``demo_multi_person.py --help`` for the fields here.
VIDEO_GROUPS = {'video': f"""\
Writes the video again with all poses drawn in. Each person keeps a number
and a colour. The sound of a file is copied if the format of the result can
hold it. --out is then the file ({' '.join(FORMATS)}) or a
folder for {DEFAULT_NAME}. --json is then a file with a line of JSON for each
frame in which people were looked for. Ctrl-C ends early and keeps the frames
so far."""}

_video = partial(option, group='video')


def _source(value: Any) -> str:
    """Kind of an option: a video.  The URL of a file becomes its path, so that no result replaces the file."""
    source = text(value)
    return unquote(urlsplit(source).path) if source.lower().startswith('file://') else source


@document
@dataclass(frozen=True, kw_only=True)
class VideoConfig(PeopleConfig):
    """People in a video: the options of ``demo_multi_person.py``."""

    video: str = _video(
        _source, metavar='FILE|N|URL',
        help='the video: a file, numbered pictures (img_%05d.png, 25 a second), the number of a camera, or a URL')
    out: str = option(text, '.', group='video', metavar='FILE|DIR', help='the result')
    json: str | None = option(text, None, group='video', metavar='FILE', help='write the joints of all people')
    frame_stride: int = _video(
        whole(1, 1000), 1, metavar='N',
        help='look for people in every Nth frame only; the result has all frames, and those between show the last '
             'poses')
    max_frames: int | None = _video(whole(1), None, metavar='N', help='end after N frames of the video')
    smooth: bool = _video(switch, False, help='smooth the joints over time (one-euro filter)')
    smooth_cutoff: float | None = _video(
        number(0, above=True), None, metavar='HZ',
        help='with --smooth: cutoff frequency for a joint at rest; a lower one removes more jitter '
             f'(default: {MIN_CUTOFF:g})')
    smooth_beta: float | None = _video(
        number(0), None, metavar='B',
        help='with --smooth: growth of the cutoff frequency with the speed, in Hz for a speed of one height of the '
             f'person a second; a larger value lags less (default: {BETA:g})')

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ('smooth_cutoff', 'smooth_beta'):
            if getattr(self, name) is not None and not self.smooth:
                raise InputError(f'--{name.replace("_", "-")} needs --smooth')
        check_video_name(self.target)

    @property
    def target(self) -> Path:
        """The video to write: ``out``, or ``output.mp4`` in that folder."""
        path = Path(self.out)
        return path / DEFAULT_NAME if path.is_dir() or not path.suffix else path
