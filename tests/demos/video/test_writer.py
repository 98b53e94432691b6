from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

from demos.video.reader import VideoReader
from demos.video.writer import FORMATS, VideoWriter
from hourglass.errors import InputError
from tests.child import ROOT, run_python
from tests.demos.video.clips import difference, picture, write_clip

import av
import numpy as np
import pytest


@pytest.mark.parametrize(('size', 'even'), [((95, 128), (96, 128)), ((1, 1), (2, 2))])
def test_odd_sizes_get_their_last_row_and_column_twice(
    tmp_path: Path, size: tuple[int, int], even: tuple[int, int],
) -> None:
    frame = np.ascontiguousarray(picture()[:size[0], :size[1]])
    with VideoReader(write_clip(tmp_path / 'a.mp4', [frame])) as reader:
        assert reader.size == even
        assert difference(next(iter(reader)).pixels[:size[0], :size[1]], frame) < 8


@pytest.mark.parametrize('suffix', FORMATS)
def test_colours_are_kept(tmp_path: Path, suffix: str) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 90)]
    path = write_clip(tmp_path / f'a{suffix}', [np.full((64, 64, 3), colour, np.uint8) for colour in colours])
    with VideoReader(path) as reader:
        for frame, colour in zip(reader, colours, strict=True):
            np.testing.assert_allclose(frame.pixels[32, 32], colour, atol=6)


#: Seconds at which a camera that slows down in the dark took its frames.
VARIABLE = [0, .04, .08, .2, .24, .7, .74, 1.5, 1.54, 2]


@pytest.mark.parametrize('suffix', [suffix for suffix in FORMATS if suffix != '.avi'])
def test_timestamps_and_the_shape_of_pixels_are_kept(tmp_path: Path, suffix: str) -> None:
    writer = VideoWriter(tmp_path / f'a{suffix}', (96, 128), 25, Fraction(1, 90000), aspect=Fraction(4, 3))
    for time in VARIABLE:
        writer.write(picture(), time)
    writer.close()
    with VideoReader(tmp_path / f'a{suffix}') as reader:
        np.testing.assert_allclose([frame.time for frame in reader], VARIABLE, atol=0.0006)
        assert reader.complaint() is None
        assert reader.aspect == (1 if suffix == '.webm' else Fraction(4, 3))


def _with_sound(path: Path, codec: str) -> Path:
    """Write a video of two seconds with a tone."""
    with av.open(str(path), 'w') as container:
        frames, sound = container.add_stream('mjpeg', 25), container.add_stream(codec, 48000)
        frames.height, frames.width, frames.pix_fmt = 48, 64, 'yuvj420p'
        for _ in range(50):
            container.mux(frames.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format='rgb24')))
        container.mux(frames.encode(None))
        tone = (8000 * np.sin(np.arange(2 * 48000) / 20)).astype(np.int16)[None]
        for start in range(0, tone.shape[1], 960):
            samples = av.AudioFrame.from_ndarray(tone[:, start:start + 960], format='s16', layout='mono')
            samples.sample_rate = 48000
            container.mux(sound.encode(samples))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(('codec', 'source', 'suffix', 'is_kept'), [
    ('aac', '.mkv', '.mp4', True), ('aac', '.mkv', '.mov', True), ('aac', '.ts', '.mkv', True),
    ('aac', '.ts', '.avi', False), ('aac', '.mkv', '.webm', False), ('libopus', '.mkv', '.webm', True),
    ('pcm_s16le', '.mkv', '.avi', True), ('pcm_s16le', '.mkv', '.mp4', False),
])
def test_sound_is_copied_as_long_as_there_are_frames(
    tmp_path: Path, codec: str, source: str, suffix: str, is_kept: bool,
) -> None:
    path = _with_sound(tmp_path / f'source{source}', codec)
    if source == '.ts':
        data = path.read_bytes()
        head = data.index(b'\xff\xf1', 9000)  # of a packet of sound, which is damaged
        path.write_bytes(data[:head] + bytes(20) + data[head + 20:])
    writer = VideoWriter(tmp_path / f'a{suffix}', (96, 128), 25, sound=str(path))
    for _ in range(25):
        writer.write(picture())
    writer.close()
    assert writer.lost_sound == (None if is_kept else codec.removeprefix('lib'))
    with av.open(str(tmp_path / f'a{suffix}')) as container:
        assert len(container.streams.audio) == is_kept
        if is_kept:
            seconds = sum(frame.samples for frame in container.decode(audio=0)) / 48000
            assert seconds == pytest.approx(1, abs=0.1)
    with VideoReader(tmp_path / f'a{suffix}') as reader:
        np.testing.assert_allclose([frame.time for frame in reader], np.arange(25) / 25, atol=0.001)


def test_frames_too_large_for_the_format(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r'shown\.mp4: cannot hold frames of 20000x8 pixels'):
        VideoWriter(tmp_path / 'a.mp4', (8, 20000), 25, name='shown.mp4')
    VideoWriter(tmp_path / 'a.avi', (8, 20000), 25).abandon()
    assert capfd.readouterr().err == ''


_FULL_DISK = '''
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
import numpy as np
from hourglass.errors import InputError
from demos.video.writer import FORMATS, VideoWriter
for suffix in FORMATS:
    writer = VideoWriter(f'a{suffix}', (240, 320), 25)
    try:
        for i in range(10):
            writer.write(np.random.default_rng(i).integers(0, 256, (240, 320, 3), np.uint8))
        writer.close()
    except InputError as error:
        print(error)
    writer.abandon()
'''


@pytest.mark.skipif(sys.platform == 'win32', reason='no limit of file sizes to try it with')
def test_a_full_disk_is_noticed(tmp_path: Path) -> None:
    result = run_python('-c', _FULL_DISK, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert [line.split(' (')[0] for line in result.stdout.splitlines()] == [
        f'a{suffix}: cannot be written' for suffix in FORMATS], result.stderr
