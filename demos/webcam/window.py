"""Poses over a camera's picture in a window of OpenCV, without a browser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable

from demos.video.reader import Frame
from demos.webcam.finder import MODES, Memory, PoseFinder, combined
from hourglass.crop import corners
from hourglass.draw import draw_limbs, draw_numbered
from hourglass.errors import InputError
from hourglass.image import write_image
from hourglass.options import MIN_SCORE
from hourglass.pixels import to_pixels
from hourglass.predictor import Pose
from hourglass.results import pose_to_dict, write_json

import cv2
import numpy as np

TITLE = 'Human pose, live'
HELP = 'q quit   m mirror   h heatmaps   n next mode   s save'
_QUIT = (ord('q'), 27)  # 27 is Escape


class Window:
    """A window of OpenCV, a context manager; open it where :func:`check_window` found nothing wrong."""

    def __init__(self) -> None:
        self._sized = False

    def __enter__(self) -> Window:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        return self

    def __exit__(self, *_: object) -> None:
        cv2.destroyAllWindows()

    def show(self, pixels: np.ndarray) -> int | None:
        """Show a frame (H, W, 3) uint8, RGB; return the key that was pressed, -1 for none, None if it was closed."""
        if not self._sized:
            cv2.resizeWindow(TITLE, pixels.shape[1], pixels.shape[0])
            self._sized = True
        cv2.imshow(TITLE, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1)
        return key if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0 else None


def check_window() -> None:
    """Check that a window can be opened; ``InputError`` if not.

    Another process tries: without a screen the window library ends the whole process.
    """
    code = 'import cv2; cv2.namedWindow("x"); cv2.waitKey(1); cv2.destroyAllWindows()'
    if subprocess.run([sys.executable, '-c', code], capture_output=True, check=False).returncode:
        raise InputError('--opencv-window: OpenCV cannot open a window here (there is no screen, or this OpenCV was '
                         'built without windows); without this option there is a page for the browser')


class LiveView:
    """Draw what is found in each frame, and act on the keys of :data:`HELP`.

    Args:
        finder: finds the poses.
        threshold: limbs with a joint that scores less are left out.

    Attributes:
        mirror: whether the picture is shown as a mirror does.
        heatmaps: whether they are drawn.
        mode: a key of :data:`demos.webcam.finder.MODES`.
    """

    def __init__(self, finder: PoseFinder, threshold: float = MIN_SCORE) -> None:
        self.finder = finder
        self.threshold = threshold
        self.mirror = True
        self.heatmaps = False
        self.mode = next(iter(MODES))
        self._memory = Memory(finder.predictor.spec)

    def run(self, frames: Iterable[Frame], screen: Window) -> int:
        """Show frames until they end, the window is closed or ``q`` is pressed; return how many were shown."""
        shown, rate, before = 0, 0.0, time.perf_counter()
        for frame in frames:
            start = time.perf_counter()
            image = frame.image
            found = self.finder.poses(image, self.mode, self._memory)
            pixels = self._draw(image, found, self.mirror)
            now = time.perf_counter()
            rate, before = 0.8 * rate + 0.2 / max(now - before, 1e-3) if rate else 1 / max(now - before, 1e-3), now
            words = f'{rate:.1f} frames/s   {1000 * (now - start):.0f} ms   {MODES[self.mode]}'
            key = screen.show(self._with_words(pixels, words))
            shown += 1
            if key is None or key in _QUIT:
                break
            if key == ord('s'):
                people = [{**pose_to_dict(pose), **more} for pose, more in found]
                self._save(image, self._draw(image, found, False).transpose(2, 0, 1), people)
            self._act_on(key)
        return shown

    def _draw(self, image: np.ndarray, found: list[tuple[Pose, dict]], mirror: bool) -> np.ndarray:
        """Return a frame with its poses, (H, W, 3) uint8; numbers can be read in the mirror, too."""
        for pose, _ in found if self.heatmaps else ():
            image = lay_over(image, combined(pose.heatmaps), pose)
        canvas = to_pixels(image)
        points, scores = [pose.points for pose, _ in found], [pose.scores for pose, _ in found]
        if mirror:
            canvas = canvas[:, ::-1].copy()
            points = [np.array([0, canvas.shape[1] - 1]) + [1, -1] * of_person for of_person in points]
        if self.mode == 'people':
            draw_numbered(canvas, points, [more['number'] for _, more in found], self.finder.joint_set, None, scores,
                          self.threshold)
        else:
            draw_limbs(canvas, points[0], self.finder.joint_set, None, scores[0], self.threshold)
        return canvas

    def _act_on(self, key: int) -> None:
        if key == ord('m'):
            self.mirror = not self.mirror
        elif key == ord('h'):
            self.heatmaps = not self.heatmaps
        elif key == ord('n'):
            modes = list(MODES)
            self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
            self._memory = Memory(self.finder.predictor.spec)

    @staticmethod
    def _with_words(pixels: np.ndarray, words: str) -> np.ndarray:
        """Write two lines below a frame (H, W, 3)."""
        size = max(0.4, pixels.shape[1] / 1400)
        line = round(32 * size)
        strip = np.zeros((2 * line + line // 2, pixels.shape[1], 3), np.uint8)
        for i, text in enumerate((words, HELP)):
            cv2.putText(strip, text, (line // 3, (i + 1) * line), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255),
                        max(1, round(1.5 * size)), cv2.LINE_AA)
        return np.vstack([pixels, strip])

    def _save(self, image: np.ndarray, drawn: np.ndarray, people: list[dict]) -> None:
        name = f'pose-{time.strftime("%Y%m%d-%H%M%S")}'
        write_image(f'{name}.jpg', drawn)
        write_json(f'{name}.json', {'image': f'{name}.jpg', 'width': image.shape[2], 'height': image.shape[1],
                                    'people': people})
        print(f'wrote {name}.jpg and .json', file=sys.stderr)


def lay_over(image: np.ndarray, heatmap: np.ndarray, pose: Pose) -> np.ndarray:
    """Colour an image (3, H, W) float32 with a heatmap (h, w) in [0, 1] of a pose in it."""
    y0, x0, y1, x1 = corners(pose.box)
    rows, columns = heatmap.shape
    # Cell i covers [i, i + 1) of the box, pixel p covers [p, p + 1) of the image.
    scale_y, scale_x = (y1 - y0) / rows, (x1 - x0) / columns
    matrix = np.array([[scale_x, 0, x0 + scale_x / 2 - 0.5], [0, scale_y, y0 + scale_y / 2 - 0.5]])
    strength = np.clip(cv2.warpAffine(heatmap.astype(np.float32), matrix, image.shape[:0:-1]), 0, 1)
    colours = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1].transpose(2, 0, 1)
    share = 0.65 * strength
    return (image * (1 - share) + colours * share).astype(np.float32)
