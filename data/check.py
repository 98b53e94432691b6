"""Check whether a data set is complete on disk and its numbers fit its pictures: ``python -m data check``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.coco.annotations import read_annotations
from data.coco.dataset import annotation_file, image_folder, usable
from data.custom.annotations import OwnAnnotations
from data.custom.dataset import SPLIT, OwnDataset, read_files
from data.mpii.dataset import IMAGE_FOLDER, has_annotations
from data.mpii.dataset import read_annotations as read_mpii_annotations
from data.mpii.splits import PROTOCOLS, select
from data.pictures import AnnotatedPicture, find_faults, listing, pictures_of, pictures_of_dataset
from data.published import PUBLISHED
from data.sets import DATASETS
from hourglass.errors import InputError
from hourglass.joints import JointSet
from hourglass.wording import counted, table_lines

import numpy as np


@dataclass(frozen=True)
class Contents:
    """What the annotations of a data set hold.

    Attributes:
        lines: what to print: counts, and annotations that are missing.
        pictures: all images with their people.
        problems: what is wrong apart from the images, a phrase each.
        is_upright: whether images are turned as their EXIF entries say.
    """

    lines: list[str]
    pictures: list[AnnotatedPicture]
    problems: list[str] = field(default_factory=list)
    is_upright: bool = False


def _empty_splits(rows: Sequence[Sequence[str | int]]) -> list[str]:
    empty = sum(not row[-1] for row in rows)
    return [counted(empty, 'split without people', 'splits without people')] if empty else []


# Readers of the sets.  Those of published sets return None where there are no annotations.

def read_coco(root: Path, splits: Sequence[str] | None = None) -> Contents | None:
    """Read COCO's annotations of some splits, by default all."""
    rows, missing, pictures = [], [], list[AnnotatedPicture]()
    for split in splits or PUBLISHED['coco'].splits:
        path = annotation_file(root, split)
        if not path.is_file():
            missing.append(str(path))
            continue
        content = read_annotations(path)
        chosen = usable(content)
        rows.append((split, len(content.images), len(np.unique(content.image_ids[chosen])), len(chosen)))
        pictures += pictures_of(image_folder(root, split), [content.images[i] for i in content.image_ids.tolist()],
                                content.points, content.labelled, content.sizes, sorted(content.images.values()))
    if not rows and not any(annotation_file(root, split).is_file() for split in PUBLISHED['coco'].splits):
        return None
    problems = [counted(len(missing), 'missing annotation file')] if missing else []
    lines = table_lines(('split', 'images', 'used', 'people'), rows) + listing('missing annotation file', missing)
    return Contents(lines, pictures, problems + _empty_splits(rows))


def _read_leeds(name: str, split: str, root: Path, splits: Sequence[str] | None = None) -> Contents | None:
    """Read LSP or LSP Extended; ``split`` is the name of the split with all people."""
    if not (root / 'joints.mat').is_file():
        return None
    published, dataset = PUBLISHED[name], DATASETS[name].kind()(root, split)
    n_people, pictures = len(dataset), pictures_of_dataset(dataset)
    problems = [] if n_people == published.n_people else [
        f'{n_people} people in joints.mat in place of {published.n_people}']
    n_there = sum(picture.path.is_file() for picture in pictures)
    lines = table_lines(('set', 'images', 'people'), [(published.title, n_there, n_people)])
    return Contents(lines, pictures, problems)


def read_mpii(root: Path, splits: Sequence[str] | None = None) -> Contents | None:
    """Read MPII's annotations, of all splits."""
    if not has_annotations(root):
        return None
    people, is_validation = read_mpii_annotations(root)
    rows = []
    for split, protocol in (('train', 'all'), *(('val', protocol) for protocol in PROTOCOLS)):
        chosen = select(people.image, is_validation, split, protocol)
        rows.append((split if split == 'train' else f'{split}, {protocol}', len(np.unique(people.image[chosen])),
                     len(chosen)))
    pictures = pictures_of(root / IMAGE_FOLDER, people.image.tolist(), people.points, people.labelled, {},
                           sorted(set(people.image.tolist())))
    return Contents(table_lines(('split', 'images', 'people'), rows), pictures, _empty_splits(rows))


def _joint_rows(joint_set: JointSet, files: list[OwnAnnotations]) -> list[tuple[str, int, int, str]]:
    """Return how often each joint is labelled and visible, and its partner in a mirror image."""
    mirrored = dict(pair for a, b in joint_set.pairs or () for pair in ((a, b), (b, a)))
    labelled, visible = (sum(getattr(part, name).sum(axis=0) for part in files) for name in ('labelled', 'visible'))
    rows = []
    for i, joint in enumerate(joint_set.joints):
        known = joint_set.same_as.get(joint)
        note = f'{mirrored.get(joint, "-")}' + (f'  (the same as {known})' if known else '')
        rows.append((joint, int(labelled[i]), int(visible[i]), note))
    return rows


def read_own(kind: type[OwnDataset], root: Path, images: str | None, joints: JointSet | None) -> Contents:
    """Read a user's data set as a whole; arguments as for :func:`check_own`."""
    files = read_files(root, 'all', kind.read)
    if joints is not None:
        files = [part.to_joint_set(joints) for part in files]
    # The splits by their names, or the files by theirs where each is a split.
    parts = [(part.path.name, part) for part in files] if SPLIT in str(root) else [
        (split, files[0].select(split)) for split in dict.fromkeys(files[0].splits or files[0].held_out())]
    rows = []
    for name, part in parts:
        chosen = part.take(np.flatnonzero(part.labelled.any(axis=1)))
        rows.append((name, len(set(chosen.images)), len(chosen)))
    pictures: list[AnnotatedPicture] = []
    n_boxless = n_unscored = 0
    for part in files:
        folder, people = kind.locate_images(part, images)
        pictures += pictures_of(folder, people.images, people.points, people.labelled, people.sizes)
        is_known = part.labelled.any(axis=1)
        n_boxless += int((is_known & np.isnan(part.boxes).any(axis=1) & np.isnan(part.squares).any(axis=1)).sum())
        reference, lengths = part.with_boxes().reference_lengths(None)
        n_unscored += int((is_known & np.isnan(lengths)).sum())
    lines = [
        *table_lines(('split', 'images', 'people'), rows),
        *table_lines(('joint', 'labelled', 'visible', 'mirrored'), _joint_rows(files[0].joint_set, files)),
        f'PCK divides errors by {"torsos" if reference == "torso" else "the sides of boxes"}']
    if n_unscored:
        lines[-1] += f'; {counted(n_unscored, "person has", "people have")} none and no score'
    if n_boxless:
        lines.append(f'{counted(n_boxless, "person has", "people have")} no box: the box around the labelled joints is '
                     'taken, which is too small where they cover only a part of the body')
    return Contents(lines, pictures, _empty_splits(rows), is_upright=True)


READERS: dict[str, Callable[[Path, Sequence[str] | None], Contents | None]] = {
    'coco': read_coco, 'lsp': partial(_read_leeds, 'lsp', 'all'), 'lspet': partial(_read_leeds, 'lspet', 'train'),
    'mpii': read_mpii,
}


def _report(contents: Contents, decode: bool) -> list[str]:
    """Print the contents of a data set, what is missing, and warnings; return what makes it unusable."""
    faults = find_faults(contents.pictures, contents.is_upright, decode)
    print('\n'.join([*contents.lines, *faults.lines(), *(f'warning: {text}' for text in faults.warnings)]))
    return faults.problems + contents.problems


def check_set(name: str, root: Path, splits: Sequence[str] | None = None, decode: bool = False) -> None:
    """Print the source of a published data set, its contents on disk, and what is missing and where to put it.

    Args:
        name: a key of :data:`data.published.PUBLISHED`.
        root: the data root.
        splits: the splits to look for, by default all; only for a set that has ``splits``.
        decode: also decode every image, which takes long; otherwise only its head is read.

    Raises:
        InputError: the set is not complete, its files are damaged or wrong, or it has no such splits.
    """
    published = PUBLISHED[name]
    published.check_splits(splits)
    print(f'{published.title}, from {published.page}, in {root}')
    contents = READERS[name](root, splits)
    if contents is None:
        print(published.instructions(root))
        raise InputError(f'{root}: {published.title}\'s annotations are not there')
    if problems := _report(contents, decode):
        print(published.instructions(root))
        raise InputError(f'{root}: {published.title} is not complete: {", ".join(problems)}')
    print(f'{published.title} is complete.')


def check_own(
    name: str, root: Path, images: str | None = None, joints: JointSet | None = None, decode: bool = False,
) -> None:
    """Print the contents of a user's own data set, and what is missing.

    Args:
        name: a data set that is a user's file, a key of :data:`data.sets.DATASETS`.
        root: the file, or several by ``{split}``.
        images: folder of the images, if it is not the usual one.
        joints: the joint set, by default from the names in the file.
        decode: as for :func:`check_set`.

    Raises:
        InputError: a file is missing or wrong.
    """
    if problems := _report(read_own(DATASETS[name].kind(), root, images, joints), decode):
        advice = '; --images names the folder of the images' if 'missing image' in problems[0] else ''
        raise InputError(f'{root}: not usable: {", ".join(problems)}{advice}')
    print(f'{root} is complete.')
