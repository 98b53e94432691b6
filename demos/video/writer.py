"""Writing videos."""

from __future__ import annotations

import os
from pathlib import Path

from demos.video.quiet import quiet
from hourglass.errors import InputError

import cv2
import numpy as np

#: The codec for a file's ending: what OpenCV's ready-made packages can write without anything else installed.
#: MPEG-4 plays everywhere but in browsers, VP8 there too; Motion JPEG is large and takes frames of any size.
CODECS = {'.mp4': 'mp4v', '.mov': 'mp4v', '.mkv': 'mp4v', '.webm': 'VP80', '.avi': 'MJPG'}

# OpenCV asks for two bits a pixel, and the encoder of VP8 counts in kilobits a second: of a video of fewer pixels a
# second than this it makes a file without frames.
_LEAST_VP8 = 250


def check_video_name(path: str | os.PathLike) -> None:
    """Check that a file's ending names a video format that can be written; ``InputError`` if it does not."""
    suffix = Path(path).suffix.lower()
    if suffix not in CODECS:
        raise InputError(f'{path}: the ending {suffix!r} names no video format that can be written '
                         f'({", ".join(CODECS)} do)')


class VideoWriter:
    """A video without sound, written frame by frame.

    Frames of odd height or width get their last row or column once more at the bottom or right, as the codecs take
    even sizes only; points in the frames keep their place.

    Args:
        path: the file; its ending chooses the format (:data:`CODECS`).  It is not whole before :meth:`close`, so
            use :func:`hourglass.files.atomic_write`.
        size: (height, width) of the frames.
        rate: frames a second.
        name: what errors call the file, by default ``path``.

    Raises:
        InputError: the ending names no format, or the format cannot hold such frames.
    """

    def __init__(self, path: str | os.PathLike, size: tuple[int, int], rate: float,
                 name: str | os.PathLike | None = None) -> None:
        self.path = Path(path)
        self.name = Path(path if name is None else name)
        self.size = size
        self.n_written = 0
        check_video_name(self.path)
        self._pad = size[0] % 2, size[1] % 2
        height, width = size[0] + self._pad[0], size[1] + self._pad[1]
        codec_name = CODECS[self.path.suffix.lower()]
        if codec_name == 'VP80' and rate * height * width < _LEAST_VP8:
            raise InputError(f'{self.name}: {rate:.6g} frames a second of {width}x{height} pixels are too few for this '
                             'format; an .mp4 takes them')
        codec = cv2.VideoWriter.fourcc(*codec_name)
        with quiet():
            self._writer = cv2.VideoWriter(str(self.path.absolute()), cv2.CAP_FFMPEG, codec, rate, (width, height))
            opened = self._writer.isOpened()
        if not opened:
            raise InputError(f'{self.name}: cannot be written (frames of {width}x{height} pixels, {rate:.6g} a second; '
                             'an .avi takes the largest ones)')

    def write(self, pixels: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8, BGR."""
        if pixels.shape != (*self.size, 3) or pixels.dtype != np.uint8:
            raise ValueError(f'a frame {pixels.shape} of {pixels.dtype} for a video of {self.size}')
        bottom, right = self._pad
        if bottom or right:
            pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        self._writer.write(pixels)
        self.n_written += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            InputError: what was written cannot be read back; OpenCV says nothing of a full disk.
        """
        self._writer.release()
        with quiet():
            capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
            capture.release()
        # Some formats round the time of the last frame.
        if abs(count - self.n_written) > 1 + self.n_written // 100:
            raise InputError(f'{self.name}: cannot be written (is the disk full?)')

    def abandon(self) -> None:
        """Let go of the file without checking it."""
        self._writer.release()
