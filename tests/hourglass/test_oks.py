from __future__ import annotations

from hourglass.joints import COCO, MPII, MPII_COCO
from hourglass.oks import SIGMAS, oks, oks_matrix, oks_nms, pose_scores, sigmas_for

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

K = len(COCO)


def _people(n: int) -> dict[str, np.ndarray]:
    """Make n people; the last has no labelled joint."""
    rng = np.random.default_rng(0)
    corners, sizes = rng.uniform(0, 100, (n, 2)), rng.uniform(20, 90, (n, 2))
    labelled = rng.uniform(size=(n, K)) < .7
    labelled[:, 0] = True
    labelled[-1] = False
    points = np.where(labelled[..., None], corners[:, None] + rng.uniform(0, 1, (n, K, 2)) * sizes[:, None], 0)
    return {'true_points': points, 'labelled': labelled, 'areas': .6 * sizes.prod(axis=1),
            'boxes': np.concatenate([corners, corners + sizes], axis=1)}


def _by_pycocotools(points: np.ndarray, people: dict[str, np.ndarray]) -> np.ndarray:
    evaluation = COCOeval(iouType='keypoints')
    evaluation._dts[1, 1] = [
        {'score': -i, 'keypoints': np.insert(pose[:, ::-1], 2, 1, axis=1).ravel().tolist()}
        for i, pose in enumerate(points)]
    evaluation._gts[1, 1] = [
        {'keypoints': np.concatenate([pose[:, ::-1], 2. * labelled[:, None]], axis=1).ravel().tolist(),
         'bbox': [box[1], box[0], box[3] - box[1], box[2] - box[0]], 'area': area}
        for pose, labelled, area, box in zip(*(people[key] for key in ('true_points', 'labelled', 'areas', 'boxes')),
                                             strict=True)]
    return evaluation.computeOks(1, 1)


def test_joints_of_another_set_have_the_same_constants() -> None:
    sigmas = sigmas_for(MPII)
    assert sigmas[MPII.index('left knee')] == SIGMAS[COCO.index('left knee')]
    assert {MPII.joints[i] for i in np.flatnonzero(np.isnan(sigmas))} == {'pelvis', 'thorax', 'upper neck', 'head top'}
    with_face = sigmas_for(MPII_COCO)
    np.testing.assert_array_equal(with_face[[MPII_COCO.index(joint) for joint in COCO.joints]], SIGMAS)


def test_the_matrix_is_that_of_pycocotools() -> None:
    people = _people(6)
    rng = np.random.default_rng(100)
    points = np.concatenate([people['true_points'] + rng.normal(0, spread, (6, K, 2)) for spread in (0, 3, 15)])
    expected = _by_pycocotools(points, people)
    found = oks_matrix(points, **people)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-300)
    # One by one it is the diagonal, but for the last, of whom nothing is labelled.
    single = oks(points[12:], people['true_points'], people['labelled'], people['areas'])
    np.testing.assert_allclose(single[:-1], np.diag(found[12:])[:-1])
    assert np.isnan(single[-1])
    # The values compared are neither all zero nor all one.
    assert ((expected > .1) & (expected < .9)).any()


def test_a_joint_that_was_not_found_is_wrong() -> None:
    truth, labelled = np.zeros((1, K, 2)), np.ones((1, K), bool)
    points = truth.copy()
    points[0, :3] = np.nan
    assert oks(points, truth, labelled, np.array([100.])) == pytest.approx([14 / 17])
    points[0, :3] = np.inf
    assert oks(points, truth, labelled, np.array([100.])) == pytest.approx([14 / 17])


def test_joints_without_a_constant_do_not_count() -> None:
    points = np.zeros((1, len(MPII), 2))
    truth = points.copy()
    truth[0, MPII.index('head top')] = 1000
    labelled = np.ones((1, len(MPII)), bool)
    assert oks(points, truth, labelled, np.array([100.]), sigmas_for(MPII)).tolist() == [1]
    labelled[0] = False
    labelled[0, MPII.index('head top')] = True
    assert np.isnan(oks(points, truth, labelled, np.array([100.]), sigmas_for(MPII)))


def test_an_area_of_zero_is_no_division_by_zero() -> None:
    labelled = np.ones((1, K), bool)
    with np.errstate(all='raise', under='ignore'):
        assert oks(np.zeros((1, K, 2)), np.ones((1, K, 2)), labelled, np.zeros(1)).tolist() == [0]
        assert oks(np.zeros((1, K, 2)), np.zeros((1, K, 2)), labelled, np.zeros(1)).tolist() == [1]


def test_of_similar_poses_the_best_is_kept() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(0, 100, (2, K, 2))
    points = np.stack([one, one + .5, other, one + 1, other + .2])
    kept = oks_nms(points, np.array([.5, .9, .3, .7, .2]), np.full(5, 5000.), .9)
    assert kept.tolist() == [1, 2]
    # Nothing is more similar than 1.
    assert oks_nms(points, np.array([.5, .9, .3, .7, .2]), np.full(5, 5000.), 1).tolist() == [1, 3, 0, 2, 4]
    assert oks_nms(points[:0], np.zeros(0), np.zeros(0)).tolist() == []


def test_what_a_suppressed_pose_resembles_is_not_suppressed_by_it() -> None:
    base = np.random.default_rng(0).uniform(0, 100, (K, 2))
    chain = np.stack([base, base + 6, base + 12])
    areas = np.full(3, 5000.)
    middle, end = (oks(chain[i], base, np.ones(K, bool), areas[:1])[0] for i in (1, 2))
    threshold = (middle + end) / 2
    assert oks_nms(chain, np.array([.9, .8, .7]), areas, threshold).tolist() == [0, 2]


def test_suppression_compares_joints_that_both_have() -> None:
    pose = np.random.default_rng(0).uniform(0, 100, (K, 2))
    points, found = np.stack([pose, pose, pose]), np.ones((3, K), bool)
    points[1, 5:] = 0
    found[1, 5:] = False
    found[2, :] = False
    scores, areas = np.array([.9, .8, .7]), np.full(3, 5000.)
    assert oks_nms(points, scores, areas, .9).tolist() == [0, 1]
    # The second agrees where it has joints; the third has nothing to be compared by.
    assert oks_nms(points, scores, areas, .9, found).tolist() == [0, 2]


def test_a_pose_scores_its_box_times_the_mean_of_its_joints() -> None:
    joints = np.array([[.5, .7, .9], [.1, .9, 0], [0, 0, 0]])
    np.testing.assert_allclose(pose_scores(np.array([1, .5, 1]), joints), [.7, .25, 0])
