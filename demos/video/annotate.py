"""From a video to the same video with everybody's pose drawn in, and to their joints as data."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from demos.video.camera import CameraReader
from demos.video.pipeline import overlapped, serial
from demos.video.reader import Frame, VideoReader, is_url
from demos.video.steps import DrawnFrame, VideoSettings, frame_steps
from demos.video.writer import VideoWriter
from hourglass.files import atomic_write
from hourglass.interruption import StopRequest
from hourglass.joints import JointSet
from hourglass.people import PeoplePredictor
from hourglass.results import people_to_coco

from tqdm import tqdm


@dataclass(frozen=True)
class Summary:
    """What became of a video.

    Attributes:
        n_frames: frames written.
        n_tracks: people told apart.
        seconds: that it took.
        lost_sound: codec of the source's sound if the format of the result cannot hold it.
    """

    n_frames: int
    n_tracks: int
    seconds: float
    lost_sound: str | None = None


def _line(drawn: DrawnFrame, joint_set: JointSet) -> str:
    """Describe a frame for the file of data."""
    tracked = drawn.people or []
    rows = people_to_coco([entry.person for entry in tracked], joint_set, drawn.frame.number, '')
    people = [{'track': entry.track, **{key: value for key, value in row.items() if key != 'file_name'}}
              for entry, row in zip(tracked, rows, strict=True)]
    return json.dumps({'frame': drawn.frame.number, 'time': round(drawn.frame.time, 4), 'people': people},
                      allow_nan=False)


def _until(frames: Iterable[Frame], stop: StopRequest) -> Iterator[Frame]:
    for frame in frames:
        if stop.requested:
            return
        yield frame


def _write(drawn: Iterator[DrawnFrame], video: VideoWriter, data: TextIO | None, joint_set: JointSet,
           total: int | None) -> int:
    """Write frames as they come, under a progress bar, and return the number of tracks."""
    n_tracks = 0
    with tqdm(total=total, unit='frame', dynamic_ncols=True, disable=None) as bar:
        for entry in drawn:
            video.write(entry.drawing, entry.frame.time)
            if data is not None and entry.people is not None:
                data.write(_line(entry, joint_set) + '\n')
            # Tracks are numbered from 1 in the order of their coming.
            n_tracks = max([n_tracks, *(person.track for person in entry.people or [])])
            bar.update()
    return n_tracks


def annotate_video(
    reader: VideoReader | CameraReader, out: str | os.PathLike, predictor: PeoplePredictor, settings: VideoSettings,
    json_lines: str | os.PathLike | None = None, stop: StopRequest | None = None,
) -> Summary:
    """Draw everybody's pose into a video.

    The result has the size, the timestamps and, if its format can hold it, the sound of the source.  Both files appear
    whole or not at all.

    Args:
        reader: the source, from which nothing has been read.
        out: the video to write; its ending chooses the format (:data:`demos.video.writer.FORMATS`).
        predictor: finds the people.
        settings: what is wanted.
        json_lines: file for one line of JSON for each frame in which people were looked for.
        stop: asked before each frame; on its request the frames so far become the result.

    Raises:
        InputError: a file cannot be written, or the source cannot be read any further.
        KeyboardInterrupt: stopped before the first frame.
    """
    stop = stop or StopRequest()
    start = time.perf_counter()
    steps = frame_steps(predictor, float(reader.rate), settings)
    sound = reader.name if isinstance(reader, VideoReader) and not is_url(reader.name) else None
    drawn = (overlapped if settings.overlap else serial)(_until(reader, stop), list(steps.values()))
    with contextlib.ExitStack() as stack:
        partial: Path = stack.enter_context(atomic_write(out))
        video = VideoWriter(partial, reader.size, reader.rate, reader.time_base, sound, out)
        stack.callback(video.abandon)
        data = None
        if json_lines is not None:
            partial = stack.enter_context(atomic_write(json_lines))
            data = stack.enter_context(partial.open('w', encoding='utf-8'))
        stack.enter_context(contextlib.closing(drawn))
        n_tracks = _write(drawn, video, data, predictor.predictor.spec.joint_set, reader.expected)
        if not video.n_written:
            raise KeyboardInterrupt
        video.close()
    return Summary(video.n_written, n_tracks, time.perf_counter() - start, video.lost_sound)
