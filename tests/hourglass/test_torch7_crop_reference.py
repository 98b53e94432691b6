"""Crops, transforms, targets and mirrored maps against the original code's recorded results."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from data.augment import mirror
from hourglass.codec import authors_targets
from hourglass.image import read_image
from hourglass.joints import MPII
from hourglass.torch7_crop import VARIANTS, AuthorsTransform, authors_crop

import numpy as np
import pytest

Shared = Callable[[str], Path]
POSE = 'reference/torch7/pose'

# Centre x and y, scale, rotation and size of the recorded transforms.
RECORDED_TRANSFORMS = (
    (560, 367.5, 3.1, 0, 256), (560, 367.5, 3.1, 30, 256), (650, 463, 5.25, -20, 64), (300, 600, 6, 0, 64),
    (100.25, 50.75, .7, 90, 256), (620, 584, 2, 20, 64),
)


def _recorded_crops(shared: Shared, variant: str, size: int) -> dict[int, tuple[str, AuthorsTransform]]:
    """Read image name and transform of every recorded crop of a size, by number."""
    pattern = re.compile(r'crop (\d+) (\d+) center=\((\S+),(\S+)\) scale=(\S+) rot=(\S+) res=(\d+) ok')
    cases = {}
    for match in pattern.finditer(shared(f'{POSE}/{variant}_manifest.txt').read_text()):
        x, y, scale, rotation = (float(value) for value in match.groups()[2:6])
        if int(match[7]) == size:
            cases[int(match[1])] = match[2], AuthorsTransform((y, x), scale, size, rotation, variant)
    return cases


def _unit_image(shared: Shared, name: str) -> np.ndarray:
    return read_image(shared(f'mpii/images/{name}.jpg')) / np.float32(255)


def _flip_xy(points: np.ndarray) -> np.ndarray:
    """Exchange (x, y) from 1 and (y, x) from 0; subtracting 1 is left to the caller."""
    return np.asarray(points, np.float64)[..., ::-1]


def _is_clear(real: np.ndarray) -> np.ndarray:
    """Return where rounding does not depend on the last bits."""
    return abs(real - np.rint(real)) > 1e-4


@pytest.mark.parametrize('number', [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12])
def test_small_crops_of_both_codes_equal_the_original(shared: Shared, number: int) -> None:
    for variant, tolerance in (('demo', 2e-6), ('train', 8e-6)):
        name, transform = _recorded_crops(shared, variant, 64)[number]
        with np.load(shared(f'{POSE}/{variant}_crops64_f32.npz')) as arrays:
            expected = arrays[f'crop{number:02}']
        crop = authors_crop(_unit_image(shared, name), transform)
        assert crop.dtype == np.float32
        np.testing.assert_allclose(crop, expected, rtol=0, atol=tolerance, err_msg=variant)


@pytest.mark.parametrize('number', [1, 3, 6, 9, 11, 12])
def test_full_size_crops_of_the_demo_equal_the_original(shared: Shared, number: int) -> None:
    name, transform = _recorded_crops(shared, 'demo', 256)[number]
    with np.load(shared(f'{POSE}/demo_crops256_f16.npz')) as arrays:
        expected = arrays[f'crop{number:02}'].astype(np.float32)
    # Half precision keeps numbers below 1 to 2.4e-4.
    np.testing.assert_allclose(authors_crop(_unit_image(shared, name), transform), expected, rtol=0, atol=2.5e-4)


def test_a_crop_that_depends_on_single_precision_equals_the_original_from_its_corners(shared: Shared) -> None:
    name, transform = _recorded_crops(shared, 'train', 64)[8]
    line, = re.findall(r'center=\(200,150\) scale=0.6 res=64 .* ul=\((\d+),(\d+)\) br=\((\d+),(\d+)\)',
                       shared(f'{POSE}/train_crop_corners.txt').read_text())
    corners = np.array([int(value) for value in line]).reshape(2, 2)[:, ::-1] - 1
    assert abs(corners - transform.corners()).max() == 1
    with np.load(shared(f'{POSE}/train_crops64_f32.npz')) as arrays:
        np.testing.assert_allclose(authors_crop(_unit_image(shared, name), transform, corners), arrays['crop08'],
                                   rtol=0, atol=2e-6)


def test_corners_equal_the_original(shared: Shared) -> None:
    lines = re.findall(r'corner (\d+) ul=\((-?\d+),(-?\d+)\) br=\((-?\d+),(-?\d+)\)',
                       shared(f'{POSE}/demo_manifest.txt').read_text())
    cases = _recorded_crops(shared, 'demo', 256)
    assert len(lines) == 12
    for number, *corners in lines:
        expected = np.array([int(value) for value in corners]).reshape(2, 2)[:, ::-1]
        np.testing.assert_array_equal(cases[int(number)][1].corners(), expected)


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('case', range(6))
def test_transforms_equal_the_original(shared: Shared, variant: str, case: int) -> None:
    x, y, scale, rotation, size = RECORDED_TRANSFORMS[case]
    transform = AuthorsTransform((y, x), scale, int(size), rotation, variant)
    with np.load(shared(f'{POSE}/{variant}_funcs.npz')) as arrays:
        for way, function in enumerate((transform.to_crop, transform.to_image)):
            points = _flip_xy(arrays['transform_in'][case, way]) - 1
            real = arrays['transform_real'][case, way]
            # The demo's numbers count from 1 within the transform too, those of the training code from 0.
            np.testing.assert_allclose(_flip_xy(function(points)) + transform.first, real, rtol=0, atol=1e-9)
            whole = _flip_xy(function(points, whole=True)) + 1
            clear = _is_clear(real)
            assert clear.mean() > 0.5
            np.testing.assert_array_equal(whole[clear], arrays['transform_out'][case, way][clear])


def test_the_matrix_equals_the_original(shared: Shared) -> None:
    with np.load(shared(f'{POSE}/demo_funcs.npz')) as arrays:
        for (x, y, scale, rotation, size), expected in zip(RECORDED_TRANSFORMS, arrays['getTransform'], strict=True):
            matrix = AuthorsTransform((y, x), scale, int(size), rotation).matrix()
            np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(('person', 'rotation'), [(0, 0), (1, 20), (2, -45)])
def test_targets_equal_the_original(shared: Shared, person: int, rotation: float) -> None:
    with np.load(shared(f'{POSE}/train_funcs.npz')) as arrays:
        x, y, scale = arrays['center_scale'][person]
        joints = arrays['target_joints'][person]
        expected, cells = arrays['target_maps'][person], arrays['target_points_real'][person]
    labelled = joints[:, 0] > 1
    assert _is_clear(cells[labelled]).all()
    transform = AuthorsTransform((y, x), scale, 256, rotation)
    points = _flip_xy(joints) - 1
    np.testing.assert_allclose(_flip_xy(transform.resized(64).to_crop(points))[labelled], cells[labelled], atol=1e-6)
    np.testing.assert_allclose(authors_targets(points, labelled, transform), expected, rtol=0, atol=1e-6)


def test_mirrored_maps_equal_the_original(shared: Shared) -> None:
    with np.load(shared(f'{POSE}/train_funcs.npz')) as arrays:
        for maps, expected in zip(arrays['flip_in'], arrays['flip_shuffle_out'], strict=True):
            np.testing.assert_array_equal(mirror(maps, maps, MPII.flip_order)[1], expected)
