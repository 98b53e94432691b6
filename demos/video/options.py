"""The command-line options for videos, and what they start."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from demos.video.smoothing import BETA, MIN_CUTOFF
from demos.video.writer import FORMATS, check_video_name
from hourglass.detection import parse_detector
from hourglass.errors import InputError
from hourglass.files import check_targets
from hourglass.wording import counted

if TYPE_CHECKING:
    from hourglass.people import PeoplePredictor

#: Name of the result where --out names a folder.
_DEFAULT_NAME = 'output.mp4'
#: Options that say something about a video only, with their values where they are not given.
_DEFAULTS = {'every': 1, 'max_frames': None, 'smooth': False, 'smooth_cutoff': MIN_CUTOFF, 'smooth_beta': BETA}


def _flag(name: str) -> str:
    return '--' + name.replace('_', '-')


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser that has those for pictures (``demo_multi_person.py``)."""
    group = parser.add_argument_group(
        'video',
        'Writes the video again, with everybody\'s pose in a colour that stays; the sound is kept if the file\n'
        'format can hold it.  --out is then '
        f'the file ({" ".join(FORMATS)}), or a folder for {_DEFAULT_NAME}.  --json is then a\n'
        'file of lines, one for each frame in which people were looked for: frame, time in seconds, and the\n'
        'people as for pictures, with the numbers of their tracks.  Ctrl-C ends early and keeps what there is.')
    group.add_argument('--video', metavar='FILE|N|URL', help='the video, in place of a picture: a file, '
                       'numbered pictures (img_%%05d.png, 25 a second), the number of a camera, or a URL')
    group.add_argument('--every', type=int, metavar='N', help='look for people in every Nth frame; the result has all '
                       'frames, and the poses stand still between (default: 1)')
    group.add_argument('--max-frames', type=int, metavar='N', help='end after N frames of the video')
    group.add_argument('--smooth', action='store_true', help='smooth joints over time (one-euro filter)')
    group.add_argument('--smooth-cutoff', type=float, metavar='HZ', help='cutoff frequency for a joint at rest: less '
                       f'trembles less (default: {_DEFAULTS["smooth_cutoff"]})')
    group.add_argument('--smooth-beta', type=float, metavar='B', help='growth of the cutoff frequency with the speed, '
                       'in Hz for a speed of one height of the person a second: more lags less '
                       f'(default: {_DEFAULTS["smooth_beta"]})')
    parser.set_defaults(**dict.fromkeys(_DEFAULTS))


def check_video_options(options: argparse.Namespace) -> None:
    """Check the options and fill in defaults.

    Raises:
        InputError: names the option that is wrong.
    """
    given = [name for name in _DEFAULTS if getattr(options, name) is not None]
    if options.video is None and given:
        raise InputError(f'{_flag(given[0])} needs --video')
    if options.video is not None and options.image:
        raise InputError('--video and --image exclude each other')
    for name in ('smooth_cutoff', 'smooth_beta'):
        if name in given and not options.smooth:
            raise InputError(f'{_flag(name)} needs --smooth')
    for name, default in _DEFAULTS.items():
        if name not in given:
            setattr(options, name, default)
    if not 1 <= options.every <= 1000:
        raise InputError('--every must be from 1 to 1000')
    if options.max_frames is not None and options.max_frames < 1:
        raise InputError('--max-frames must be at least 1')
    if not (math.isfinite(options.smooth_cutoff) and options.smooth_cutoff > 0):
        raise InputError('--smooth-cutoff must be above 0')
    if not (math.isfinite(options.smooth_beta) and options.smooth_beta >= 0):
        raise InputError('--smooth-beta must be 0 or more')


def output_path(out: str) -> Path:
    """Return the video that ``--out`` stands for: the file, or ``output.mp4`` in the folder.

    Raises:
        InputError: it is neither a folder nor has an ending that names a format.
    """
    path = Path(out)
    if path.is_dir() or not path.suffix:
        return path / _DEFAULT_NAME
    check_video_name(path)
    return path


def run_video(options: argparse.Namespace, load: Callable[[], PeoplePredictor]) -> None:
    """Do what the options ask for, and say on stderr what was done.

    Args:
        options: checked by :func:`check_video_options`.
        load: loads weights and detector, once everything else is known to be right.

    Raises:
        InputError: a file cannot be read or written.
        SystemExit: with the status of a signal, after Ctrl-C or SIGTERM.
    """
    from demos.video.annotate import annotate_video
    from demos.video.camera import open_video
    from demos.video.steps import VideoSettings
    from hourglass.detection.boxes_file import BoxesFile
    from hourglass.interruption import StopRequest

    out = output_path(options.out)
    boxes = parse_detector(options.detector)[1] if options.detector else None
    check_targets((out, options.json), (options.video, options.model, options.snapshot, boxes))
    settings = VideoSettings(options.every, options.smooth, options.smooth_cutoff, options.smooth_beta,
                             options.line_width, options.threshold)
    stop = StopRequest('stopping after the frames at work; once more stops at once and writes nothing')
    with open_video(options.video, options.max_frames) as reader:
        predictor = load()
        with stop.listening():
            summary = annotate_video(reader, out, predictor, settings, options.json, stop)
        complaint = reader.complaint()
    if stop.requested:
        print(f'stopped: {out} has the first {counted(summary.n_frames, "frame")}', file=sys.stderr)
        sys.exit(stop.status)
    if complaint:
        print(f'warning: {complaint}', file=sys.stderr)
    if summary.lost_sound:
        print(f'warning: {out}: without the sound, which is {summary.lost_sound}; an .mkv holds most kinds',
              file=sys.stderr)
    looked_at = range(0, summary.n_frames, options.every)
    if isinstance(predictor.detector, BoxesFile) and not predictor.detector.has_any(map(str, looked_at)):
        print(f'{predictor.detector.path}: no boxes of any of these frames', file=sys.stderr)
    targets = f'{out} and {options.json}' if options.json else out
    print(f'{options.video}: {counted(summary.n_frames, "frame")}, {counted(summary.n_tracks, "track")}, '
          f'{summary.n_frames / summary.seconds:.3g} frames/s; wrote {targets}', file=sys.stderr)


