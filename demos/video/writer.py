"""Writing videos, with PyAV (FFmpeg)."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from demos.video.formats import FORMATS, Format, check_video_name
from demos.video.reader import open_container
from hourglass.errors import InputError

import av
import numpy as np


class VideoWriter:
    """Write a video frame by frame, with the sound of another one.

    Frames of odd height or width get their last row or column twice, because the codecs take even sizes only; points
    in the frames keep their place.

    Args:
        path: the file; its ending chooses the format (:data:`demos.video.formats.FORMATS`).  It is incomplete before
            :meth:`close`, so use :func:`hourglass.files.atomic_write`.
        size: (height, width) of the frames.
        rate: frames a second.
        time_base: unit of the timestamps in seconds, by default a frame.  An ``.avi`` knows frames only.
        sound: a video whose sound is copied for as long as there are frames.
        name: what errors call the file, by default ``path``.
        aspect: width of a pixel by its height, by default 1.  A ``.webm`` does not keep it.

    Attributes:
        n_written: frames so far.
        lost_sound: codec of a sound that is damaged or that this format cannot hold; ``None`` if nothing is lost.

    Raises:
        InputError: the ending names no format, or the format cannot hold such frames.
    """

    def __init__(self, path: str | os.PathLike, size: tuple[int, int], rate: float | Fraction,
                 time_base: Fraction | None = None, sound: str | None = None,
                 name: str | os.PathLike | None = None, aspect: Fraction | None = None) -> None:
        self.name = Path(path if name is None else name)
        self.size = size
        self.n_written = 0
        self.lost_sound: str | None = None
        check_video_name(path)
        rate = Fraction(rate).limit_denominator(100_000)
        suffix = Path(path).suffix.lower()
        form = FORMATS[suffix]
        self._time_base = 1 / rate if suffix == '.avi' or time_base is None else time_base
        self._pad = (0, size[0] % 2), (0, size[1] % 2), (0, 0)
        self._frame_length = float(1 / rate)
        self._end, self._last_stamp = 0.0, -1
        self._codec: str | None = None
        for source in dict.fromkeys((sound, None)):
            # "file:": a colon in the name does not make it a URL.
            self._container = av.open(f'file:{Path(path).absolute()}', 'w')
            try:
                self._add_frames(form, rate, aspect)
                self._sound = self._packets(source, form.sounds) if source is not None else iter(())
                self._next_sound = next(self._sound, None)
                self._container.start_encoding()
                return
            except (av.error.FFmpegError, ValueError, OverflowError):
                self.abandon()
            # The sound may be at fault: it is damaged, or described in a way that this format does not take.
            self.lost_sound = self._codec
        raise InputError(f'{self.name}: cannot hold frames of {size[1]}x{size[0]} pixels, {float(rate):.6g} a second '
                         '(an .avi takes the largest ones)')

    def _add_frames(self, form: Format, rate: Fraction, aspect: Fraction | None) -> None:
        self._stream: Any = self._container.add_stream(form.codec, rate, options=form.options)
        self._stream.height, self._stream.width = self.size[0] + self._pad[0][1], self.size[1] + self._pad[1][1]
        self._stream.pix_fmt = form.pixels
        context = self._stream.codec_context
        context.time_base, context.sample_aspect_ratio = self._time_base, aspect or Fraction(1)
        if form.codec == 'libx264':  # BT.709, and the file says so: players would guess
            context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1

    def _packets(self, source: str, allowed: frozenset[str]) -> Iterator[tuple[float, Any]]:
        """Yield the packets of a video's sound, for this file, with their times in seconds."""
        with open_container(source) as container:
            if not container.streams.audio:
                return
            track = container.streams.audio[0]
            self._codec = track.codec_context.codec.canonical_name if track.codec_context else 'of an unknown kind'
            if self._codec not in allowed:
                self.lost_sound = self._codec
                return
            target = self._container.add_stream_from_template(track)
            shift = round(Fraction(container.start_time or 0, av.time_base) / track.time_base)
            last = -sys.maxsize
            with contextlib.suppress(av.error.FFmpegError):  # the reader reports a file that breaks off
                for packet in container.demux(track):
                    # No format takes packets that go back, as in a damaged file.
                    if packet.dts is None or packet.pts is None or packet.pts < shift or packet.dts <= last:
                        continue
                    last = packet.dts
                    packet.dts, packet.pts, packet.stream = packet.dts - shift, packet.pts - shift, target
                    yield float(packet.pts * track.time_base), packet

    def write(self, pixels: np.ndarray, time: float | None = None) -> None:
        """Add a frame.

        Args:
            pixels: (H, W, 3) uint8, RGB.
            time: seconds from the beginning, more than the last frame's; by default one frame later.

        Raises:
            InputError: the file cannot be written.
        """
        time = self._end if time is None else time
        if pixels.shape[:2] != (self._stream.height, self._stream.width):
            pixels = np.pad(pixels, self._pad, 'edge')
        frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
        if self._stream.codec_context.colorspace == 1:
            frame = frame.reformat(format=self._stream.pix_fmt, dst_colorspace='ITU709')
        frame.time_base = self._time_base
        frame.pts = self._last_stamp = max(round(time / self._time_base), self._last_stamp + 1)
        self._end = time + self._frame_length
        with self._reporting():
            self._copy_sound()
            self._container.mux(self._stream.encode(frame))
        self.n_written += 1

    def _copy_sound(self) -> None:
        """Copy the sound up to the end of the last frame."""
        while self._next_sound is not None and self._next_sound[0] < self._end:
            with contextlib.suppress(av.error.InvalidDataError):  # a damaged packet
                self._container.mux(self._next_sound[1])
            self._next_sound = next(self._sound, None)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            raise InputError(f'{self.name}: cannot be written ({error.strerror})') from None

    def close(self) -> None:
        """Finish the file; ``InputError`` if it cannot be written."""
        with self._reporting():
            self._container.mux(self._stream.encode(None))
            self._container.close()

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()
