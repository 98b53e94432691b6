"""What there is of MPII on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.contents import Contents, table
from data.disk import pictures_of
from data.mpii.dataset import IMAGE_FOLDER, has_annotations, read_annotations
from data.mpii.splits import PROTOCOLS, select
from hourglass.wording import counted

import numpy as np

__all__ = ['INSTRUCTIONS', 'has_annotations', 'read_contents']

#: From the download page to a complete folder; ``{root}`` is the data root.
INSTRUCTIONS = """\
MPII Human Pose is free for research; http://human-pose.mpi-inf.mpg.de/ has it under "Download":
  1. the images, mpii_human_pose_v1.tar.gz (about 12 GB):
       https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr/mpii_human_pose_v1.tar.gz
  2. the annotations, mpii_human_pose_v1_u12_2.zip (about 12 MB):
       https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr/mpii_human_pose_v1_u12_2.zip
Unpack both in {root}:
       mkdir -p {root} && cd {root}
       tar -xzf mpii_human_pose_v1.tar.gz
       unzip mpii_human_pose_v1_u12_2.zip
so that these are there (the .mat may also stay in the folder that the archive makes):
       {root}/images/015601864.jpg and so on
       {root}/annotations/mpii_human_pose_v1_u12_1.mat
"""


def read_contents(root: Path, splits: Sequence[str] | None = None) -> Contents:
    """Read the annotations, of all splits; ``InputError`` if there are none, or they are damaged."""
    annotations = read_annotations(root)
    people = annotations.people
    rows = []
    for split, protocol in (('train', 'all'), *(('val', protocol) for protocol in PROTOCOLS)):
        chosen = select(people.image, annotations.is_validation, split, protocol)
        rows.append((split if split == 'train' else f'{split}, {protocol}', len(np.unique(people.image[chosen])),
                     len(chosen)))
    problems = []
    if annotations.n_unseen:
        problems.append(counted(annotations.n_unseen, 'validation image that the annotations do not have',
                                'validation images that the annotations do not have'))
    if empty := sum(not row[-1] for row in rows):
        problems.append(counted(empty, 'empty split'))
    pictures = pictures_of(root / IMAGE_FOLDER, people.image.tolist(), people.points, people.labelled, {},
                           sorted(set(people.image.tolist())))
    return Contents(table(('split', 'images', 'people'), rows), pictures, problems)
