from __future__ import annotations

import struct
import wave
from collections.abc import Callable
from pathlib import Path

from demos.video.reader import DEFAULT_RATE, VideoReader
from hourglass.errors import InputError

import cv2
import numpy as np
import pytest

Frames = Callable[[int], list[np.ndarray]]


@pytest.mark.parametrize('name', ['a.mp4', 'a.mov', 'a.mkv', 'a.avi', 'a.webm', 'two words: %03d.mp4'])
def test_frames_come_back(moving: Frames, write_clip: Callable[..., Path], name: str) -> None:
    frames = moving(12)
    with VideoReader(write_clip(frames, name, 29.97)) as reader:
        assert reader.size == (96, 128)
        assert reader.rate == pytest.approx(29.97, abs=0.01)
        assert reader.announced == reader.expected == 12
        got = list(reader)
        assert reader.complaint() is None
    assert [frame.number for frame in got] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in got], np.arange(12) / 29.97, atol=0.002)
    for frame, original in zip(got, frames, strict=True):
        assert frame.pixels.dtype == np.uint8
        assert abs(frame.pixels.astype(int) - original).mean() < 8


def test_a_frame_as_predictors_take_it(moving: Frames, write_clip: Callable[..., Path]) -> None:
    with VideoReader(write_clip(moving(2))) as reader:
        frame = next(iter(reader))
    assert frame.image.shape == (3, 96, 128)
    assert frame.image.dtype == np.float32
    np.testing.assert_array_equal(frame.image[0], frame.pixels[:, :, 2])


def test_only_the_first_frames(moving: Frames, write_clip: Callable[..., Path]) -> None:
    with VideoReader(write_clip(moving(12)), max_frames=5) as reader:
        assert reader.expected == 5
        assert len(list(reader)) == 5
        assert reader.complaint() is None


@pytest.mark.parametrize('name', ['a.avi', 'a.mkv', 'a.webm'])
def test_a_video_that_breaks_off_gives_what_it_has(
    moving: Frames, write_clip: Callable[..., Path], name: str,
) -> None:
    path = write_clip(moving(60), name)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])
    with VideoReader(path) as reader:
        count = len(list(reader))
        assert 3 < count < 40
        complaint = reader.complaint() or ''
    assert complaint.startswith(f'{path}: only {count} of the 60 frames')


def _text(path: Path) -> None:
    path.write_text('no video, ' * 100)


def _sound(path: Path) -> None:
    with wave.open(str(path), 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', 'not compressed'))
        file.writeframes(bytes(16000))


def _no_frames(path: Path) -> None:
    cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*'MJPG'), 25, (64, 48)).release()


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(5000))


@pytest.mark.parametrize(('name', 'make', 'reason'), [
    ('a.mp4', lambda path: None, 'no such file'),
    ('a.mp4', Path.touch, 'the file is empty'),
    ('a.mp4', Path.mkdir, 'is not a file'),
    ('a.mp4', _text, 'not a video'),
    ('a.mp4', _noise, 'not a video'),
    ('a.wav', _sound, 'not a video'),
    ('a.avi', _no_frames, 'has no frame'),
])
def test_what_is_no_video(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, make: Callable[[Path], None], reason: str,
) -> None:
    make(tmp_path / name)
    with pytest.raises(InputError, match=f'{name}: {reason}'):
        VideoReader(tmp_path / name)
    assert capfd.readouterr().err == ''


def test_an_mp4_cut_off_before_its_table_of_contents(moving: Frames, write_clip: Callable[..., Path]) -> None:
    path = write_clip(moving(20))
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(InputError, match='table of contents'):
        VideoReader(path)


def _turn(path: Path) -> None:
    """Write into an MP4 that it is to be shown turned by 90 degrees, as phones do."""
    data = bytearray(path.read_bytes())
    # The 3x3 matrix of the track header: 16.16 fixed point, the last column 2.30.
    straight = struct.pack('>9i', 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = data.index(straight, data.index(b'tkhd'))
    data[at:at + 36] = struct.pack('>9i', 0, 1 << 16, 0, -(1 << 16), 0, 0, 96 << 16, 0, 1 << 30)
    path.write_bytes(data)


def test_videos_of_phones_are_upright(moving: Frames, write_clip: Callable[..., Path]) -> None:
    frames = moving(3)
    path = write_clip(frames)
    _turn(path)
    with VideoReader(path) as reader:
        assert reader.size == (128, 96)
        first = next(iter(reader)).pixels
    assert abs(first.astype(int) - np.rot90(frames[0], -1)).mean() < 8


class _OddClock:
    """A capture whose file knows no rate, and whose clock stands still and goes back."""

    def __init__(self) -> None:
        self.times = iter([0, 40, 40, 10, float('nan'), 400])
        self.left = 6

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return self.left >= 0, np.zeros((8 + (self.left == 2), 6, 3), np.uint8)

    def get(self, name: int) -> float:
        return float(next(self.times)) if name == cv2.CAP_PROP_POS_MSEC else float('nan')

    def isOpened(self) -> bool:
        return True

    def set(self, name: int, value: float) -> None:
        pass

    def release(self) -> None:
        pass


def test_times_always_increase_and_sizes_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.mp4').write_bytes(b'video')
    monkeypatch.setattr(cv2, 'VideoCapture', lambda *_: _OddClock())
    with VideoReader(tmp_path / 'a.mp4') as reader:
        assert reader.rate == DEFAULT_RATE
        assert reader.announced is None
        frames = list(reader)
        assert reader.complaint() is None
    np.testing.assert_allclose([frame.time for frame in frames], [0, .04, .08, .12, .16, .4])
    assert {frame.pixels.shape for frame in frames} == {(8, 6, 3)}
