"""Time poses in a video, its steps one after the other and overlapping, by turns.

    python -m benchmarks.video --model bundled                  # two people who walk, 1280 x 720
    python -m benchmarks.video --model bundled --detector hog --size 360 640 --frames 50 --rounds 5

The clip is rendered first.  Without --detector the people's boxes are known from that and nobody looks for them.  The
last lines tell what one frame takes in each step.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import walking_clip
from demos.video.annotate import annotate_video
from demos.video.config import VideoConfig
from demos.video.pipeline import serial
from demos.video.reader import VideoReader
from demos.video.steps import frame_steps
from demos.video.writer import VideoWriter
from hourglass.errors import ArgumentParser, InputError, run
from hourglass.results import write_json_rows

import numpy as np


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--detector', metavar='NAME[:FILE]', help='what finds the people, as for demo_multi_person.py')
    parser.add_argument('--model', metavar='NAME|FILE', help='weights, as for demo_multi_person.py')
    parser.add_argument('--engine', default='auto', help='what runs the network, as for demo_multi_person.py')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='number of the GPU (default: -1, the CPU)')
    parser.add_argument('--size', type=int, nargs=2, default=(720, 1280), metavar=('H', 'W'),
                        help='of the frames (default: 720 1280)')
    parser.add_argument('--frames', type=int, default=100, metavar='N', help='length of the clip (default: 100)')
    parser.add_argument('--rounds', type=int, default=3, metavar='N', help='times of each (default: 3)')
    options = parser.parse_args()
    if options.frames < 2 or options.rounds < 1 or min(options.size) < 64:
        raise InputError('a measurement needs two frames of 64 x 64 pixels and one round at least')
    return options


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


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        clip, out, boxes = (Path(folder) / name for name in ('clip.mp4', 'out.mp4', 'boxes.json'))
        render(clip, boxes, (options.size[0], options.size[1]), options.frames)
        config = VideoConfig(video=str(clip), out=str(out), detector=options.detector or f'boxes:{boxes}',
                             model=options.model, engine=options.engine, gpu=options.gpu)
        predictor = config.load()
        rates: dict[bool, list[float]] = {False: [], True: []}
        for overlap in [False, True] * options.rounds:
            summary = annotate_video(config, predictor, overlap=overlap)
            rates[overlap].append(summary.n_frames / summary.seconds)
        for overlap, name in ((False, 'one after the other'), (True, 'overlapping')):
            print(f'{name:20} {statistics.median(rates[overlap]):6.2f} frames/s  '
                  f'({min(rates[overlap]):.2f} to {max(rates[overlap]):.2f})')
        for name, seconds in step_times(config, predictor).items():
            print(f'{name:20} {1000 * seconds:6.1f} ms a frame')


if __name__ == '__main__':
    run(main)
