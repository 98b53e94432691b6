"""The formats of videos that can be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from hourglass.errors import InputError


class Format(NamedTuple):
    """How a file of one ending is written.

    Attributes:
        codec: FFmpeg's encoder.
        options: of the encoder.
        pixels: FFmpeg's name of the pixel format.
        sounds: codecs of sound that the format holds and players expect in it.
    """

    codec: str
    options: dict[str, str]
    pixels: str
    sounds: frozenset[str]


def _h264(*sounds: str) -> Format:
    return Format('libx264', {'preset': 'ultrafast', 'crf': '20'}, 'yuv420p', frozenset(('aac', 'mp3', 'ac3', *sounds)))


#: Formats by their ending.  Browsers play H.264 and VP8; Motion JPEG makes large files and takes frames of any size.
FORMATS = {
    '.mp4': _h264('opus'),
    '.mov': _h264('pcm_s16le', 'pcm_s16be', 'alac'),
    '.mkv': _h264('opus', 'vorbis', 'flac', 'pcm_s16le', 'pcm_s16be'),
    '.webm': Format('libvpx', {'deadline': 'realtime', 'cpu-used': '8', 'crf': '10', 'b': '20M'}, 'yuv420p',
                    frozenset(('opus', 'vorbis'))),
    '.avi': Format('mjpeg', {'qmin': '2', 'qmax': '4'}, 'yuvj420p', frozenset(('aac', 'mp3', 'ac3', 'pcm_s16le'))),
}


def check_video_name(path: str | os.PathLike) -> None:
    """Check that a file's ending names a video format that can be written; ``InputError`` if it does not."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f'{path}: the ending {suffix!r} is not that of a video format that can be written '
                         f'({", ".join(FORMATS)})')
