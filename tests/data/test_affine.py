from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.affine import VARIANTS, AuthorsTransform, authors_crop, truncate
from data.augment import AuthorsAugmentation, mirror
from data.crop import CropBox, crop_box, cut, person_box, picture_box, whole_image
from data.image import read_image
from data.person import Person
from data.transform import TrainTransform
from hourglass.codec import authors_targets
from hourglass.errors import InputError
from hourglass.joints import MPII
from hourglass.spec import ModelSpec

import numpy as np
import pytest

Shared = Callable[[str], Path]
POSE = 'reference/torch7/pose'
AFFINE = ModelSpec(input_size=(128, 128), crop='affine', refine='authors')

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


def _middle(array: np.ndarray, first: float) -> np.ndarray:
    """Return (y, x) of an array's centre of mass, the middle of the first element being at ``first``."""
    y, x = np.indices(array.shape) + first
    mass = array.astype(np.float64)
    return np.array([(mass * y).sum(), (mass * x).sum()]) / mass.sum()


# The original code's results


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


# Properties


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('rotation', [0, 33, -120])
def test_a_point_comes_back(variant: str, rotation: float) -> None:
    points = np.random.default_rng(0).uniform(-300, 900, (4, 16, 2))
    transform = AuthorsTransform((210.5, 333.25), 2.3, 256, rotation, variant)
    np.testing.assert_allclose(transform.to_image(transform.to_crop(points)), points, atol=1e-9)
    np.testing.assert_allclose(transform.to_crop(transform.to_image(points)), points, atol=1e-9)


def test_the_square_has_the_person_in_its_middle() -> None:
    transform = AuthorsTransform((100, 300), 2, 64)
    assert transform.side == 400
    np.testing.assert_allclose(transform.to_crop(np.array([[100, 300], [-100, 100], [300, 500]])),
                               [[32, 32], [0, 0], [64, 64]], atol=1e-12)
    np.testing.assert_array_equal(transform.corners(), [[-100, 100], [300, 500]])
    turned = replace(transform, rotation=90)
    np.testing.assert_allclose(turned.to_crop(np.array([[100, 500]])), [[0, 32]], atol=1e-12)


def test_rounding_is_towards_zero_and_forgives_the_last_bits() -> None:
    values = np.array([1.9, -1.9, 3 - 1e-9, -2 + 1e-9, 3 - 1e-3, 0.1 * 3 * 10])
    np.testing.assert_array_equal(truncate(values), [1, -1, 3, -2, 2, 3])


def _slow_scale(row: np.ndarray, size: int) -> np.ndarray:
    """Resize a row pixel by pixel: averages over the area, or linear between the first and the last pixel."""
    length = len(row)
    out = np.zeros(size)
    for i in range(size):
        if size < length:
            low, high = i * length / size, (i + 1) * length / size
            overlaps = [max(0, min(high, j + 1) - max(low, j)) for j in range(length)]
            out[i] = sum(a * b for a, b in zip(overlaps, row, strict=True)) / (high - low)
        elif size == length:
            out[i] = row[i]
        else:
            position = i * (length - 1) / (size - 1)
            j = min(int(position), length - 2) if length > 1 else 0
            out[i] = row[j] + (position - j) * (row[min(j + 1, length - 1)] - row[j])
    return out


def _slow_resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    wide = np.array([[_slow_scale(row, size[1]) for row in channel] for channel in image])
    return np.array([[_slow_scale(column, size[0]) for column in channel.T] for channel in wide]).transpose(0, 2, 1)


def _slow_rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[1:]
    out = np.zeros(image.shape)
    cos, sin = np.cos(degrees * np.pi / 180), np.sin(degrees * np.pi / 180)
    for y in range(height):
        for x in range(width):
            dy, dx = y - (height - 1) / 2, x - (width - 1) / 2
            sy, sx = sin * dx + cos * dy + (height - 1) / 2, cos * dx - sin * dy + (width - 1) / 2
            if not (-.5 <= sy < height - .5 and -.5 <= sx < width - .5):
                continue
            for j, i in ((j, i) for j in (int(np.floor(sy)), int(np.floor(sy)) + 1)
                         for i in (int(np.floor(sx)), int(np.floor(sx)) + 1)):
                weight = (1 - abs(sy - j)) * (1 - abs(sx - i))
                out[:, y, x] += weight * image[:, min(max(j, 0), height - 1), min(max(i, 0), width - 1)]
    return out


def _slow_cut(image: np.ndarray, corners: list[int]) -> np.ndarray:
    y0, x0, y1, x1 = corners
    out = np.zeros((len(image), y1 - y0, x1 - x0))
    for y in range(max(y0, 0), min(y1, image.shape[1])):
        for x in range(max(x0, 0), min(x1, image.shape[2])):
            out[:, y - y0, x - x0] = image[:, y, x]
    return out


def _slow_crop(image: np.ndarray, transform: AuthorsTransform) -> np.ndarray:
    """The original procedure, step by step with loops."""
    size, first = transform.size, transform.first
    center, side = np.array(transform.center), 200 * transform.scale
    factor = side / size if transform.variant == 'train' and side / size >= 2 else 1
    if factor > 1:
        longer = int(max(image.shape[1:]) / factor)
        height, width = (int(longer * extent / max(image.shape[1:])) for extent in image.shape[1:])
        image = _slow_resize(image, (height, width))
    center, side = center / factor, side / factor
    corners = [int(np.round((position / size - .5) * side + c, 9)) for position in (first, size) for c in center]
    if factor > 1:
        corners[2:] = [corners[0] + size, corners[1] + size]
    if not transform.rotation:
        box = _slow_cut(image, corners)
    else:
        height, width = corners[2] - corners[0], corners[3] - corners[1]
        pad = int(np.ceil((height ** 2 + width ** 2) ** .5 / 2 - width / 2))
        box = _slow_cut(image, [corners[0] - pad, corners[1] - pad, corners[2] + pad, corners[3] + pad])
        box = _slow_rotate(box, transform.rotation)
        start = pad - 1 if transform.variant == 'demo' else pad
        box = box[:, start:box.shape[1] - pad, start:box.shape[2] - pad]
    return box if factor > 1 else _slow_resize(box, (size, size))


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('rotation', [0, 25, -160])
@pytest.mark.parametrize(('center', 'scale'), [
    ((20.3, 30.6), .05), ((20.3, 30.6), .111), ((3.2, 40.1), .22), ((20, 1), .5),
])
def test_crops_equal_the_procedure_step_by_step(
    variant: str, rotation: float, center: tuple[float, float], scale: float,
) -> None:
    image = np.random.default_rng(0).uniform(0, 1, (2, 40, 50)).astype(np.float32)
    transform = AuthorsTransform(center, scale, 16, rotation, variant)
    np.testing.assert_allclose(authors_crop(image, transform), _slow_crop(image, transform), atol=3e-6)


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('scale', [.3, 1.0])
def test_outside_of_the_image_is_black(variant: str, scale: float) -> None:
    image = np.ones((3, 30, 40), np.float32)
    side = 200 * scale
    crop = authors_crop(image, AuthorsTransform((0, 0), scale, 32, variant=variant))
    assert not crop[:, :15].any()
    assert not crop[:, :, :15].any()
    assert crop[:, 17, 17].min() > 0.9
    far = authors_crop(image, AuthorsTransform((-side, 20), scale, 32, variant=variant))
    assert not far.any()


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_crop_of_any_size_is_made_without_memory(variant: str) -> None:
    image = np.ones((3, 10, 12), np.float32)
    assert authors_crop(image, AuthorsTransform((5, 5), 1e4, 16, variant=variant)).shape == (3, 16, 16)
    point = authors_crop(image, AuthorsTransform((5.2, 5.2), 1e-3, 16, variant=variant))
    np.testing.assert_allclose(point, 1, atol=1e-6)


@pytest.mark.parametrize('rotation', [0, 40, -75])
@pytest.mark.parametrize('scale', [.4, .9])
def test_the_crop_shows_a_spot_where_the_transform_puts_it(rotation: float, scale: float) -> None:
    image = np.zeros((3, 120, 140), np.float32)
    image[:, 70:74, 90:94] = 1
    transform = AuthorsTransform((60, 70), scale, 64, rotation)
    crop = authors_crop(image, transform)[0]
    # The crop begins at a whole pixel of the image or of its reduction, and the reduction has a whole size.
    assert abs(_middle(crop, 0.5) - transform.to_crop(np.array([72, 92]))).max() < 1.3


@pytest.mark.parametrize('values', [
    {'scale': 0}, {'scale': -1}, {'scale': np.nan}, {'center': (np.nan, 0)}, {'size': 0}, {'variant': 'other'},
    {'rotation': np.inf},
])
def test_what_is_no_crop_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r'no crop has|variant'):
        replace(AuthorsTransform((0, 0), 1, 64), **values)


# The common way of making crops


def test_one_function_makes_the_crop_that_the_weights_ask_for() -> None:
    center, side, shape = np.array([100.0, 50.0]), 300.0, (720, 1280)
    for crop in ('truncate', 'pad'):
        spec = ModelSpec(crop=crop)
        assert person_box(center, side, shape, spec) == crop_box(center, side, shape, crop)
        assert picture_box(shape, spec) == whole_image(shape, crop)
    box = person_box(center, side, shape, AFFINE)
    assert box == AuthorsTransform((100, 50), 1.5, 128)
    assert picture_box(shape, AFFINE) == AuthorsTransform((360, 640), 3.6, 128)
    assert person_box(center, 0, shape, AFFINE) == AuthorsTransform((100, 50), 1 / 200, 128)
    image = np.random.default_rng(0).uniform(0, 255, (3, 200, 100)).astype(np.float32)
    np.testing.assert_array_equal(cut(image, box, (128, 128), 'affine'), authors_crop(image, box))


def test_every_box_maps_points_there_and_back() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (16, 2))
    for box in (CropBox(-5, 3, 60, 80), person_box(np.array([30, 40]), 70, (90, 90), AFFINE)):
        np.testing.assert_allclose(box.to_image(box.to_crop(points)), points, atol=1e-9)
        inside = box.to_crop(box.to_image(np.array([[0, 0], box.shape])))
        np.testing.assert_allclose(inside, [[0, 0], box.shape], atol=1e-9)


def test_a_way_of_cropping_is_never_taken_for_another() -> None:
    with pytest.raises(InputError, match='square'):
        person_box(np.array([5, 5]), 10, (20, 20), ModelSpec(input_size=(64, 128), crop='affine'))
    with pytest.raises(ValueError, match='affine'):
        crop_box(np.array([5, 5]), 10, (20, 20), 'affine')
    with pytest.raises(ValueError, match='affine'):
        whole_image((20, 20), 'affine')
    image = np.zeros((3, 20, 20), np.float32)
    with pytest.raises(ValueError, match='affine'):
        cut(image, CropBox(0, 0, 5, 5), (8, 8), 'affine')
    with pytest.raises(ValueError, match='square'):
        cut(image, AuthorsTransform((5, 5), 1, 8), (8, 16), 'affine')


# Training


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
) -> None:
    transform = TrainTransform(replace(AFFINE, refine=refine), augmentation)
    errors = []
    for seed in range(20):
        inputs, heatmaps, labelled = transform(_sample(), np.random.default_rng(seed))
        assert inputs.shape == (3, 128, 128)
        assert inputs.dtype == heatmaps.dtype == np.float32
        assert not heatmaps[3].any()
        assert labelled.sum() == 15
        errors.append(_middle(inputs[0], 0.5) - 4 * _middle(heatmaps[0], first))
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
