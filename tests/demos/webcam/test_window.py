from __future__ import annotations

import json
import sys
from pathlib import Path

from demos.video.reader import Frame
from demos.webcam.finder import PoseFinder
from demos.webcam.window import LiveView, Window, check_window, lay_over
from hourglass.crop import CropBox
from hourglass.errors import InputError
from hourglass.image import read_image
from hourglass.joints import MPII
from hourglass.predictor import Pose
from tests.demos.webcam.spots import spot_pixels

import numpy as np
import pytest


class _Screen(Window):
    """Takes the frames, and presses keys."""

    def __init__(self, *keys: int | None) -> None:
        self.keys = list(keys)
        self.shown: list[np.ndarray] = []

    def show(self, pixels: np.ndarray) -> int | None:
        self.shown.append(pixels.copy())
        return self.keys.pop(0) if self.keys else -1


def _frames(n: int) -> list[Frame]:
    return [Frame(i, i / 25, 90 + spot_pixels(70, 60 + 2 * i, (120, 160)) // 2) for i in range(n)]


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """Return the middle (x, y) of the dark edge that is drawn in a frame, without the words below it."""
    return np.argwhere(pixels[:120].max(axis=2) < 60).mean(axis=0)[::-1]


def test_the_skeleton_is_drawn_over_each_frame(finder: PoseFinder) -> None:
    screen = _Screen()
    view = LiveView(finder)
    view.mirror = False
    assert view.run(_frames(4), screen) == 4
    for i, pixels in enumerate(screen.shown):
        assert pixels.dtype == np.uint8
        assert pixels.shape[1] == 160
        np.testing.assert_allclose(_coloured(pixels), (60 + 2 * i, 70), atol=6)
        assert pixels[120:].max() > 200  # words


def test_keys(finder: PoseFinder) -> None:
    screen = _Screen(ord('m'), ord('h'), ord('n'), ord('n'), ord('x'), ord('q'))
    view = LiveView(finder)
    assert view.run(_frames(20), screen) == 6
    np.testing.assert_allclose(_coloured(screen.shown[0]), (159 - 60, 70), atol=6)  # at first as in a mirror
    np.testing.assert_allclose(_coloured(screen.shown[1]), (62, 70), atol=6)
    # The heatmap colours more than the limbs.
    plain, warm = ((np.ptp(pixels[:120].astype(int), axis=2) > 60).sum() for pixels in screen.shown[1:3])
    assert warm > plain + 50
    assert view.heatmaps
    assert view.mode == 'people'  # two modes on


def test_a_heatmap_over_the_picture() -> None:
    heatmap = np.zeros((8, 8), np.float32)
    heatmap[6, 1] = 1
    pose = Pose(np.zeros((1, 2)), np.ones(1, np.float32), heatmap[None], CropBox(-20, 40, 60, 120), MPII,
                np.zeros((3, 9, 9), np.float32))
    drawn = lay_over(np.full((3, 100, 160), 50, np.float32), heatmap, pose)
    changed = np.argwhere(abs(drawn - 50).max(axis=0) > 30)
    # The cell covers rows 40 to 49 and columns 50 to 59.
    np.testing.assert_allclose(changed.mean(axis=0), (44.5, 54.5), atol=1)
    assert drawn[:, :25].max() == 50


def test_saving_and_closing(finder: PoseFinder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert LiveView(finder).run(_frames(9), _Screen(ord('s'), None)) == 2
    picture, = tmp_path.glob('*.jpg')
    pose = json.loads(picture.with_suffix('.json').read_text())
    # Not mirrored, so that the joints fit.
    assert read_image(picture).shape == (3, 120, 160)
    assert (pose['image'], pose['width'], pose['height']) == (picture.name, 160, 120)
    assert pose['people'][0]['joints'][0]['x'] == pytest.approx(60, abs=6)


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have a screen without these variables')
def test_without_a_screen_there_is_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match='--opencv-window: OpenCV cannot open a window here'):
        check_window()
