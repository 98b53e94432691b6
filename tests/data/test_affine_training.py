"""Training with the original code's crops: their targets and their augmentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from data.augment import AuthorsAugmentation
from data.person import Person
from data.transform import TrainTransform
from hourglass.spec import ModelSpec
from hourglass.torch7_crop import AuthorsTransform

import numpy as np
import pytest

AFFINE = ModelSpec(input_size=(128, 128), crop='affine', refine='authors')


def _sample() -> tuple[np.ndarray, Person]:
    """A black image with a white spot at joint 0."""
    image = np.zeros((3, 150, 180), np.float32)
    points = np.random.default_rng(0).uniform(50, 100, (16, 2)).astype(np.float32)
    points[0] = 72, 92
    image[:, 70:74, 90:94] = 255
    labelled = np.ones(16, bool)
    labelled[3] = False
    return image, Person('', points, labelled, labelled, np.array([75.0, 90.0]), 100.0, 1.0)


@pytest.mark.parametrize(('refine', 'first'), [('none', 0.0), ('quarter', 0.0), ('authors', 0.5)])
@pytest.mark.parametrize('augmentation', [None, AuthorsAugmentation(flip=0)])
def test_targets_are_where_the_crop_shows_the_joint(
    refine: str, first: float, augmentation: AuthorsAugmentation | None,
    middle_of: Callable[[np.ndarray, float], np.ndarray],
) -> None:
    transform = TrainTransform(replace(AFFINE, refine=refine), augmentation)
    errors = []
    for seed in range(20):
        inputs, heatmaps, labelled = transform(_sample(), np.random.default_rng(seed))
        assert inputs.shape == (3, 128, 128)
        assert inputs.dtype == heatmaps.dtype == np.float32
        assert not heatmaps[3].any()
        assert labelled.sum() == 15
        errors.append(middle_of(inputs[0], 0.5) - 4 * middle_of(heatmaps[0], first))
    # The crop begins at a whole pixel of the image, which is at most 1.9 pixels of this input.  Half a cell is 2.
    assert np.abs(errors).max() < 1.9
    assert np.abs(np.mean(errors, axis=0)).max() < 1


def test_the_augmentation_has_the_stated_distribution() -> None:
    box = AuthorsTransform((75, 90), 2, 128)
    rng = np.random.default_rng(0)
    moved = [AuthorsAugmentation().move(box, rng) for _ in range(4000)]
    growth = np.log2([other.scale / 2 for other in moved])
    assert abs(growth).max() == pytest.approx(0.5)
    assert abs(growth.mean()) < 0.02
    # Cutting a normal distribution at two sigma leaves 0.96 of its spread.
    assert growth.std() == pytest.approx(0.24, abs=0.01)
    angles = np.array([other.rotation for other in moved])
    assert np.mean(angles != 0) == pytest.approx(0.4, abs=0.03)
    assert abs(angles).max() == pytest.approx(60)
    assert angles[angles != 0].std() == pytest.approx(28.8, abs=1.5)
    assert {other.center for other in moved} == {(75, 90)}


def test_the_generator_alone_decides_about_the_augmentation() -> None:
    transform = TrainTransform(AFFINE, AuthorsAugmentation())
    results = [transform(_sample(), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    for a, b in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(results[0][0], results[2][0])
    assert max(result[0].max() for result in results) <= 1
    flipped = sum(not transform(_sample(), np.random.default_rng(seed))[2][2] for seed in range(200))
    assert 70 < flipped < 130, 'joint 2 takes the label of joint 3 in a mirrored sample'


def test_the_augmentation_refuses_other_crops() -> None:
    with pytest.raises(ValueError, match='original code'):
        TrainTransform(ModelSpec(), AuthorsAugmentation())(_sample(), np.random.default_rng(0))
