from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.mpii.splits import name_hashes, validation_hashes

import numpy as np


def test_validation_images_are_the_usual_ones(shared: Callable[[str], Path], tmp_path: Path) -> None:
    def names(part: str) -> np.ndarray:
        return np.unique(shared(f'mpii/annot/{part}_images.txt').read_text().split())

    hashes = validation_hashes(tmp_path)
    np.testing.assert_array_equal(hashes, np.sort(name_hashes(names('valid'))))
    assert not np.isin(name_hashes(np.concatenate([names('train'), names('test')])), hashes).any()


def test_there_are_2729_validation_images(tmp_path: Path) -> None:
    hashes = validation_hashes(tmp_path)
    assert (hashes.shape, hashes.dtype) == ((2729,), np.uint64)
    assert (np.diff(hashes) > 0).all()
    assert hashes.max() < 2 ** 48
