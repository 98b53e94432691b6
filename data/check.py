"""Telling whether a data set is complete on disk: ``python -m data check``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from data.coco.check import INSTRUCTIONS as COCO_INSTRUCTIONS
from data.coco.check import SPLITS as COCO_SPLITS
from data.coco.check import check as check_coco
from data.coco.dataset import annotation_file
from data.disk import damage, listing
from data.lsp import LSPDataset, LSPExtendedDataset
from data.mpii.check import INSTRUCTIONS as MPII_INSTRUCTIONS
from data.mpii.check import check as check_mpii
from data.mpii.dataset import has_annotations
from hourglass.errors import InputError
from hourglass.wording import counted

#: From the project page to a complete folder; ``{root}`` is the data root.
_LEEDS_INSTRUCTIONS = """\
{title} is described at http://sam.johnson.io/research/{page};
the images and joints.mat are in one archive, {archive} ({size}):
       http://sam.johnson.io/research/{archive}
Unpack it in {{root}}, so that these are there:
       {{root}}/joints.mat
       {{root}}/images/{first} and so on
"""

LSP_INSTRUCTIONS = _LEEDS_INSTRUCTIONS.format(
    title='Leeds Sports Pose', page='lsp.html', archive='lsp_dataset.zip', size='2,000 images', first='im0001.jpg')
LSP_EXTENDED_INSTRUCTIONS = _LEEDS_INSTRUCTIONS.format(
    title='Leeds Sports Pose Extended Training', page='lspet.html', archive='lspet_dataset.zip',
    size='10,000 images', first='im00001.jpg')

Progress = Callable[[Iterable[Any]], Iterable[Any]]


class Report(Protocol):
    """What is found of a data set; its text is a table and what is missing."""

    @property
    def problems(self) -> list[str]:
        """What is wrong, a phrase each; empty if the data set is complete."""


@dataclass(frozen=True)
class LeedsReport:
    """What :func:`check_leeds` found.

    Attributes:
        title: name of the set.
        people: number of people with a labelled joint, one an image.
        published: number of people of the set as it was published.
        missing: names of the images that are not there.
        damaged: one line for each image that is there and cannot be read, naming it.
    """

    title: str
    people: int
    published: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, a phrase each; empty if the data set is complete."""
        problems = [counted(n, what) for n, what in ((len(self.missing), 'missing image'),
                                                     (len(self.damaged), 'damaged image')) if n]
        if self.people != self.published:
            problems.append(f'{self.people} people in joints.mat in place of {self.published}')
        return problems

    def __str__(self) -> str:
        lines = [f'{"set":<14} {"images":>7} {"people":>7}',
                 f'{self.title:<14} {self.people - len(self.missing):>7} {self.people:>7}']
        lines += listing('missing image', self.missing) + listing('damaged image', self.damaged)
        return '\n'.join(lines)


def check_leeds(
    kind: type[LSPDataset] | type[LSPExtendedDataset], root: Path, published: int, read_images: bool = False,
    progress: Progress = iter,
) -> LeedsReport:
    """Look whether the annotations of LSP or LSP Extended and all of their images are there.

    Args:
        kind: the set.
        root: folder with ``joints.mat`` and ``images``.
        published: number of people that the set has.
        read_images: also read every image; otherwise an image only has to be there and not empty.
        progress: wraps the names of the images while they are looked at, for a progress bar.

    Raises:
        InputError: there is no joints.mat, or it is damaged.
    """
    dataset = kind(root, 'all' if 'all' in kind.splits else 'train')
    missing, damaged = [], []
    for name in progress([person.image for person in dataset.people]):
        path = dataset.image_folder / name
        if not path.is_file():
            missing.append(name)
        elif (problem := damage(path, read_images)) is not None:
            damaged.append(problem)
    return LeedsReport(kind.layout.title, len(dataset), published, tuple(missing), tuple(damaged))


@dataclass(frozen=True)
class Checkable:
    """A data set that can be looked for on disk.

    Attributes:
        title: its name in print.
        page: where it comes from.
        instructions: from there to a complete folder; ``{root}`` is the data root.
        has_annotations: whether there is anything below the root to count by.
        report: looks whether everything is there; takes the root, the splits wanted (``None`` for all), whether to
            read every image, and what wraps the images for a progress bar.
        splits: names of the splits that can be looked for one by one.
    """

    title: str
    page: str
    instructions: str
    has_annotations: Callable[[Path], bool]
    report: Callable[[Path, Sequence[str] | None, bool, Progress], Report]
    splits: tuple[str, ...] = ()

    def check_splits(self, splits: Sequence[str] | None) -> None:
        """Raise ``InputError`` if the set has no such splits."""
        if splits and (unknown := sorted(set(splits) - set(self.splits))):
            known = f'its splits are {", ".join(self.splits)}' if self.splits else 'it has none'
            raise InputError(f'{self.title} has no split {unknown[0]!r} that can be had alone; {known}')


def _leeds(kind: type[LSPDataset] | type[LSPExtendedDataset], published: int) -> Callable[..., LeedsReport]:
    return lambda root, splits, read_images, progress: check_leeds(kind, root, published, read_images, progress)


def _has_joints(root: Path) -> bool:
    return (root / 'joints.mat').is_file()


def _has_coco(root: Path) -> bool:
    return any(annotation_file(root, split).is_file() for split in COCO_SPLITS)


#: The sets that are read from disk, by the names of :data:`data.sets.DATASETS`.
CHECKS = {
    'coco': Checkable(
        'COCO', 'https://cocodataset.org/#download', COCO_INSTRUCTIONS, _has_coco,
        lambda root, splits, read_images, progress: check_coco(root, read_images, splits or COCO_SPLITS, progress),
        COCO_SPLITS),
    'lsp': Checkable('LSP', 'http://sam.johnson.io/research/lsp.html', LSP_INSTRUCTIONS, _has_joints,
                     _leeds(LSPDataset, 2000)),
    'lspet': Checkable('LSP Extended', 'http://sam.johnson.io/research/lspet.html', LSP_EXTENDED_INSTRUCTIONS,
                       _has_joints, _leeds(LSPExtendedDataset, 10_000)),
    'mpii': Checkable('MPII', 'http://human-pose.mpi-inf.mpg.de/', MPII_INSTRUCTIONS, has_annotations,
                      lambda root, splits, read_images, progress: check_mpii(root, read_images, progress)),
}


def check_set(
    name: str, root: Path, splits: Sequence[str] | None = None, read_images: bool = False, progress: Progress = iter,
) -> None:
    """Print where a data set comes from, what is there of it, what is missing and what to put where.

    Args:
        name: a key of :data:`CHECKS`.
        root: the data root.
        splits: the splits to look for, by default all; only for a set that has ``splits``.
        read_images: also read every image, which takes long; otherwise an image only has to be there and not empty.
        progress: wraps the images while they are looked at, for a progress bar.

    Raises:
        InputError: the set is not complete, its files are damaged, or it has no such splits.
    """
    entry = CHECKS[name]
    entry.check_splits(splits)
    print(f'{entry.title}, from {entry.page}, in {root}')
    if not entry.has_annotations(root):
        print(entry.instructions.format(root=root))
        raise InputError(f'{root}: {entry.title}\'s annotations are not there')
    report = entry.report(root, splits, read_images, progress)
    print(report)
    if report.problems:
        print(entry.instructions.format(root=root))
        raise InputError(f'{root}: {entry.title} is not complete: {", ".join(report.problems)}')
    print(f'{entry.title} is complete.')
