"""Reading videos frame by frame."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from demos.video.quiet import quiet
from hourglass.errors import InputError

import cv2
import numpy as np

#: Frames a second where the file does not say, or says what no camera does (some files give their clock instead).
DEFAULT_RATE = 25.0
_RATES = (0.01, 1000.0)

#: Matroska and WebM say how long they are, sound included, and not how many frames they have.
_MATROSKA = b'\x1a\x45\xdf\xa3'


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
        number: counts from 0.
        time: seconds, as the file says; it always increases.
        pixels: (H, W, 3) uint8, BGR: as OpenCV decodes and encodes.
    """

    number: int
    time: float
    pixels: np.ndarray

    @property
    def image(self) -> np.ndarray:
        """The frame as predictors take it: (3, H, W) float32, RGB in [0, 255].

        In memory the channels of a pixel are side by side, as OpenCV wants them when people are cut out.
        """
        return cv2.cvtColor(self.pixels, cv2.COLOR_BGR2RGB).astype(np.float32).transpose(2, 0, 1)


class VideoReader:
    """The frames of a video, to be gone through once; a context manager that closes the file.

    The picture is upright: it is turned as the file says (videos from phones).  A file that breaks off gives the
    frames that it has; :meth:`complaint` tells so afterwards.

    Args:
        path: the file.
        max_frames: stop after so many.

    Attributes:
        size: (height, width) of the frames.
        rate: frames a second; an average if they come at different distances.
        announced: number of frames that the file says it has, ``None`` if it says nothing; an estimate in some formats.
        n_read: frames read so far.

    Raises:
        InputError: the file is missing, empty, no video that can be read, or has no frame.
    """

    def __init__(self, path: str | os.PathLike, max_frames: int | None = None) -> None:
        self.path = Path(path)
        self.max_frames = max_frames
        self.n_read = 0
        self._exact = self._check_file()
        with quiet():
            # By its absolute name, so that a colon in it names no protocol; FFmpeg alone, because other readers of
            # OpenCV take a file name for a numbered sequence of pictures.
            self._capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
            opened = self._capture.isOpened()
            if opened:
                self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        if not opened:
            raise InputError(f'{self.path}: not a video that can be read (no video, sound only, damaged, or cut off '
                             'before its table of contents)')
        self._first = self._decode()
        if self._first is None:
            self.close()
            raise InputError(f'{self.path}: has no frame that can be read')
        self.size: tuple[int, int] = (self._first.shape[0], self._first.shape[1])
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.has_rate = math.isfinite(rate) and _RATES[0] <= rate <= _RATES[1]
        self.rate = rate if self.has_rate else DEFAULT_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.announced = int(count) if math.isfinite(count) and 1 <= count < 2 ** 31 else None

    def _check_file(self) -> bool:
        """Check that there is a file, and return whether its format counts frames."""
        try:
            if not self.path.is_file():
                reason = 'is not a file' if self.path.exists() else 'no such file'
                raise InputError(f'{self.path}: {reason}')
            with self.path.open('rb') as file:
                head = file.read(4)
        except OSError as error:
            raise InputError(f'{self.path}: cannot be read ({error.strerror})') from None
        if not head:
            raise InputError(f'{self.path}: the file is empty')
        return head != _MATROSKA

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._capture.release()

    def _decode(self) -> np.ndarray | None:
        try:
            found, pixels = self._capture.read()
        except (cv2.error, MemoryError) as error:
            raise InputError(f'{self.path}: frame {self.n_read} cannot be read ({error})') from None
        return pixels if found else None

    @property
    def expected(self) -> int | None:
        """Number of frames that will be read if the file is right; ``None`` if it does not say."""
        limits = [limit for limit in (self.announced, self.max_frames) if limit is not None]
        return min(limits) if self.announced is not None else None

    def __iter__(self) -> Iterator[Frame]:
        pixels, last = self._first, -math.inf
        self._first = None
        while pixels is not None:
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # A clock that stands still, goes back or is not there would stop what depends on it.
            if not math.isfinite(time) or time <= last:
                time = last + 1 / self.rate if self.n_read else 0.0
            if pixels.shape[:2] != self.size:
                pixels = cv2.resize(pixels, self.size[::-1], interpolation=cv2.INTER_AREA)
            number, last = self.n_read, time
            self.n_read += 1
            yield Frame(number, time, pixels)
            if self.n_read == self.max_frames:
                return
            pixels = self._decode()

    def complaint(self) -> str | None:
        """Say, once all frames have been read, whether the file announced more of them; ``None`` if all is well."""
        expected = self.expected
        # Files that tell a length and no number may have sound that goes on for longer than the picture.
        slack = 1 if self._exact else max(2, round(self.rate))
        if expected is None or self.n_read >= expected - slack:
            return None
        return (f'{self.path}: only {self.n_read} of the {self.announced} frames that it announces can be read '
                '(cut off or damaged)')
