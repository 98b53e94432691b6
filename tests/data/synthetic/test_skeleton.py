from data.synthetic.pose import Pose, sample_pose
from data.synthetic.skeleton import pose_body, rotation
from hourglass.joints import MPII
from tests.data.synthetic.still import make_body

import numpy as np
import pytest

R_HIP, L_HIP, R_SHOULDER, L_SHOULDER = (
    MPII.index(j) for j in ('right hip', 'left hip', 'right shoulder', 'left shoulder'))
CROWN = MPII.index('head top')


def test_a_body_has_the_proportions_of_its_stature() -> None:
    for seed in range(20):
        physique = make_body(seed)
        skeleton = pose_body(physique, Pose({}, ({}, {}), ({}, {})))
        joints = skeleton.joints()
        soles = min(leg.points[2][1] for leg in skeleton.legs) - physique.lengths['ankle']
        assert joints[CROWN, 1] - soles == pytest.approx(physique.height, rel=0.06)
        assert joints[L_SHOULDER, 0] - joints[R_SHOULDER, 0] > 1.4 * (joints[L_HIP, 0] - joints[R_HIP, 0])


def test_bones_keep_their_lengths_in_every_pose() -> None:
    physique = make_body()
    expected = [[physique.lengths[name] for name in names] for names in (('thigh', 'shank'), ('upper_arm', 'forearm'))]
    rng = np.random.default_rng(3)
    for _ in range(30):
        skeleton = pose_body(physique, sample_pose(rng)).moved(rotation(y=rng.uniform(0, 360)), rng.normal(0, 1, 3))
        for leg, arm in zip(skeleton.legs, skeleton.arms, strict=True):
            lengths = [np.linalg.norm(np.diff(limb.points[:3], axis=0), axis=1) for limb in (leg, arm)]
            np.testing.assert_allclose(lengths, expected, rtol=1e-9)


def test_angles_turn_the_way_they_say() -> None:
    skeleton = pose_body(make_body(), Pose({}, ({}, {'hip': 90.0, 'knee': 90.0}), ({'raise': 90.0}, {'out': 90.0})))
    right_arm, left_arm = (arm.points for arm in skeleton.arms)
    left_leg = skeleton.legs[1].points
    assert right_arm[2][2] - right_arm[0][2] > 0.4, 'raised forwards'
    assert left_arm[2][0] - left_arm[0][0] > 0.4, 'outwards, to the left'
    assert left_leg[1][2] - left_leg[0][2] > 0.3, 'thigh forwards'
    assert left_leg[2][1] < left_leg[1][1] - 0.3, 'shank down from a bent knee'
