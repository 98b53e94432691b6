"""Random changes of a training sample, as published; each is applied to the image and its heatmaps alike."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


def rotate_and_zoom(array: np.ndarray, angle: float, zoom: float) -> np.ndarray:
    """Rotate and scale about the middle; zero comes in from outside.

    Args:
        array: (C, H, W) float32.
        angle: degrees, counter-clockwise.
        zoom: factor; above 1 enlarges.

    Returns:
        (C, H, W) float32.
    """
    _, height, width = array.shape
    pixels = array.transpose(1, 2, 0)
    # Two maps one after the other and not one of both: this is what the published weights were trained with.
    for step_angle, step_zoom in ((angle, 1.0), (0.0, zoom)):
        matrix = cv2.getRotationMatrix2D((width // 2, height // 2), step_angle, step_zoom)
        pixels = cv2.warpAffine(pixels, matrix, (width, height))
    return np.atleast_3d(pixels).transpose(2, 0, 1)


def mirror(image: np.ndarray, heatmaps: np.ndarray, flip_order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror an image (3, H, W) and its heatmaps (K, h, w), exchanging the left and right joints."""
    return image[:, :, ::-1], heatmaps[flip_order][:, :, ::-1]


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; the defaults are the published ones.

    Attributes:
        rotation: largest angle in degrees, to either side.
        zoom: range of the factor.
        flip: probability of mirroring.
        colour: range of the factor for each of the three channels.
    """

    rotation: float = 30.0
    zoom: tuple[float, float] = (0.75, 1.25)
    flip: float = 0.5
    colour: tuple[float, float] = (0.6, 1.4)

    def __call__(
        self, image: np.ndarray, heatmaps: np.ndarray, labelled: np.ndarray, flip_order: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Change a sample at random.

        Args:
            image: (3, H, W) float32 in [0, 1].
            heatmaps: (K, h, w) float32.
            labelled: (K,) bool.
            flip_order: (K,) int, from :attr:`hourglass.joints.JointSet.flip_order`.
            rng: source of randomness.

        Returns:
            The three arrays, changed; the inputs are left as they are.
        """
        # 1. Rotation and zoom.
        angle = rng.uniform(-self.rotation, self.rotation)
        zoom = rng.uniform(*self.zoom)
        image = rotate_and_zoom(image, angle, zoom)
        heatmaps = rotate_and_zoom(heatmaps, angle, zoom)

        # 2. Mirroring.
        if rng.random() < self.flip:
            image, heatmaps = mirror(image, heatmaps, flip_order)
            labelled = labelled[flip_order]

        # 3. Brightness of each channel.
        gain = rng.uniform(*self.colour, size=(3, 1, 1)).astype(np.float32)
        return np.clip(image * gain, 0, 1), np.ascontiguousarray(heatmaps), labelled
