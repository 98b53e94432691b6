"""Leeds Sports Pose and its extended training set, from their published folder layout.

Johnson, Everingham: *Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation*, BMVC 2010;
*Learning Effective Human Pose Estimation from Inaccurate Annotation*, CVPR 2011.
"""

from __future__ import annotations

from pathlib import Path

from data.person import Person, PersonDataset, make_people, torso_lengths
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import LSP, JointSet
from hourglass.sandbox import read_in_child

import numpy as np

#: Of how many people one validates, for each pair of splits that divides the training half.
_PARTS = {'train': 5, 'half': 2}


def _read_joints(path: Path, kind: type[_LeedsDataset]) -> np.ndarray:
    """Read joints.mat as (N, 14, 3) float64: x and y (1-based) and the third value."""
    if not path.is_file():
        raise InputError(f'{path}: no such file; --root is the folder with {kind.title}\'s joints.mat and images')
    joints = read_in_child('data.matlab_file:read_joints_variable', path)['joints']
    values = joints.transpose(kind.axes) if joints.ndim == 3 else joints
    if values.ndim != 3 or values.shape[1:] != (14, 3):
        raise InputError(f'{path}: "joints" has shape {joints.shape}; it does not hold 14 joints of {kind.title}')
    return values.astype(np.float64)


def _people(images: list[str], values: np.ndarray, third_is_visible: bool, joint_set: JointSet) -> list[Person]:
    """Make people of (N, 14, 3) values; a person without a labelled joint is left out."""
    points = values[:, :, 1::-1] - 1
    labelled = np.isfinite(points).all(axis=2)
    if third_is_visible:
        labelled &= values[:, :, 2] > 0
        visible = labelled
    else:
        visible = labelled & (values[:, :, 2] == 0)
    points = np.where(labelled[:, :, None], points, 0).astype(np.float32)

    rows = np.flatnonzero(labelled.any(axis=1))
    points, labelled, visible = points[rows], labelled[rows], visible[rows]
    return make_people([images[i] for i in rows], points, labelled, visible, map(Extent.of_points, points, labelled),
                       torso_lengths(points, labelled, LSP), LSP, joint_set)


def _select(n: int, split: str, n_train: int | None) -> range | list[int]:
    """Return the numbers (from 0) of a split's people."""
    end = n if n_train is None else min(n, n_train)
    if split == 'all':
        return range(n)
    if split == 'test':
        return range(end, n)
    training = range(end)
    if split == 'train':
        return training
    pair, part = split.split('-')
    every = _PARTS[pair]
    return [i for i in training if (i % every == every - 1) == (part == 'val')]


class _LeedsDataset(PersonDataset):
    """One of the two sets; its class states how it is stored."""

    title: str
    #: Format of an image's name; it counts from 1.
    image_name: str
    #: Order of joints.mat's axes that gives (person, joint, value).
    axes: tuple[int, int, int]
    #: Whether the third value means labelled and visible, or occluded where every joint is labelled.
    third_is_visible: bool
    #: Number of people before the test half begins; ``None`` if all are for training.
    n_train: int | None
    splits: tuple[str, ...]

    def __init__(self, root: str | Path, split: str = 'train', joint_set: JointSet = LSP) -> None:
        if split not in self.splits:
            raise InputError(f'{self.title} has no split {split!r}; it has {", ".join(self.splits)}')
        root = Path(root)
        values = _read_joints(root / 'joints.mat', type(self))
        chosen = list(_select(len(values), split, self.n_train))
        images = [self.image_name.format(i + 1) for i in chosen]
        people = _people(images, values[chosen], self.third_is_visible, joint_set)
        if not people:
            raise InputError(f'{root}: {self.title} has no people for the split {split!r} '
                             f'(joints.mat lists {len(values)} people)')
        super().__init__(f'{self.title} {split}', joint_set, people, root / 'images')


class LSPDataset(_LeedsDataset):
    """Leeds Sports Pose: 2,000 people, the first 1,000 for training.

    Args:
        root: folder with ``joints.mat`` and ``images/im0001.jpg`` and so on.
        split: ``train``, ``test``, ``all``; or a part of ``train``, for choosing between models without the test half:
            ``train-fit`` and ``train-val``, four fifths and one fifth, or ``half-fit`` and ``half-val``, whose score
            depends less on chance.
        joint_set: joints wanted; those that LSP lacks are derived or unlabelled.

    A person is where the labelled joints are (:class:`hourglass.crop.Extent`); the reference length is the torso, from
    left shoulder to right hip.

    Raises:
        InputError: a file is missing or damaged, or the split is empty.
    """

    title, image_name, axes, third_is_visible, n_train = 'LSP', 'im{:04d}.jpg', (2, 1, 0), False, 1000
    splits = ('train', 'test', 'train-fit', 'train-val', 'half-fit', 'half-val', 'all')


class LSPExtendedDataset(_LeedsDataset):
    """Leeds Sports Pose Extended Training: 10,000 people, all for training, some joints not labelled.

    Arguments and errors are those of :class:`LSPDataset`; images are ``images/im00001.jpg`` and so on, the splits
    ``train``, ``train-fit``, ``train-val``, ``half-fit`` and ``half-val``.
    """

    title, image_name, axes, third_is_visible, n_train = 'LSP Extended', 'im{:05d}.jpg', (2, 0, 1), True, None
    splits = ('train', 'train-fit', 'train-val', 'half-fit', 'half-val')
