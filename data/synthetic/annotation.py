"""What is known of the people in a scene."""

from __future__ import annotations

from dataclasses import dataclass

from data.synthetic.raster import nearest_depths
from data.synthetic.scene import Scene
from hourglass.joints import MPII

import numpy as np


@dataclass(frozen=True)
class Annotation:
    """What is known of a person in a picture; (y, x) in pixels, pixel centres are whole numbers from 0.

    Attributes:
        points: (16, 2) float32, MPII's joints, exact by projection.
        labelled: (16,) bool; whether the joint lies inside the picture.
        visible: (16,) bool; labelled, and neither another part of the body nor anything else is in front of it.
        box: (y0, x0, y1, x1), the outline's extent, also of what is hidden, cut at the picture's border.
        pose: kind of pose, a key of :data:`data.synthetic.pose.LEGS`.
    """

    points: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    box: tuple[float, float, float, float]
    pose: str


#: How thick the body is over a joint, in metres for a stature of 1.75 m: what is further in front hides the joint.
_COVER = {
    'ankle': 0.075, 'knee': 0.085, 'hip': 0.14, 'pelvis': 0.16, 'thorax': 0.15, 'upper neck': 0.11, 'head top': 0.13,
    'wrist': 0.05, 'elbow': 0.065, 'shoulder': 0.09,
}
_COVERS = np.array([_COVER[joint.removeprefix('right ').removeprefix('left ')] for joint in MPII.joints])


def annotate(scene: Scene) -> list[Annotation]:
    """Return the annotation of everybody in a scene.  It needs no picture and is as exact as the geometry."""
    height, width = scene.size
    joints = np.stack([figure.skeleton.joints() for figure in scene.figures])
    projected = scene.camera.project(joints)
    xy, ahead = projected[..., :2], projected[..., 2]
    owner = np.repeat(np.arange(len(joints)), len(MPII))
    ignored = [(owner == part.owner) & (not part.covers) for part in scene.parts]
    nearest = nearest_depths(scene.parts, scene.camera, xy.reshape(-1, 2), ignored).reshape(ahead.shape)
    annotations = []
    for k, figure in enumerate(scene.figures):
        labelled = ((xy[k] >= -0.5) & (xy[k] < [width - 0.5, height - 0.5])).all(axis=1) & (ahead[k] > 0.05)
        # Loose clothes lie further out than the body.
        cover = _COVERS * figure.skeleton.physique.unit + 0.03
        outline = np.concatenate([scene.camera.project(part.vertices)[:, :, 1::-1].reshape(-1, 2)
                                  for part in figure.parts])
        low = np.clip(outline.min(axis=0), 0, [height, width])
        high = np.clip(outline.max(axis=0) + 1, 0, [height, width])
        annotations.append(Annotation(
            xy[k, :, ::-1].astype(np.float32), labelled, labelled & (nearest[k] > ahead[k] - cover),
            (float(low[0]), float(low[1]), float(high[0]), float(high[1])), figure.skeleton.pose.name))
    return annotations
