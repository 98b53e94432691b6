from __future__ import annotations

from hourglass.joints import COCO, JOINT_SETS, LSP, MPII, MPII_COCO, JointSet, convert_points

import numpy as np
import pytest


def test_joint_sets_have_the_published_orders() -> None:
    assert [MPII.joints[i] for i in (0, 6, 7, 8, 9, 10, 15)] == [
        'right ankle', 'pelvis', 'thorax', 'upper neck', 'head top', 'right wrist', 'left wrist']
    assert [LSP.joints[i] for i in (0, 6, 11, 12, 13)] == [
        'right ankle', 'right wrist', 'left wrist', 'upper neck', 'head top']
    assert COCO.joints[0] == 'nose'
    assert [len(joint_set) for joint_set in (MPII, LSP, COCO)] == [16, 14, 17]


def test_mpii_mirror_order_and_drawing_are_the_published_ones() -> None:
    assert MPII.flip_order.tolist() == [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10]
    assert [limb[:2] for limb in MPII.limb_indices] == [
        (10, 11), (11, 12), (12, 7), (9, 8), (8, 7), (15, 14), (14, 13), (13, 7), (7, 6), (6, 2), (2, 1), (1, 0),
        (6, 3), (3, 4), (4, 5)]
    assert MPII.group_indices == {
        'Head': [8, 9], 'Shoulder': [12, 13], 'Elbow': [11, 14], 'Wrist': [10, 15], 'Hip': [2, 3], 'Knee': [1, 4],
        'Ankle': [0, 5]}


@pytest.mark.parametrize('joint_set', JOINT_SETS.values(), ids=JOINT_SETS)
def test_every_joint_set_is_consistent(joint_set: JointSet) -> None:
    order = joint_set.flip_order
    np.testing.assert_array_equal(order[order], np.arange(len(joint_set)))
    assert (order != np.arange(len(joint_set))).sum() == 2 * sum(j.startswith('left ') for j in joint_set.joints)
    assert {i for a, b, _ in joint_set.limb_indices for i in (a, b)} == set(range(len(joint_set)))


def test_lsp_to_mpii_derives_pelvis_and_thorax() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (5, 14, 2))
    labelled = np.ones((5, 14), bool)
    labelled[0, LSP.index('left hip')] = False
    out, out_labelled = convert_points(points, labelled, LSP, MPII)
    assert out.shape == (5, 16, 2)
    hips = points[:, [LSP.index('left hip'), LSP.index('right hip')]].mean(axis=1)
    np.testing.assert_allclose(out[1:, MPII.index('pelvis')], hips[1:])
    assert not out_labelled[0, MPII.index('pelvis')]
    assert not out_labelled[0, MPII.index('left hip')]
    assert out_labelled.sum() == 5 * 16 - 2
    np.testing.assert_array_equal(out[~out_labelled], 0)
    back, back_labelled = convert_points(out, out_labelled, MPII, LSP)
    np.testing.assert_array_equal(back_labelled, labelled)
    np.testing.assert_array_equal(back[labelled], points[labelled])


def test_mpii_coco_is_mpii_and_the_face() -> None:
    assert MPII_COCO.joints == (*MPII.joints, 'nose', 'left eye', 'right eye', 'left ear', 'right ear')
    assert MPII_COCO.flip_order.tolist() == [*MPII.flip_order, 16, 18, 17, 20, 19]
    assert MPII_COCO.limb_indices[:15] == MPII.limb_indices
    assert {limb[:2] for limb in MPII_COCO.limb_indices[15:]} == {(16, 17), (16, 18), (17, 18), (17, 19), (18, 20)}
    assert MPII_COCO.derived == MPII.derived
    assert MPII_COCO.group_indices == {**MPII.group_indices, 'Face': [16, 18, 17, 20, 19]}
