"""Reading the frames of a camera, with OpenCV: it numbers cameras on every system, and PyAV does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

from demos.video.reader import DEFAULT_RATE, Frame, VideoReader
from hourglass.errors import InputError

import cv2
import numpy as np

#: Seconds without a frame after which a camera counts as gone.
PATIENCE = 5.0

class CameraReader:
    """The frames of a camera, always the newest one; frames that arrive while another is processed are lost.

    Attributes and methods are those of :class:`demos.video.reader.VideoReader`.

    Args:
        number: of the camera, from 0.
        max_frames: stop after this number of frames.

    Raises:
        InputError: there is no such camera, or it gives no frame.
    """

    time_base, aspect = Fraction(1, 1000), Fraction(1)

    def __init__(self, number: int, max_frames: int | None = None) -> None:
        self.name = f'camera {number}'
        self.max_frames = self.expected = max_frames
        self.n_read = 0
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(number)
        cv2.utils.logging.setLogLevel(level)
        if not self._capture.isOpened():
            raise InputError(f'{self.name}: no such camera, or another program uses it')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(rate).limit_denominator(1000) if 1 <= rate <= 1000 else DEFAULT_RATE
        self._changed = threading.Condition()
        self._pixels: np.ndarray | None = None
        self._ended = False
        # The camera's driver keeps old frames until they are read, so a thread reads all of them.
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._next = self._wait()
        if self._next is None:
            self.close()
            raise InputError(f'{self.name}: gives no picture')
        self.size: tuple[int, int] = (self._next.shape[0], self._next.shape[1])

    def __enter__(self) -> CameraReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._ended = True
        self._thread.join(PATIENCE)
        self._capture.release()

    def _read(self) -> None:
        while not self._ended:
            found, pixels = self._capture.read()
            with self._changed:
                self._pixels = pixels if found else self._pixels
                self._ended = self._ended or not found
                self._changed.notify()

    def _wait(self) -> np.ndarray | None:
        """Return the newest frame as soon as there is one, BGR; ``None`` if none comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._pixels is not None or self._ended, PATIENCE)
            pixels, self._pixels = self._pixels, None
        return pixels

    def __iter__(self) -> Iterator[Frame]:
        start = time.monotonic()
        while self._next is not None and self.n_read != self.max_frames:
            number = self.n_read
            self.n_read += 1
            yield Frame(number, time.monotonic() - start, cv2.cvtColor(self._next, cv2.COLOR_BGR2RGB))
            self._next = self._wait()

    def complaint(self) -> str | None:
        """Return that the camera gives no more frames; ``None`` if it does."""
        return f'{self.name}: gives no more pictures' if self._next is None else None


def open_video(source: str, max_frames: int | None = None) -> VideoReader | CameraReader:
    """Open a camera by its number; or a video file, a numbered sequence of pictures or a URL.

    Raises:
        InputError: it cannot be opened.
    """
    # OpenCV numbers no camera higher, and fails for huge numbers.
    if not source.isdecimal() or len(source) > 4:
        return VideoReader(source, max_frames)
    return CameraReader(int(source), max_frames)
