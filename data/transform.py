"""From an annotated person to a training sample: input, target heatmaps, labels."""

from __future__ import annotations

from dataclasses import dataclass

from data.augment import Augmentation
from data.person import Person
from hourglass.codec import encode, to_cells
from hourglass.crop import Box, crop_square, cut_unit, normalise, person_box
from hourglass.spec import ModelSpec

import numpy as np


@dataclass(frozen=True)
class Crop:
    """A person cut out of an image.

    Attributes:
        image: (3, *input_size) float32 in [0, 1].
        points: (K, 2) float64, (y, x) in pixels of the crop, within ``box.shape``; (-1000, -1000) where not labelled.
        labelled: (K,) bool.
        box: where the crop lies in the image.
    """

    image: np.ndarray
    points: np.ndarray
    labelled: np.ndarray
    box: Box


def crop_person(image: np.ndarray, person: Person, spec: ModelSpec, box: Box | None = None) -> Crop:
    """Crop a person as the weights require.

    Args:
        image: (3, H, W) float32, RGB in [0, 255].
        person: the annotation, with the joints of ``spec``.
        spec: gives the way of cropping and the input size.
        box: what to cut out; by default the person's (:func:`hourglass.crop.person_box`).
    """
    if box is None:
        box = person_box(person.location, image.shape[1:], spec)
    points = np.where(person.labelled[:, None], box.to_crop(person.points.astype(np.float64)), -1000.0)
    return Crop(cut_unit(image, box, spec), points, person.labelled, box)


class TrainTransform:
    """Turn ``(image, person)`` into ``(input, heatmaps, labelled)`` for one training step.

    Args:
        spec: joints, sizes and way of cropping.
        augmentation: random changes; ``None`` for validation.
    """

    def __init__(self, spec: ModelSpec, augmentation: Augmentation | None = None) -> None:
        self.spec = spec
        self.augmentation = augmentation
        self.flip_order = spec.joint_set.flip_order
        height, width = spec.input_size
        self.cells = height // 4, width // 4
        # The cell at the image's middle depends on align_corners and decoding.
        middle = np.array([height // 2, width // 2])
        y, x = to_cells(middle, spec.input_size, self.cells, spec.align_corners, spec.decoding).tolist()
        self._middle = y, x

    def __call__(
        self, in_data: tuple[np.ndarray, Person], rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the input (3, H, W) float32, targets (K, H / 4, W / 4) float32 and labels (K,) bool."""
        image, person = in_data
        spec = self.spec
        # 1. Cut the person out.
        square = crop_square(person.location, spec)
        if self.augmentation is not None:
            square = self.augmentation.shift_square(square, rng)
        box = person_box(square, image.shape[1:], spec)
        if self.augmentation is not None:
            box = self.augmentation.move(box, rng)
        crop = crop_person(image, person, spec, box)
        # 2. Draw the targets.
        heatmaps = encode(crop.points, crop.labelled, box.shape, self.cells, spec.align_corners,
                          decoding=spec.decoding)
        # 3. Change both at random.
        inputs, labelled = crop.image, crop.labelled
        if self.augmentation is not None:
            inputs, heatmaps, labelled = self.augmentation(inputs, heatmaps, labelled, self.flip_order, rng,
                                                           self._middle)
        # 4. Subtract the mean.
        return normalise(inputs, spec), heatmaps, labelled
