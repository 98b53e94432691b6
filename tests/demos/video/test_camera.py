from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from demos.video import camera
from demos.video.camera import CameraReader, open_video
from hourglass.errors import InputError

import numpy as np
import pytest


class _FakeCapture:
    """Camera 0 gives 100 frames, numbered by their colours; camera 1 gives none; there is no other."""

    steps = threading.Semaphore(0)  # released once for each frame after the first that the camera may give

    def __init__(self, number: int) -> None:
        self.number, self.n = number, 0

    def isOpened(self) -> bool:
        return self.number < 2

    def get(self, _: int) -> float:
        return 100.0

    def read(self) -> tuple[bool, Any]:
        if self.n:
            self.steps.acquire()
        if self.n == 100 or self.number == 1:
            return False, None
        self.n += 1
        return True, np.full((4, 6, 3), (0, 0, self.n), np.uint8)  # BGR

    def release(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _fake_camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_FakeCapture, 'steps', threading.Semaphore(0))
    monkeypatch.setattr(camera.cv2, 'VideoCapture', _FakeCapture)
    yield
    _FakeCapture.steps.release(1000)


def test_of_a_fast_camera_the_newest_frame_is_taken() -> None:
    numbers = []
    with open_video('0') as frames:
        assert isinstance(frames, CameraReader)
        assert (frames.size, frames.rate, frames.expected) == ((4, 6), 100, None)
        for frame in frames:
            numbers.append(int(frame.pixels[0, 0, 0]))
            before = frames._capture.n
            _FakeCapture.steps.release(10)
            # While this frame is looked at, the camera gives ten more.
            while frames._capture.n < min(before + 10, 100):
                assert frames.complaint() is None
        assert frames.complaint() == 'camera 0: gives no more pictures'
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    assert 5 <= len(numbers) <= 30


def test_only_the_first_frames() -> None:
    with open_video('0', 2) as frames:
        assert frames.expected == 2
        for count, frame in enumerate(frames):
            assert frame.number == count < 2
            _FakeCapture.steps.release()
        assert frames.complaint() is None
        _FakeCapture.steps.release(100)


@pytest.mark.parametrize(('name', 'reason'), [
    ('2', 'camera 2: no such camera'), ('99999', '99999: cannot be opened'), ('1', 'camera 1: gives no picture$')])
def test_a_camera_that_is_not_there(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        open_video(name)
