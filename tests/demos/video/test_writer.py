from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from demos.video.reader import VideoReader
from demos.video.writer import CODECS, VideoWriter, check_video_name
from hourglass.errors import InputError

import numpy as np
import pytest


@pytest.mark.parametrize('suffix', CODECS)
def test_every_format_holds_what_was_written(
    picture: np.ndarray, tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str],
) -> None:
    writer = VideoWriter(tmp_path / f'a{suffix}', (96, 128), 12.5)
    for _ in range(4):
        writer.write(picture)
    writer.close()
    with VideoReader(tmp_path / f'a{suffix}') as reader:
        assert reader.size == (96, 128)
        assert reader.rate == pytest.approx(12.5)
        assert [abs(frame.pixels.astype(int) - picture).mean() < 8 for frame in reader] == [True] * 4
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(('size', 'even'), [((95, 128), (96, 128)), ((96, 127), (96, 128)), ((95, 127), (96, 128)),
                                            ((1, 1), (2, 2))])
def test_odd_sizes_get_their_last_row_and_column_twice(
    picture: np.ndarray, tmp_path: Path, size: tuple[int, int], even: tuple[int, int],
) -> None:
    frame = np.ascontiguousarray(picture[:size[0], :size[1]])
    writer = VideoWriter(tmp_path / 'a.mp4', size, 25)
    writer.write(frame)
    writer.close()
    with VideoReader(tmp_path / 'a.mp4') as reader:
        assert reader.size == even
        pixels = next(iter(reader)).pixels
    assert abs(pixels[:size[0], :size[1]].astype(int) - frame).mean() < 8


@pytest.mark.parametrize('rate', [0.5, 23.976023976, 59.94005994, 240, 1000])
def test_the_rate_is_kept(picture: np.ndarray, tmp_path: Path, rate: float) -> None:
    writer = VideoWriter(tmp_path / 'a.mp4', (96, 128), rate)
    writer.write(picture)
    writer.write(picture)
    writer.close()
    with VideoReader(tmp_path / 'a.mp4') as reader:
        assert reader.rate == pytest.approx(rate, abs=0.001)


@pytest.mark.parametrize('suffix', CODECS)
def test_few_frames_a_second(picture: np.ndarray, tmp_path: Path, suffix: str) -> None:
    small = np.ascontiguousarray(picture[:40, :40])
    path = tmp_path / f'a{suffix}'
    if suffix == '.webm':
        with pytest.raises(InputError, match=r'a\.webm: 0\.156 frames a second of 40x40 pixels are too few .* \.mp4'):
            VideoWriter(path, (40, 40), 0.156)
        assert not path.exists()
    writer = VideoWriter(path, (40, 40), 0.157)
    for _ in range(5):
        writer.write(small)
    writer.close()
    with VideoReader(path) as reader:
        assert len(list(reader)) == 5


@pytest.mark.parametrize('name', ['a.txt', 'a', 'a.jpg', 'mp4'])
def test_endings_that_name_no_format(name: str) -> None:
    with pytest.raises(InputError, match='names no video format'):
        check_video_name(name)


def test_frames_too_large_for_the_format(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r'shown\.mp4: cannot be written \(frames of 9000x8 pixels'):
        VideoWriter(tmp_path / 'a.mp4', (8, 9000), 25, 'shown.mp4')
    VideoWriter(tmp_path / 'a.avi', (8, 9000), 25).abandon()
    assert capfd.readouterr().err == ''


def test_another_size_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / 'a.mp4', (8, 8), 25)
    with pytest.raises(ValueError, match='a frame'):
        writer.write(np.zeros((8, 9, 3), np.uint8))
    writer.abandon()


_FULL_DISK = '''
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
import numpy as np
from hourglass.errors import InputError
from demos.video.writer import VideoWriter
writer = VideoWriter(sys.argv[1], (240, 320), 25)
for i in range(30):
    writer.write(np.random.default_rng(i).integers(0, 256, (240, 320, 3), np.uint8))
try:
    writer.close()
except InputError as error:
    print(error)
'''


@pytest.mark.skipif(sys.platform == 'win32', reason='no limit of file sizes to try it with')
@pytest.mark.parametrize('suffix', CODECS)
def test_a_full_disk_is_noticed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'a{suffix}'
    result = subprocess.run([sys.executable, '-c', _FULL_DISK, path], cwd=Path(__file__).resolve().parents[3],
                            capture_output=True, text=True, check=False)
    assert result.stdout == f'{path}: cannot be written (is the disk full?)\n', result.stderr
