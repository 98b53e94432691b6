"""Keeping OpenCV and FFmpeg from telling in many lines what this project tells in one, with the file's name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def quiet() -> Iterator[None]:
    """Open a video in this block, and nobody complains but the caller.

    Everything that reaches the process's stderr meanwhile is lost, so the block should be short and hold no threads.
    """
    # FFmpeg reads this when the first video is opened, and keeps to it while frames are decoded.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with _deaf_stderr():
            yield
    finally:
        cv2.utils.logging.setLogLevel(level)


@contextmanager
def _deaf_stderr() -> Iterator[None]:
    """Send to nowhere what libraries write to stderr past Python; OpenCV's remarks on codecs heed no level."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
