"""MPII Human Pose as a Chainer data set."""

from __future__ import annotations

from pathlib import Path

from data.mpii.hdf5 import read_hdf5
from data.mpii.matlab import read_matlab
from data.mpii.people import People
from data.mpii.splits import name_hashes, select, validation_hashes
from data.person import PersonDataset, make_people
from hourglass.crop import Extent
from hourglass.errors import InputError
from hourglass.joints import MPII, JointSet

import numpy as np

DEFAULT_ROOT = Path('data/MPII')
IMAGE_FOLDER = 'images'

#: Where the official annotations may lie below the data root: the documented place first, then where they come to
#: lie if MPII's archive is unpacked right there.
MATLAB_FILES = (
    'annotations/mpii_human_pose_v1_u12_1.mat',
    'mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat',
    'mpii_human_pose_v1_u12_1.mat',
)
#: The Torch7 code's files, used where there are no official annotations.
HDF5_FILES = {'train': 'annot/train.h5', 'val': 'annot/valid.h5'}


def has_annotations(root: str | Path) -> bool:
    """Return whether there are annotations of any kind below a data root."""
    return any((Path(root) / name).is_file() for name in (*MATLAB_FILES, *HDF5_FILES.values()))


def read_annotations(root: str | Path) -> tuple[People, np.ndarray]:
    """Read the annotations below a data root: the official ones, else the HDF5 files of the Torch7 code.

    Returns:
        The people who can be used, in the order of the source; and (N,) bool, whether they are in a validation image.

    Raises:
        InputError: there are none, or they are damaged.
    """
    root = Path(root)
    if matlab := next((root / name for name in MATLAB_FILES if (root / name).is_file()), None):
        people = read_matlab(matlab)
        is_validation = np.isin(name_hashes(people.image), validation_hashes(root))
    else:
        parts = {split: read_hdf5(root / name) for split, name in HDF5_FILES.items() if (root / name).is_file()}
        if not parts:
            raise InputError(f'{root / MATLAB_FILES[0]}: no such file; '
                             '"python -m data check mpii" prints what to download and where to put it')
        people = People.join(list(parts.values()))
        is_validation = np.repeat([split == 'val' for split in parts], [len(part) for part in parts.values()])
    # A person may be listed without any joint.
    usable = np.flatnonzero(people.labelled.any(axis=1))
    return people.take(usable), is_validation[usable]


class MPIIDataset(PersonDataset):
    """MPII Human Pose.

    Args:
        root: folder with ``annotations/mpii_human_pose_v1_u12_1.mat`` and ``images``; or, without the former, the
            Torch7 code's ``annot/train.h5`` and ``annot/valid.h5``.
        split: ``train``; ``val``, the usual validation images; or ``trainval``, both.
        protocol: which people are in ``val``: ``one-per-image`` or ``all`` (:data:`data.mpii.splits.PROTOCOLS`).
        joint_set: joints wanted; MPII's own by default.

    Coordinates are the numbers of MPII, used as 0-based pixels (y, x), as in the training of the published weights.  A
    joint stored at (0, 0) is not annotated.  A person's reference length is the head size.

    Raises:
        InputError: annotations are missing or damaged, the split is unknown or empty.
    """

    def __init__(
        self, root: str | Path = DEFAULT_ROOT, split: str = 'train', protocol: str = 'one-per-image',
        joint_set: JointSet = MPII,
    ) -> None:
        root = Path(root)
        people, is_validation = read_annotations(root)
        rows = select(people.image, is_validation, split, protocol)
        if not len(rows):
            raise InputError(f'{root}: MPII has no people for the split {split!r} '
                             f'(its annotations list {len(people)} people)')
        people = people.take(rows)
        persons = make_people(people.image.tolist(), people.points, people.labelled, people.visible,
                              (Extent(*extent) for extent in people.extent.tolist()), people.head_size, MPII, joint_set)
        name = f'MPII {split}, {protocol}' if split == 'val' else f'MPII {split}'
        super().__init__(name, joint_set, persons, root / IMAGE_FOLDER)
