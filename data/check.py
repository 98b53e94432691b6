"""Checking whether a data set is complete on disk and its numbers fit its pictures: ``python -m data check``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.coco import check as coco
from data.contents import Contents, table
from data.custom.check import read_contents as read_own
from data.custom.dataset import COCOFileDataset, CSVDataset, OwnDataset
from data.disk import find_faults, pictures_of
from data.lsp import LSPDataset, LSPExtendedDataset
from data.mpii import check as mpii
from hourglass.errors import InputError
from hourglass.joints import JointSet

#: From the project page to a complete folder; ``{root}`` is the data root.
_LEEDS_INSTRUCTIONS = """\
{title} is described at http://sam.johnson.io/research/{page};
the images and joints.mat are in one archive, {archive} ({size}):
       http://sam.johnson.io/research/{archive}
Unpack it in {{root}}, so that these are there:
       {{root}}/joints.mat
       {{root}}/images/{first} and so on
"""


@dataclass(frozen=True)
class Checkable:
    """A published data set that can be checked on disk.

    Attributes:
        title: its name in print.
        page: where it comes from.
        instructions: from there to a complete folder; ``{root}`` is the data root.
        has_annotations: whether there is anything below the root to count by.
        read: reads the annotations; takes the root and the splits wanted (``None`` for all).
        splits: names of the splits that can be checked one by one.
    """

    title: str
    page: str
    instructions: str
    has_annotations: Callable[[Path], bool]
    read: Callable[[Path, Sequence[str] | None], Contents]
    splits: tuple[str, ...] = ()

    def check_splits(self, splits: Sequence[str] | None) -> None:
        """Raise ``InputError`` if the set has no such splits."""
        if splits and (unknown := sorted(set(splits) - set(self.splits))):
            known = f'its splits are {", ".join(self.splits)}' if self.splits else 'it has none'
            raise InputError(f'{self.title} has no split {unknown[0]!r} that can be had alone; {known}')


def _leeds(
    kind: type[LSPDataset] | type[LSPExtendedDataset], title: str, page: str, first: str, published: int,
) -> Checkable:
    """Return the entry of LSP or LSP Extended, which has ``published`` people."""
    def read(root: Path, splits: Sequence[str] | None) -> Contents:
        dataset = kind(root, 'all' if 'all' in kind.splits else 'train')
        people = dataset.people
        pictures = pictures_of(dataset.image_folder, [person.image for person in people],
                               (person.points for person in people), (person.labelled for person in people), {})
        problems = [] if len(people) == published else [f'{len(people)} people in joints.mat in place of {published}']
        n_there = sum(picture.path.is_file() for picture in pictures)
        return Contents(table(('set', 'images', 'people'), [(title, n_there, len(people))]), pictures, problems)

    archive = f'{page}_dataset.zip'
    instructions = _LEEDS_INSTRUCTIONS.format(
        title={'lsp': 'Leeds Sports Pose', 'lspet': 'Leeds Sports Pose Extended Training'}[page], page=f'{page}.html',
        archive=archive, size=f'{published:,} images', first=first)
    return Checkable(title, f'http://sam.johnson.io/research/{page}.html', instructions,
                     lambda root: (root / 'joints.mat').is_file(), read)


#: The sets that are read from disk, by the names of :data:`data.sets.DATASETS`.
CHECKS = {
    'coco': Checkable('COCO', 'https://cocodataset.org/#download', coco.INSTRUCTIONS, coco.has_annotations,
                      coco.read_contents, coco.SPLITS),
    'lsp': _leeds(LSPDataset, 'LSP', 'lsp', 'im0001.jpg', 2000),
    'lspet': _leeds(LSPExtendedDataset, 'LSP Extended', 'lspet', 'im00001.jpg', 10_000),
    'mpii': Checkable('MPII', 'http://human-pose.mpi-inf.mpg.de/', mpii.INSTRUCTIONS, mpii.has_annotations,
                      mpii.read_contents),
}
#: Files of a user's own.
OWN: dict[str, type[OwnDataset]] = {'csv': CSVDataset, 'coco-json': COCOFileDataset}


def check_contents(contents: Contents, decode: bool) -> list[str]:
    """Print what there is of a data set, what is missing, and warnings; return what makes it unusable."""
    faults = find_faults(contents.pictures, contents.is_upright, decode)
    print('\n'.join([*contents.lines, *faults.lines(), *(f'warning: {text}' for text in faults.warnings)]))
    return faults.problems + contents.problems


def check_set(name: str, root: Path, splits: Sequence[str] | None = None, decode: bool = False) -> None:
    """Print where a published data set comes from, what is there of it, what is missing and what to put where.

    Args:
        name: a key of :data:`CHECKS`.
        root: the data root.
        splits: the splits to look for, by default all; only for a set that has ``splits``.
        decode: also decode every image, which takes long; otherwise only its head is read.

    Raises:
        InputError: the set is not complete, its files are damaged or wrong, or it has no such splits.
    """
    entry = CHECKS[name]
    entry.check_splits(splits)
    print(f'{entry.title}, from {entry.page}, in {root}')
    if not entry.has_annotations(root):
        print(entry.instructions.format(root=root))
        raise InputError(f'{root}: {entry.title}\'s annotations are not there')
    if problems := check_contents(entry.read(root, splits), decode):
        print(entry.instructions.format(root=root))
        raise InputError(f'{root}: {entry.title} is not complete: {", ".join(problems)}')
    print(f'{entry.title} is complete.')


def check_own(
    name: str, root: Path, images: str | None = None, joints: JointSet | None = None, decode: bool = False,
) -> None:
    """Print what is in a data set of a user's own, and what is missing.

    Args:
        name: a key of :data:`OWN`.
        root: the file, or several by ``{split}``.
        images: folder of the images, if it is not the usual one.
        joints: what the joints are called.
        decode: as for :func:`check_set`.

    Raises:
        InputError: a file is missing or wrong.
    """
    if problems := check_contents(read_own(OWN[name], root, images, joints), decode):
        advice = '; --images names the folder of the images' if 'missing image' in problems[0] else ''
        raise InputError(f'{root}: not usable: {", ".join(problems)}{advice}')
    print(f'{root} is complete.')
