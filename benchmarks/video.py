"""Time poses in a video: frames a second with overlapping steps, and the time of one frame in each step.

    python -m benchmarks video --model bundled                  # two people who walk, 1280 x 720
    python -m benchmarks video --model bundled --detector hog --size 360 640 --frames 50

The clip is rendered first.  Without --detector the people's boxes are known from that, and no detector runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import positive, script_parser, table
from data.synthetic import walking_clip
from demos.pipeline import serial
from demos.video.annotate import annotate_video
from demos.video.config import VideoConfig
from demos.video.reader import VideoReader
from demos.video.steps import frame_steps
from demos.video.writer import VideoWriter
from hourglass.results import write_json_rows

import numpy as np


def render(path: Path, boxes: Path, size: tuple[int, int], n_frames: int) -> None:
    """Write the clip, and where people are as ``--detector boxes`` takes it."""
    writer, rows = VideoWriter(path, size, 25), []
    for number, (image, people) in enumerate(walking_clip(size, n_frames)):
        writer.write(np.ascontiguousarray(image.transpose(1, 2, 0)))
        for y0, x0, y1, x1 in (person.box for person in people):
            rows.append({'image_id': number, 'category_id': 1, 'bbox': [x0, y0, x1 - x0, y1 - y0], 'score': 1.0})
    writer.close()
    write_json_rows(boxes, rows)


def step_times(config: VideoConfig, predictor: Any) -> dict[str, float]:
    """Return the mean time of each step for one frame, in seconds."""
    times: dict[str, float] = {}

    def timed(name: str, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(item: Any) -> Any:
            start = time.perf_counter()
            result = step(item)
            times[name] = times.get(name, 0) + time.perf_counter() - start
            return result

        return call

    with VideoReader(config.video) as reader:
        writer = VideoWriter(config.target, reader.size, reader.rate)
        steps = frame_steps(predictor, float(reader.rate), config)
        steps['write'] = lambda drawn: writer.write(drawn.drawing)
        frames = iter(reader)
        read = timed('read', lambda _: next(frames, None))
        chain = [timed(name, step) for name, step in steps.items()]
        while (frame := read(None)) is not None:
            list(serial([frame], chain))
        writer.close()
    return {name: seconds / reader.n_read for name, seconds in times.items()}


def main(arguments: list[str]) -> None:
    parser = script_parser('video', __doc__)
    parser.add_argument('--detector', metavar='NAME[:FILE]', help='what finds the people, as for demo_multi_person.py')
    parser.add_argument('--model', metavar='NAME|FILE', help='weights, as for demo_multi_person.py')
    parser.add_argument('--engine', default='auto', help='what runs the network, as for demo_multi_person.py')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')
    parser.add_argument('--size', type=positive, nargs=2, default=(720, 1280), metavar=('H', 'W'),
                        help='of the frames (default: 720 1280)')
    parser.add_argument('--frames', type=positive, default=100, metavar='N', help='length of the clip (default: 100)')
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as folder:
        clip, out, boxes = (Path(folder) / name for name in ('clip.mp4', 'out.mp4', 'boxes.json'))
        render(clip, boxes, (options.size[0], options.size[1]), options.frames)
        config = VideoConfig(video=str(clip), out=str(out), detector=options.detector or f'boxes:{boxes}',
                             model=options.model, engine=options.engine, gpu=options.gpu)
        predictor = config.load()
        steps = step_times(config, predictor)
        start = time.perf_counter()
        annotate_video(config, predictor)
        seconds = (time.perf_counter() - start) / options.frames
    print(table([['step', 'ms a frame'], *([name, f'{1e3 * t:.1f}'] for name, t in steps.items()),
                 ['all, overlapping', f'{1e3 * seconds:.1f}']]))
    print(f'{1 / seconds:.1f} frames a second')
