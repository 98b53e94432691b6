from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from functools import cache
from pathlib import Path
from unittest.mock import Mock

from data.synthetic import SyntheticDataset
from hourglass.crop import corners
from hourglass.image import read_image
from hourglass.joints import COCO, MPII, convert_points
from hourglass.locate import SEARCH_SIDES, has_person, locate, search_squares
from hourglass.predictor import Pose, PosePredictor
from tests.stand_ins import FixedBoxes, pck

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def located(bundled: PosePredictor) -> Pose:
    """The pose in scene 38, which many tests use."""
    return locate(bundled, _scene(38)[0])


@cache
def _scene(index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render a person somewhere in a wide picture: image, and points and labels of MPII's joints."""
    image, person = SyntheticDataset(size=(324, 576))[index]
    return image, person.points, person.labelled


def test_a_person_at_the_side_is_found(bundled: PosePredictor) -> None:
    located, whole = [], []
    for index in (15, 38, 50):
        image, points, labelled = _scene(index)
        located.append(pck(locate(bundled, image).points, points, labelled))
        whole.append(pck(bundled.poses([image])[0].points, points, labelled))
    assert np.mean(located) > 0.7, located
    assert np.mean(located) > np.mean(whole) + 0.1, whole


def test_a_small_person_is_found_in_the_second_round(bundled: PosePredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, points, labelled = _scene(54)
    small = cv2.resize(scene.transpose(1, 2, 0), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    small = small.transpose(2, 0, 1)
    image = np.full_like(scene, 110)
    image[:, 60:60 + small.shape[1], 100:100 + small.shape[2]] = small
    points = 0.2 * points + [60, 100]
    assert pck(locate(bundled, image).points, points, labelled) > 0.7
    monkeypatch.setattr('hourglass.locate.SEARCH_SIDES', SEARCH_SIDES[:1])
    assert pck(locate(bundled, image).points, points, labelled) < 0.3


def test_an_upper_body_at_the_border_is_found(bundled: PosePredictor) -> None:
    image, points, labelled = _scene(50)
    hips = int(points[[2, 3], 0].max()) + 12
    pose = locate(bundled, image[:, :hips])
    upper = labelled & (points[:, 0] < hips)
    assert upper.sum() >= 8
    assert pck(pose.points, points, upper) > 0.7


def test_large_pictures_are_searched_in_small_and_answered_in_their_own_pixels(bundled: PosePredictor) -> None:
    image, points, labelled = _scene(50)
    large = cv2.resize(image.transpose(1, 2, 0), None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    pose = locate(bundled, large)
    assert pck(pose.points / 6, points, labelled) > 0.7
    y0, _, y1, _ = corners(pose.box)
    assert y1 - y0 > 1000


def test_mirrored_images_are_for_the_last_pass_only(bundled: PosePredictor, located: Pose) -> None:
    image, _, _ = _scene(38)
    flipping = copy(bundled)
    flipping.flip = True
    pose = locate(flipping, image)
    assert pose.box == located.box
    np.testing.assert_allclose(pose.heatmaps, flipping.poses([image], [located.box])[0].heatmaps, atol=1e-5)


def test_a_confident_detection_needs_no_search(bundled: PosePredictor) -> None:
    image, points, labelled = _scene(50)
    y0, x0 = points.min(axis=0) - 8
    y1, x1 = points.max(axis=0) + 8
    detector, counter = FixedBoxes((y0, x0, y1, x1)), copy(bundled)
    counter.poses_in = Mock(wraps=bundled.poses_in)
    pose = locate(counter, image, detector, 'a.jpg')
    assert detector.names == ['a.jpg']
    assert sum(len(call.args[0]) for call in counter.poses_in.call_args_list) < 15
    assert pck(pose.points, points, labelled) > 0.7
    counter.poses_in.reset_mock()
    locate(counter, image)
    assert 15 < sum(len(call.args[0]) for call in counter.poses_in.call_args_list) < 70


@pytest.mark.parametrize('detector', [
    FixedBoxes((np.nan, 0, 10, 10), (-1e11, -1e11, 1e11, 1e11), (-50, -50, -10, -10), (90, 20, 50, 90)),
    FixedBoxes((0, 560, 20, 570), (10, 10, 200, 100), scores=[0.9, 0.01]),
])
def test_without_a_good_detection_the_picture_is_searched(
    bundled: PosePredictor, located: Pose, detector: FixedBoxes,
) -> None:
    np.testing.assert_allclose(locate(bundled, _scene(38)[0], detector).points, located.points, atol=12)
    np.testing.assert_array_equal(locate(bundled, _scene(38)[0], FixedBoxes()).points, located.points)


@pytest.mark.parametrize('shape', [(1, 1), (300, 1)])
def test_the_smallest_pictures_have_a_pose(bundled: PosePredictor, shape: tuple[int, int]) -> None:
    pose = locate(bundled, np.full((3, *shape), 99, np.float32))
    assert np.isfinite(pose.points).all()
    assert not has_person(pose, bundled.spec)


def test_an_almost_black_picture_that_is_reduced_has_a_pose(bundled: PosePredictor) -> None:
    image = np.zeros((3, 2100, 40), np.float32)
    image[:, ::3] = 1
    assert not has_person(locate(bundled, image), bundled.spec)


@pytest.mark.parametrize('shape', [(1, 1), (480, 640), (640, 480), (1080, 1920), (300, 300), (100, 5000), (5000, 100),
                                   (1, 40000), (40000, 1)])
def test_the_search_leaves_nothing_out_and_ends(shape: tuple[int, int]) -> None:
    squares = np.array(search_squares(shape))
    assert len(squares) <= 40
    rng = np.random.default_rng(0)
    for y, x in rng.uniform(0, shape, (100, 2)):
        near = abs(squares[:, :2] - (y, x)).max(axis=1) <= squares[:, 2] / 2
        for side in np.unique(squares[:, 2]):
            assert near[squares[:, 2] == side].any(), (y, x, side)


@pytest.mark.parametrize('name', ['000000000785', '000000196141', '000000197388'])
def test_photographs(bundled: PosePredictor, shared: Callable[[str], Path], name: str) -> None:
    annotations = json.loads(shared('coco/test_coco.json').read_text())['annotations']
    there = [annotation for annotation in annotations if annotation['image_id'] == int(name)]
    pose = locate(bundled, read_image(shared(f'coco/{name}.jpg')))
    assert has_person(pose, bundled.spec)
    scores = []
    for annotation in there:
        x, y, visible = np.array(annotation['keypoints'], np.float64).reshape(-1, 3).T
        points, labelled = convert_points(np.stack([y, x], 1), visible > 0, COCO, MPII)
        if labelled[[2, 13]].all():
            # Who is seen from behind may be taken for seen from the front, with left and right exchanged.
            scores += [pck(pose.points[order], points, labelled) for order in (slice(None), MPII.flip_order)]
    assert max(scores) >= 0.4, scores
