from __future__ import annotations

from data.synthetic.pose import ARM_LIMITS, KINDS, LEG_LIMITS, TRUNK_LIMITS, sample_pose
from data.synthetic.skeleton import pose_body
from hourglass.joints import MPII
from tests.data.synthetic.still import make_body

import numpy as np
import pytest


@pytest.mark.parametrize('name', list(KINDS))
def test_poses_keep_the_joints_limits(name: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        pose = sample_pose(rng, name)
        for angles, limits in ((pose.trunk, TRUNK_LIMITS), *((leg, LEG_LIMITS) for leg in pose.legs),
                               *((arm, ARM_LIMITS) for arm in pose.arms)):
            assert angles
            assert all(limits[key][0] <= value <= limits[key][1] for key, value in angles.items())


def test_a_mirrored_pose_mirrors_the_joints() -> None:
    pose = sample_pose(np.random.default_rng(6), 'running')
    joints = pose_body(make_body(), pose).joints()
    mirrored = pose_body(make_body(), pose.mirrored()).joints()
    np.testing.assert_allclose(mirrored[MPII.flip_order] * [-1, 1, 1], joints, atol=1e-9)
    assert pose.mirrored().mirrored() == pose
