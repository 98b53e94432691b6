from __future__ import annotations

from data.synthetic.pose import Pose
from tests.data.synthetic.still import make_scene

import numpy as np


def test_a_body_stands_on_the_ground_or_jumps() -> None:
    for pose, lowest in ((Pose({}, ({}, {}), ({}, {})), 0.0), (Pose({}, ({}, {}), ({}, {}), airborne=0.3), 0.3)):
        heights = np.concatenate([part.vertices[:, :, 1].ravel() for part in make_scene(pose).parts])
        np.testing.assert_allclose(heights.min(), lowest, atol=1e-9)


def test_limbs_lie_around_their_bones() -> None:
    pose = Pose({}, ({'hip': 70.0, 'knee': 100.0}, {}), ({'out': 80.0, 'elbow': 90.0}, {'out': 30.0}))
    figure, = make_scene(pose).figures
    for name, limbs in (('arm', figure.skeleton.arms), ('leg', figure.skeleton.legs)):
        surfaces = [part for part in figure.parts if part.name == name]
        for surface, limb in zip(surfaces, limbs, strict=True):
            middles = surface.vertices[:, :-1].mean(axis=1)
            for at, joint in ((0.5, limb.points[:2].mean(axis=0)), (1.0, limb.points[1]), (1.9, limb.points[2])):
                nearest = middles[np.abs(surface.at - at).argmin()]
                assert np.linalg.norm(nearest - joint) < 0.06, (name, at)
