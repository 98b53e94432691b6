"""Random changes of a training sample: as in the reference, or by resampling once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hourglass.crop import Box, CropBox, Square
from hourglass.warp import WarpedBox

import cv2
import numpy as np


def rotate_and_zoom(
    array: np.ndarray, angle: float, zoom: float, middle: tuple[float, float] | None = None,
) -> np.ndarray:
    """Rotate and scale; pixels from outside are zero.

    Args:
        array: (C, H, W) float32.
        angle: degrees, counter-clockwise.
        zoom: factor; above 1 enlarges.
        middle: (y, x) of the fixed point; by default (H // 2, W // 2).

    Returns:
        (C, H, W) float32.
    """
    _, height, width = array.shape
    y, x = (height // 2, width // 2) if middle is None else middle
    pixels = array.transpose(1, 2, 0)
    # Two maps instead of one: the published weights were trained like this.
    for step_angle, step_zoom in ((angle, 1.0), (0.0, zoom)):
        matrix = cv2.getRotationMatrix2D((x, y), step_angle, step_zoom)
        pixels = cv2.warpAffine(pixels, matrix, (width, height))
    return np.atleast_3d(pixels).transpose(2, 0, 1)


def mirror(image: np.ndarray, heatmaps: np.ndarray, flip_order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror an image (3, H, W) and its heatmaps (K, h, w), exchanging the left and right joints."""
    return image[:, :, ::-1], heatmaps[flip_order][:, :, ::-1]


def apply_cutout(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover a rectangle with one colour (DeVries, Taylor: *Improved Regularization ... with Cutout*, 2017).

    Height and width are a tenth to two fifths of the image's; position and colour are uniform.

    Args:
        image: (3, H, W) float32 in [0, 1].
        rng: source of randomness.

    Returns:
        A changed copy.
    """
    lengths = np.array(image.shape[1:])
    halves = lengths * rng.uniform(0.05, 0.2, 2)
    middle = lengths * rng.random(2)
    (y0, x0), (y1, x1) = (np.clip(np.rint(middle + sign * halves).astype(int), 0, lengths) for sign in (-1, 1))
    covered = image.copy()
    covered[:, y0:y1, x0:x1] = rng.random((3, 1, 1))
    return covered


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make an image grey, blur it, or lower its resolution: one of the three at random.

    The blur is a Gaussian with a standard deviation of 0.3 to 1.2 % of the height. For a lower resolution the image is
    reduced to between a quarter and two thirds of its size and enlarged again.

    Args:
        image: (3, H, W) float32.
        rng: source of randomness.

    Returns:
        A changed copy.
    """
    pixels = image.transpose(1, 2, 0)
    height, width = pixels.shape[:2]
    kind = rng.integers(3)
    if kind == 0:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    elif kind == 1:
        pixels = cv2.GaussianBlur(pixels, (0, 0), height * rng.uniform(0.003, 0.012))
    else:
        factor = rng.uniform(1 / 4, 2 / 3)
        small = max(1, round(width * factor)), max(1, round(height * factor))
        pixels = cv2.resize(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), (width, height))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; the defaults are those of the reference.

    Attributes:
        rotation: largest angle in degrees, to either side.
        scale_range: range of the factor that enlarges.
        rotate_prob: probability of rotating at all.
        flip: probability of mirroring.
        colour: range of the factor for each of the three channels.
        cutout: probability of covering a rectangle; the targets of joints below it stay.
        shift: largest distance by which the crop's centre is moved in y and in x, as a share of its side.
        degrade: probability of making the image grey, blurred or coarse (:func:`degrade`).
    """

    # For the last three no random number is drawn while they are 0, so that trainings without them repeat.
    rotation: float = 30.0
    scale_range: Sequence[float] = (0.75, 1.25)
    rotate_prob: float = 1.0
    flip: float = 0.5
    colour: tuple[float, float] = (0.6, 1.4)
    cutout: float = 0.0
    shift: float = 0.0
    degrade: float = 0.0

    def shift_square(self, square: Square, rng: np.random.Generator) -> Square:
        """Return the square of a crop, moved at random."""
        if not self.shift:
            return square
        y, x = (rng.uniform(-self.shift, self.shift, 2) * square.side).tolist()
        return square._replace(y=square.y + y, x=square.x + x)

    def _draw(self, rng: np.random.Generator) -> tuple[float, float]:
        """Return an angle and a zoom."""
        angle = rng.uniform(-self.rotation, self.rotation)
        zoom = rng.uniform(self.scale_range[0], self.scale_range[1])
        if self.rotate_prob < 1 and rng.random() >= self.rotate_prob:
            angle = 0.0
        return angle, zoom

    def move(self, box: Box, rng: np.random.Generator) -> Box:
        """Return the crop unchanged; the changes of this class are made to the cropped image."""
        return box

    def __call__(
        self, image: np.ndarray, heatmaps: np.ndarray, labelled: np.ndarray, flip_order: np.ndarray,
        rng: np.random.Generator, middle: tuple[float, float] | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Change a sample at random.

        Args:
            image: (3, H, W) float32 in [0, 1].
            heatmaps: (K, h, w) float32.
            labelled: (K,) bool.
            flip_order: (K,) int, from :attr:`hourglass.joints.JointSet.flip_order`.
            rng: source of randomness.
            middle: (y, x) of the heatmap cell at the image's middle (H // 2, W // 2), about which both are rotated;
                by default (h // 2, w // 2).

        Returns:
            The three arrays, changed; the inputs are left as they are.
        """
        image, heatmaps = self._turn(image, heatmaps, rng, middle)
        if rng.random() < self.flip:
            image, heatmaps = mirror(image, heatmaps, flip_order)
            labelled = labelled[flip_order]
        gain = rng.uniform(*self.colour, size=(3, 1, 1)).astype(np.float32)
        # A cut image may have its channels last in memory; what follows is faster with contiguous ones.
        image = np.multiply(image, gain, order='C')
        np.clip(image, 0, 1, out=image)
        if self.cutout and rng.random() < self.cutout:
            image = apply_cutout(image, rng)
        if self.degrade and rng.random() < self.degrade:
            image = degrade(image, rng)
        return image, np.ascontiguousarray(heatmaps), labelled

    def _turn(
        self, image: np.ndarray, heatmaps: np.ndarray, rng: np.random.Generator, middle: tuple[float, float] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        angle, zoom = self._draw(rng)
        return rotate_and_zoom(image, angle, zoom), rotate_and_zoom(heatmaps, angle, zoom, middle)


class WarpAugmentation(Augmentation):
    """The same changes, made while the person is cropped.

    Pixels are resampled once, and the targets are drawn after the change and keep their size. At the edges of the crop
    the image is seen, not black. A person cut by the image's border is rotated before being stretched.
    """

    def move(self, box: Box, rng: np.random.Generator) -> Box:
        """Return another crop of the same person.

        Raises:
            ValueError: the crop is that of the Torch7 code.
        """
        if not isinstance(box, CropBox):
            raise ValueError('this augmentation needs a crop in whole pixels')
        return WarpedBox((box.y0, box.x0), box.shape, *self._draw(rng))

    def _turn(
        self, image: np.ndarray, heatmaps: np.ndarray, rng: np.random.Generator, middle: tuple[float, float] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        return image, heatmaps


#: By their names on the command line.
AUGMENTATIONS: dict[str, type[Augmentation]] = {'reference': Augmentation, 'warp': WarpAugmentation}
