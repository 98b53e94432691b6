"""Draw the poses of all people into a video, and write their joints as JSON."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from demos.pipeline import overlapped
from demos.video.camera import CameraReader, open_video
from demos.video.config import VideoConfig
from demos.video.reader import VideoReader
from demos.video.steps import DrawnFrame, frame_steps
from demos.video.writer import VideoWriter
from hourglass.coco_format import PERSON
from hourglass.files import atomic_write, check_targets
from hourglass.interruption import StopRequest
from hourglass.people import PeoplePredictor
from hourglass.wording import counted

from tqdm import tqdm


@dataclass(frozen=True)
class Summary:
    """The result of :func:`annotate_video`.

    Attributes:
        n_frames: frames written.
        n_tracks: number of people, each counted once.
        seconds: time of the whole work.
        lost_sound: codec of the source's sound if it is damaged, or the format of the result cannot hold it.
        status: exit status for a script: 0, or 130 after Ctrl-C, 143 after SIGTERM.
    """

    n_frames: int
    n_tracks: int
    seconds: float
    lost_sound: str | None
    status: int


def _line(drawn: DrawnFrame) -> str:
    """Describe a frame for the file of data."""
    people = [{'track': entry.track, 'image_id': drawn.frame.number, 'category_id': PERSON,
               **entry.person.to_dict()} for entry in drawn.people or []]
    return json.dumps({'frame': drawn.frame.number, 'time': round(drawn.frame.time, 4), 'people': people},
                      allow_nan=False)


def _write(drawn: Iterator[DrawnFrame], video: VideoWriter, data: TextIO | None, total: int | None) -> int:
    """Write frames as they come, under a progress bar, and return the number of tracks."""
    n_tracks = 0
    with tqdm(total=total, unit='frame', dynamic_ncols=True, disable=None) as bar:
        for entry in drawn:
            video.write(entry.drawing, entry.frame.time)
            if data is not None and entry.people is not None:
                data.write(_line(entry) + '\n')
            # Tracks are numbered from 1 in the order of their coming.
            n_tracks = max([n_tracks, *(person.track for person in entry.people or [])])
            bar.update()
    return n_tracks


def annotate_video(
    config: VideoConfig, predictor: PeoplePredictor | None = None, stop: StopRequest | None = None,
) -> Summary:
    """Draw the poses of all people into a video, and report on stderr what was done.

    The result has the size, the timestamps and, if its format can hold it, the sound of the source.  Both files appear
    whole or not at all.

    Args:
        config: source, results, and what is wanted.
        predictor: finds the people; by default it is loaded as ``config`` says, after everything else has been
            checked.
        stop: asked before each frame; on its request the frames so far become the result.  By default Ctrl-C and
            SIGTERM are such requests, and the second one leaves no result.

    Raises:
        InputError: the source cannot be read, or a file cannot be written.
        KeyboardInterrupt: stopped before the first frame.
    """
    check_targets((config.target, config.json), (config.video, *config.sources))
    stop = stop or StopRequest('stopping after the frames in progress; Ctrl-C again stops at once and writes nothing')
    with open_video(config.video, config.max_frames) as reader:
        predictor = predictor or config.load()
        with stop.listening():
            summary = _annotate(reader, config, predictor, stop)
    lost = summary.lost_sound and (f'{config.target}: without the sound ({summary.lost_sound}), which is damaged or '
                                   'not for this format; an .mkv holds most kinds')
    for warning in filter(None, (reader.complaint(), lost, predictor.detector.complaint())):
        print(f'warning: {warning}', file=sys.stderr)
    if stop.requested:
        print(f'stopped: {config.target} has the first {counted(summary.n_frames, "frame")}', file=sys.stderr)
        return summary
    targets = f'{config.target} and {config.json}' if config.json else config.target
    print(f'{config.video}: {counted(summary.n_frames, "frame")}, {counted(summary.n_tracks, "track")}, '
          f'{summary.n_frames / summary.seconds:.3g} frames/s; wrote {targets}', file=sys.stderr)
    return summary


def _annotate(reader: VideoReader | CameraReader, config: VideoConfig, predictor: PeoplePredictor,
              stop: StopRequest) -> Summary:
    start = time.perf_counter()
    # Only a file can be read twice: a second connection to a URL would give other moments of a live stream.
    sound = reader.name if isinstance(reader, VideoReader) and Path(reader.name).is_file() else None
    frames = itertools.takewhile(lambda _: not stop.requested, reader)
    drawn = overlapped(frames, frame_steps(predictor, float(reader.rate), config))
    with contextlib.ExitStack() as stack:
        partial: Path = stack.enter_context(atomic_write(config.target))
        video = VideoWriter(partial, reader.size, reader.rate, reader.time_base, sound, config.target, reader.aspect)
        stack.callback(video.abandon)
        data = None
        if config.json is not None:
            partial = stack.enter_context(atomic_write(config.json))
            data = stack.enter_context(partial.open('w', encoding='utf-8'))
        stack.enter_context(contextlib.closing(drawn))
        n_tracks = _write(drawn, video, data, reader.expected)
        if not video.n_written:
            raise KeyboardInterrupt
        video.close()
    return Summary(video.n_written, n_tracks, time.perf_counter() - start, video.lost_sound,
                   stop.status if stop.requested else 0)
