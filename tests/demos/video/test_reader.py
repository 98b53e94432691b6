from __future__ import annotations

import socket
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from demos.video.reader import VideoReader
from demos.video.writer import FORMATS, VideoWriter
from hourglass.errors import InputError
from tests.demos.video.clips import difference, moving, write_clip

import av
import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize('name', [*(f'a{suffix}' for suffix in FORMATS), 'two words: %03d.mp4'])
def test_frames_come_back(tmp_path: Path, name: str) -> None:
    frames = moving(12)
    with VideoReader(write_clip(tmp_path / name, frames, 29.97)) as reader:
        assert reader.size == (96, 128)
        assert reader.rate == pytest.approx(29.97, abs=0.01)
        assert reader.expected == 12
        got = list(reader)
        assert reader.complaint() is None
    assert [frame.number for frame in got] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in got], np.arange(12) / 29.97, atol=0.001)
    for frame, original in zip(got, frames, strict=True):
        assert frame.pixels.dtype == np.uint8
        assert difference(frame.pixels, original) < 8
    assert got[0].image.dtype == np.float32
    np.testing.assert_array_equal(got[0].image, got[0].pixels.transpose(2, 0, 1))


def test_only_the_first_frames(tmp_path: Path) -> None:
    with VideoReader(write_clip(tmp_path / 'a.mp4', moving(12)), max_frames=5) as reader:
        assert reader.expected == 5
        assert len(list(reader)) == 5
        assert reader.complaint() is None


#: a, b, c, d of a display matrix, and what a player makes of the stored picture.
ORIENTATIONS = {
    'by 90 degrees': ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    'by 180 degrees': ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    'mirrored': ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    'mirrored, 90 degrees': ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
}


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_frames_are_rotated_and_mirrored_as_players_show_them(tmp_path: Path, orientation: str) -> None:
    (a, b, c, d), show = ORIENTATIONS[orientation]
    frames = moving(3)
    path = write_clip(tmp_path / 'a.mp4', frames)
    data = bytearray(path.read_bytes())
    # The 3x3 matrix of the track header: 16.16 fixed point, the last column 2.30.
    one = 1 << 16
    at = data.index(struct.pack('>9i', one, 0, 0, 0, one, 0, 0, 0, 1 << 30), data.index(b'tkhd'))
    data[at:at + 36] = struct.pack('>9i', a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        first = next(iter(reader)).pixels
        assert reader.size == first.shape[:2]
    assert difference(first, show(frames[0])) < 8


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.mkv', moving(60))  # an .avi states the number of frames, and this a duration
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    with VideoReader(path) as reader:
        count = len(list(reader))
        assert 3 < count < 45
        assert (reader.complaint() or '').startswith(f'{path}: only {count / 25:.1f} of the 2.4 seconds')


def test_damage_in_the_middle_costs_a_few_frames(tmp_path: Path) -> None:
    frames = moving(30)
    path = write_clip(tmp_path / 'a.avi', frames)
    data = bytearray(path.read_bytes())
    middle = data.index(b'\xff\xd8', len(data) // 2)  # a picture of Motion JPEG
    data[middle:middle + 600] = bytes(600)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        got = list(reader)
        assert 'damaged' in (reader.complaint() or '')
    assert 27 <= len(got) < 30
    assert difference(got[-1].pixels, frames[-1]) < 8


def test_numbered_pictures(tmp_path: Path) -> None:
    frames = moving(4)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f'img_{i + 119:05d}.png')
    with VideoReader(tmp_path / 'img_%05d.png') as reader:
        assert reader.rate == 25
        got = list(reader)
    np.testing.assert_allclose([frame.time for frame in got], np.arange(4) / 25)
    for frame, original in zip(got, frames, strict=True):
        np.testing.assert_array_equal(frame.pixels, original)


def test_a_url(tmp_path: Path, server: Any) -> None:
    server.content = write_clip(tmp_path / 'a.mkv', moving(3)).read_bytes()
    with VideoReader(server.url) as reader:
        assert len(list(reader)) == 3
    server.status = 404
    with pytest.raises(InputError, match=rf'{server.url}: cannot be opened'):
        VideoReader(server.url)


def test_a_file_opens_no_network_address(tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'http://127.0.0.1:{server.getsockname()[1]}/a.ts'
        (tmp_path / 'a.m3u8').write_text(f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n')
        with pytest.raises(InputError, match=r'a\.m3u8'):
            VideoReader(tmp_path / 'a.m3u8')
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.accept()


def _sound(path: Path) -> None:
    with wave.open(str(path), 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', 'not compressed'))
        file.writeframes(bytes(16000))


def _cut_off(path: Path) -> None:
    path.write_bytes(write_clip(path, moving(20)).read_bytes()[:-1000])


def _unknown_codec(path: Path) -> None:
    path.write_bytes(write_clip(path, moving(3)).read_bytes().replace(b'avc1', b'zzz1'))


@pytest.mark.parametrize(('name', 'make', 'reason'), [
    ('a.mp4', lambda path: None, 'cannot be opened .No such file'),
    ('a.mp4', Path.mkdir, 'cannot be opened .Is a directory'),
    ('a.mp4', Path.touch, 'not a video'),
    ('a.mp4', lambda path: path.write_text('no video, ' * 100), 'not a video'),
    ('a.mp4', _unknown_codec, 'not a video'),
    ('a.mp4', _cut_off, 'not a video .*cut off before its table of contents'),
    ('a.wav', _sound, 'not a video'),
    ('a.avi', lambda path: VideoWriter(path, (48, 64), 25).close(), 'has no frame'),
    ('a_%03d.png', lambda path: None, 'cannot be opened'),
])
def test_what_is_no_video(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, make: Callable[[Path], object], reason: str,
) -> None:
    make(tmp_path / name)
    with pytest.raises(InputError, match=f'{name}: {reason}'):
        VideoReader(tmp_path / name)
    assert capfd.readouterr().err == ''


def test_a_frame_with_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('demos.video.reader.MAX_PIXELS', 96 * 128 - 1)
    with pytest.raises(InputError, match='a frame of 128 x 96 pixels is larger than'):
        VideoReader(write_clip(tmp_path / 'a.mp4', moving(1)))


def test_texts_in_a_file_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.mkv', moving(3))
    path.write_bytes(path.read_bytes().replace(b'Lavf', b'\xe4\xf6\xfcf'))
    with VideoReader(path) as reader:
        assert len(list(reader)) == 3


def test_times_always_increase_and_sizes_stay(tmp_path: Path) -> None:
    """Timestamps that are missing, stand still or go back, and a frame of another size."""
    def frame(stamp: int | None, height: int = 96) -> av.VideoFrame:
        made = av.VideoFrame.from_ndarray(np.zeros((height, 128, 3), np.uint8), format='rgb24')
        made.pts = stamp
        return made

    with VideoReader(write_clip(tmp_path / 'a.mp4', moving(1))) as reader:
        ticks = round(Fraction(1, 25) / reader.time_base)
        stamps = [ticks, ticks, ticks // 4, None, 10 * ticks]
        made = [frame(stamp, 96 + (i == 2)) for i, stamp in enumerate(stamps)]
        reader._decoded = iter([(each, reader._pixels(each)) for each in made])
        frames = list(reader)
    np.testing.assert_allclose([frame.time for frame in frames], [0, .04, .08, .12, .16, .4])
    assert {frame.pixels.shape for frame in frames} == {(96, 128, 3)}
