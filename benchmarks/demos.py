"""Time ``demo_multi_person.py`` on pictures and on a video, from the files to the files."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

from benchmarks.harness import time_by_turns
from data.synthetic import demo_people, walking_clip
from demos import PicturesConfig, VideoConfig, annotate_video, draw_people_in_pictures
from demos.video.writer import VideoWriter
from hourglass.image import write_image

import numpy as np


def time_pictures(n: int = 24) -> tuple[float, float]:
    """Return the seconds of a picture of 640 x 480 pixels and of finding its people alone, the slowest step."""
    with tempfile.TemporaryDirectory() as folder:
        image = demo_people((480, 640))[0]
        source = Path(folder) / 'in'
        source.mkdir()
        write_image(source / '0.jpg', image)
        for i in range(1, n):
            shutil.copy(source / '0.jpg', source / f'{i}.jpg')
        config = PicturesConfig(image=str(source), out=f'{folder}/out', model='bundled', detector='bundled')
        predictor = config.load()
        pixels = image.astype(np.float32)
        alone = time_by_turns({'finder': lambda: predictor.detector.detect([pixels])}, n // 2)['finder']
        start = time.perf_counter()
        draw_people_in_pictures(config, predictor)
        return (time.perf_counter() - start) / n, statistics.median(alone)


def time_video(precision: str = 'f32', n: int = 96, size: tuple[int, int] = (720, 1280)) -> float:
    """Return the seconds of a frame (height, width) with two people, found by ``bundled-fast``."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / 'in.mp4'
        # A frame takes longer to render than to process: the two walk to and fro.
        frames = [np.ascontiguousarray(image.transpose(1, 2, 0)) for image, _ in islice(walking_clip(size, 40), 4)]
        writer = VideoWriter(clip, size, 25)
        for i in range(n):
            writer.write(frames[min(i % 6, 6 - i % 6)])
        writer.close()
        config = VideoConfig(video=str(clip), out=f'{folder}/out.mp4', model='bundled', detector='bundled-fast',
                             precision=precision)
        return annotate_video(config, config.load()).seconds / n
