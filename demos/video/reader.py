"""Reading videos frame by frame, with PyAV (FFmpeg)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from hourglass.errors import InputError

import av
import cv2
import numpy as np

#: Frames a second where the file does not state a rate, or one that no camera has (some files give their clock's).
DEFAULT_RATE = Fraction(25)
_RATES = (0.01, 1000)

#: Larger frames are refused: several of them are in memory at once, as float32.
MAX_PIXELS = 50_000_000

#: Seconds to wait for the answer of a URL.
_TIMEOUT = 20.0

#: The first of numbered pictures has at most about this number.
_LARGEST_START = 100_000

_NO_VIDEO = 'not a video that can be read (no video, sound only, damaged, or cut off before its table of contents)'


@dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
        number: counts from 0.
        time: presentation time in seconds, as the file states it; it always increases.
        pixels: (H, W, 3) uint8, RGB.
    """

    number: int
    time: float
    pixels: np.ndarray

    @property
    def image(self) -> np.ndarray:
        """The frame as predictors take it: (3, H, W) float32, RGB in [0, 255].

        In memory the channels of a pixel are side by side, which is faster for OpenCV when it cuts out people.
        """
        return self.pixels.astype(np.float32).transpose(2, 0, 1)


def open_container(name: str) -> av.container.InputContainer:
    """Open a video file, a numbered sequence of pictures (``img_%05d.png``) or a URL.

    Raises:
        InputError: it is missing, empty, or nothing that FFmpeg reads.
    """
    try:
        if re.match(r'[a-z][a-z0-9+.-]*://', name, re.IGNORECASE):  # a URL, as rtsp://...
            return av.open(name, timeout=_TIMEOUT, metadata_errors='replace')
        path = Path(name)
        # "file:": a colon in the name does not make it a URL.  A file cannot make FFmpeg open network addresses.
        options, kind = {'protocol_whitelist': 'file'}, None
        if re.search(r'%0?\d*d', path.name) and not path.exists():
            options, kind = {**options, 'start_number_range': str(_LARGEST_START)}, 'image2'
        return av.open(f'file:{path.absolute()}', format=kind, options=options, metadata_errors='replace')
    except av.error.InvalidDataError:
        raise InputError(f'{name}: {_NO_VIDEO}') from None
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f'{name}: cannot be opened ({error.strerror})') from None


def upright(pixels: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Rotate and mirror a frame as players show it.

    Args:
        pixels: (H, W, 3) as stored.
        matrix: (9,) the track's display matrix (a b u; c d v; x y w): a stored pixel (x, y) is shown at
            (a x + c y, b x + d y).  Angles are rounded to quarter turns.

    Returns:
        (H, W, 3) or (W, H, 3), contiguous.
    """
    if matrix is None:
        return pixels
    a, b, _, c, d = matrix[:5].astype(float)
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[::-1 if d < 0 else 1, ::-1 if a < 0 else 1])


class VideoReader:
    """The frames of a video, which can be iterated over once; a context manager that closes the file.

    Frames are rotated and mirrored as the file states.  A file that ends early gives the frames that it has;
    :meth:`complaint` reports it afterwards.

    Args:
        source: a file, a numbered sequence of pictures (``img_%05d.png``, 25 a second) or a URL.
        max_frames: stop after this number of frames.

    Attributes:
        name: the source.
        size: (height, width) of the frames.
        rate: frames a second; an average if the rate varies.
        time_base: unit of the file's timestamps in seconds.
        aspect: width of a pixel by its height, as players show it; of camcorders and discs it is often not 1.
        expected: number of frames that will be read if the file is complete, an estimate in some formats; ``None`` if
            it does not state that.
        n_read: frames read so far.

    Raises:
        InputError: the source is missing, empty, no video that can be read, or has no frame.
    """

    def __init__(self, source: str | os.PathLike, max_frames: int | None = None) -> None:
        self.name = os.fspath(source)
        self.max_frames = max_frames
        self.n_read = 0
        self._damaged, self._has_ended, self._end = False, False, 0.0
        self._container = open_container(self.name)
        streams = self._container.streams.video
        # PyAV crashes when it decodes with a codec that it does not know.
        if not streams or streams[0].codec_context is None:
            raise InputError(f'{self.name}: {_NO_VIDEO}')
        self._stream = streams[0]
        self._stream.thread_type = 'AUTO'
        self._decoded = self._decode()
        self._first = next(self._decoded, None)
        if self._first is None:
            raise InputError(f'{self.name}: has no frame that can be read')
        self.size: tuple[int, int] = self._first[1].shape[:2]
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.aspect = aspect if self.size[0] == self._first[0].height else 1 / aspect  # a frame on its side
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = rate if rate and _RATES[0] <= rate <= _RATES[1] else DEFAULT_RATE
        self.time_base: Fraction = self._stream.time_base or 1 / self.rate
        self._seconds = max(0, self._container.duration or 0) / av.time_base
        announced = self._stream.frames or round(self.rate * self._seconds)
        self.expected: int | None = min(announced, max_frames or announced) or None

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Yield the frames that can be decoded, with their pixels."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    for frame in packet.decode():
                        if frame.width * frame.height > MAX_PIXELS:
                            raise InputError(f'{self.name}: a frame of {frame.width} x {frame.height} pixels is larger '
                                             f'than {MAX_PIXELS // 1_000_000} million')
                        yield frame, self._pixels(frame)
                except av.error.FFmpegError:
                    self._damaged = True
        except av.error.FFmpegError:
            self._damaged = True

    @staticmethod
    def _pixels(frame: Any) -> np.ndarray:
        matrix = frame.side_data.get('DISPLAYMATRIX')
        return upright(frame.to_ndarray(format='rgb24'), None if matrix is None else np.frombuffer(matrix, np.int32))

    def __iter__(self) -> Iterator[Frame]:
        start = (self._container.start_time or 0) / av.time_base
        decoded, last = self._first, -math.inf
        self._first = None
        while decoded is not None:
            frame, pixels = decoded
            stamp = frame.dts if frame.pts is None else frame.pts
            time = math.nan if stamp is None else float(stamp * self.time_base) - start
            # Timestamps that are missing or go back would stop what depends on them.
            if not time > last:
                time = last + float(1 / self.rate) if self.n_read else 0.0
            if pixels.shape[:2] != self.size:
                pixels = cv2.resize(pixels, self.size[::-1], interpolation=cv2.INTER_AREA)
            number, last = self.n_read, time
            self._end = time + float((frame.duration or 0) * self.time_base)
            self.n_read += 1
            yield Frame(number, time, pixels)
            if self.n_read == self.max_frames:
                return
            decoded = next(self._decoded, None)
        self._has_ended = True

    def complaint(self) -> str | None:
        """Return what is wrong with the file, if its last frame has been read; ``None`` if nothing is."""
        if not self._has_ended:
            return None
        frames = self._stream.frames
        if frames and self.n_read < frames - 1:
            read = f'{self.n_read} of the {frames} frames'
        # The rate may vary, and a duration may include sound that is longer than the picture.
        elif not frames and self._end < self._seconds - max(1, 2 / self.rate):
            read = f'{self._end:.1f} of the {self._seconds:.1f} seconds'
        else:
            return f'{self.name}: some frames are damaged' if self._damaged else None
        return f'{self.name}: only {read} that it announces can be read (cut off or damaged)'
