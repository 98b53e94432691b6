"""Sets of joints as data: names, mirror pairs, limbs, groups for reports, and how one set maps to another.

No other module depends on the data set; all facts about the joints are in a :class:`JointSet`.
:mod:`hourglass.joint_table` reads a user's own sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class JointSet:
    """A named set of joints.

    Attributes:
        name: short name, as used on the command line and in weights files.
        joints: names of the joints in the order of the heatmaps' channels.
        limbs: pairs of joints that are connected in a drawing, with the part of the body that gives the colour.
        groups: joints that are reported together, by the name of the row in a table.
        derived: joints of this set that are the mean of joints of another set, by name; used by
            :func:`convert_points` where that set does not have the joint itself.
        pairs: joints that change places in a mirrored image; ``None`` for those whose names differ only by *left* and
            *right* at the beginning.
        same_as: names of joints in other sets, where they differ.
        colours: RGB of limbs by part of the body, for other parts or other colours than those of
            :mod:`hourglass.draw`.
        sigmas: the constants of OKS (:mod:`hourglass.oks`) by joint, for other joints or other values than those of
            COCO.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str, str], ...]
    groups: dict[str, tuple[str, ...]]
    derived: dict[str, tuple[str, str]] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] | None = None
    same_as: dict[str, str] = field(default_factory=dict)
    colours: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    sigmas: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pairs is None:
            left = [joint for joint in self.joints if joint.startswith('left ')]
            object.__setattr__(self, 'pairs', tuple((joint, joint.replace('left ', 'right ', 1)) for joint in left))

    def __len__(self) -> int:
        return len(self.joints)

    def __hash__(self) -> int:
        return hash((self.name, self.joints))

    def __str__(self) -> str:
        return self.name

    def index(self, joint: str) -> int:
        """Return the channel of a joint; ``ValueError`` if the set does not have it."""
        return self.joints.index(joint)

    @property
    def flip_order(self) -> np.ndarray:
        """(K,) int: entry ``k`` is the joint at place ``k`` in a mirrored image."""
        order = np.arange(len(self))
        for one, other in self.pairs or ():
            order[[self.index(one), self.index(other)]] = self.index(other), self.index(one)
        return order

    @property
    def limb_indices(self) -> list[tuple[int, int, str]]:
        """Limbs as (joint, joint, part of the body), joints by index."""
        return [(self.index(a), self.index(b), part) for a, b, part in self.limbs]

    @property
    def group_indices(self) -> dict[str, list[int]]:
        """Groups with joints by index."""
        return {name: [self.index(joint) for joint in joints] for name, joints in self.groups.items()}

    @property
    def places(self) -> dict[str, int]:
        """Channels by all names of the joints: those of this set, and those in :attr:`same_as`."""
        return {**{name: self.index(joint) for joint, name in self.same_as.items()},
                **{joint: i for i, joint in enumerate(self.joints)}}

    def places_of(self, other: JointSet) -> list[int | None]:
        """Return the channel here of each joint of another set, ``None`` for one that this set does not have."""
        places = self.places
        return [places.get(joint, places.get(other.same_as.get(joint, ''))) for joint in other.joints]


def _pair(joint: str) -> tuple[str, str]:
    return f'right {joint}', f'left {joint}'


_ARMS_AND_LEGS = {
    'Shoulder': _pair('shoulder'), 'Elbow': _pair('elbow'), 'Wrist': _pair('wrist'),
    'Hip': _pair('hip'), 'Knee': _pair('knee'), 'Ankle': _pair('ankle'),
}

_ARM_LIMBS = tuple(
    (f'{side} {a}', f'{side} {b}', 'arm')
    for side in ('right', 'left') for a, b in (('wrist', 'elbow'), ('elbow', 'shoulder'))
)
_LEG_LIMBS = tuple(
    (f'{side} {a}', f'{side} {b}', 'leg')
    for side in ('right', 'left') for a, b in (('hip', 'knee'), ('knee', 'ankle'))
)

_FACE_LIMBS = (
    ('nose', 'left eye', 'head'), ('nose', 'right eye', 'head'), ('left eye', 'right eye', 'head'),
    ('left eye', 'left ear', 'head'), ('right eye', 'right ear', 'head'),
)

MPII = JointSet(
    name='mpii',
    joints=(
        'right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle',
        'pelvis', 'thorax', 'upper neck', 'head top',
        'right wrist', 'right elbow', 'right shoulder', 'left shoulder', 'left elbow', 'left wrist',
    ),
    # In the order of the reference (Chainer), where later limbs lie on top.
    limbs=(
        ('right wrist', 'right elbow', 'arm'), ('right elbow', 'right shoulder', 'arm'),
        ('right shoulder', 'thorax', 'arm'),
        ('head top', 'upper neck', 'head'), ('upper neck', 'thorax', 'head'),
        ('left wrist', 'left elbow', 'arm'), ('left elbow', 'left shoulder', 'arm'),
        ('left shoulder', 'thorax', 'arm'),
        ('thorax', 'pelvis', 'spine'),
        ('pelvis', 'right hip', 'leg'), ('right hip', 'right knee', 'leg'), ('right knee', 'right ankle', 'leg'),
        ('pelvis', 'left hip', 'leg'), ('left hip', 'left knee', 'leg'), ('left knee', 'left ankle', 'leg'),
    ),
    groups={'Head': ('upper neck', 'head top'), **_ARMS_AND_LEGS},
    derived={'pelvis': _pair('hip'), 'thorax': _pair('shoulder')},
)

LSP = JointSet(
    name='lsp',
    joints=(
        'right ankle', 'right knee', 'right hip', 'left hip', 'left knee', 'left ankle',
        'right wrist', 'right elbow', 'right shoulder', 'left shoulder', 'left elbow', 'left wrist',
        'upper neck', 'head top',
    ),
    limbs=(
        *_ARM_LIMBS, ('right shoulder', 'upper neck', 'arm'), ('left shoulder', 'upper neck', 'arm'),
        ('head top', 'upper neck', 'head'),
        ('right shoulder', 'right hip', 'spine'), ('left shoulder', 'left hip', 'spine'),
        ('right hip', 'left hip', 'leg'), *_LEG_LIMBS,
    ),
    groups={'Head': ('upper neck', 'head top'), **_ARMS_AND_LEGS},
)

COCO = JointSet(
    name='coco',
    joints=(
        'nose', 'left eye', 'right eye', 'left ear', 'right ear',
        'left shoulder', 'right shoulder', 'left elbow', 'right elbow', 'left wrist', 'right wrist',
        'left hip', 'right hip', 'left knee', 'right knee', 'left ankle', 'right ankle',
    ),
    limbs=(
        *_ARM_LIMBS, ('right shoulder', 'left shoulder', 'arm'),
        *_FACE_LIMBS, ('left ear', 'left shoulder', 'head'), ('right ear', 'right shoulder', 'head'),
        ('right shoulder', 'right hip', 'spine'), ('left shoulder', 'left hip', 'spine'),
        ('right hip', 'left hip', 'leg'), *_LEG_LIMBS,
    ),
    groups={'Head': ('nose', *_pair('eye'), *_pair('ear')), **_ARMS_AND_LEGS},
)

#: MPII's joints and the face of COCO: all joints of MPII, LSP and COCO.
MPII_COCO = JointSet(
    name='mpii-coco',
    joints=(*MPII.joints, 'nose', 'left eye', 'right eye', 'left ear', 'right ear'),
    limbs=(*MPII.limbs, *_FACE_LIMBS),
    groups={**MPII.groups, 'Face': ('nose', *_pair('eye'), *_pair('ear'))},
    derived=MPII.derived,
)

JOINT_SETS = {joint_set.name: joint_set for joint_set in (MPII, LSP, COCO, MPII_COCO)}


def convert_points(
    points: np.ndarray, labelled: np.ndarray, source: JointSet, target: JointSet,
) -> tuple[np.ndarray, np.ndarray]:
    """Express points of one joint set in another.

    A joint is taken over by its name, or by the name that either set has for it in :attr:`JointSet.same_as`.  A joint
    that ``source`` lacks is the mean of two others by ``target``'s :attr:`JointSet.derived`, or else unlabelled.

    Args:
        points: (..., K, 2) float, (y, x).
        labelled: (..., K) bool.
        source: joint set of the points.
        target: joint set wanted.

    Returns:
        Points (..., L, 2) of the input's dtype, zero where unlabelled, and labels (..., L) bool.
    """
    places = source.places
    out = np.zeros((*points.shape[:-2], len(target), 2), points.dtype)
    out_labelled = np.zeros((*labelled.shape[:-1], len(target)), bool)
    for i, (joint, place) in enumerate(zip(target.joints, source.places_of(target), strict=True)):
        halves = [places[name] for name in target.derived.get(joint, ()) if name in places]
        columns = halves if place is None else [place]
        if place is not None or len(halves) == 2:
            out[..., i, :] = points[..., columns, :].mean(axis=-2)
            out_labelled[..., i] = labelled[..., columns].all(axis=-1)
    out[~out_labelled] = 0
    return out, out_labelled
