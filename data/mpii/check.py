"""Telling whether MPII is complete on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from data.disk import damage, listing
from data.mpii.dataset import DEFAULT_ROOT, IMAGE_FOLDER, read_annotations
from data.mpii.splits import PROTOCOLS, select
from hourglass.wording import counted

import numpy as np

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


@dataclass(frozen=True)
class Part:
    """Size of a part of the data set.

    Attributes:
        title: the split, with the protocol where that matters.
        images: number of images with somebody in them who counts.
        people: number of people who count.
    """

    title: str
    images: int
    people: int


@dataclass(frozen=True)
class CheckReport:
    """What :func:`check` found.

    Attributes:
        root: the data root.
        parts: what the splits hold.
        missing: names of the images that are needed and not there, sorted.
        damaged: one line for each image that is there and cannot be read, naming it.
        n_unseen: number of the usual validation images in which nobody is annotated.
    """

    root: Path
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    n_unseen: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, a phrase each; empty if the data set is complete."""
        counts = (
            (len(self.missing), 'missing image'),
            (len(self.damaged), 'damaged image'),
            (self.n_unseen, 'validation image that the annotations do not have',
             'validation images that the annotations do not have'),
            (sum(not part.people for part in self.parts), 'empty split'),
        )
        return [counted(n, *words) for n, *words in counts if n]

    def __str__(self) -> str:
        lines = [f'{"split":<20} {"images":>7} {"people":>7}']
        lines += [f'{part.title:<20} {part.images:>7} {part.people:>7}' for part in self.parts]
        lines += listing('missing image', self.missing) + listing('damaged image', self.damaged)
        return '\n'.join(lines)


def check(
    root: str | Path = DEFAULT_ROOT, read_images: bool = False,
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> CheckReport:
    """Look whether everything that training and validation need is there.

    Args:
        root: the data root.
        read_images: also read every image, which takes long; otherwise an image only has to be there and not empty.
        progress: wraps the names of the images while they are looked at, for a progress bar.

    Raises:
        InputError: there are no annotations, or they are damaged.
    """
    root = Path(root)
    annotations = read_annotations(root)
    images, is_validation = annotations.people.image, annotations.is_validation
    parts = []
    for split, protocol in (('train', 'all'), *(('val', protocol) for protocol in PROTOCOLS)):
        rows = select(images, is_validation, split, protocol)
        title = split if split == 'train' else f'{split}, {protocol}'
        parts.append(Part(title, len(np.unique(images[rows])), len(rows)))

    missing, damaged = [], []
    for name in progress(sorted(set(images.tolist()))):
        path = root / IMAGE_FOLDER / name
        if not path.is_file():
            missing.append(name)
        elif (problem := damage(path, read_images)) is not None:
            damaged.append(problem)
    return CheckReport(root, tuple(parts), tuple(missing), tuple(damaged), annotations.n_unseen)
