"""Rendered people that 8-bit engines measure their ranges on."""

from __future__ import annotations

from collections.abc import Iterator

from data.synthetic.dataset import SyntheticDataset
from hourglass.crop import Location

import numpy as np


def rendered_people(n: int) -> Iterator[tuple[np.ndarray, Location]]:
    """Yield rendered people, the same ones each time.

    Args:
        n: how many.

    Yields:
        The picture, (3, H, W) float32, RGB in [0, 255], and where the person is.
    """
    dataset = SyntheticDataset(split='train', n=n)
    for i in range(n):
        image, person = dataset[i]
        yield image, person.location
