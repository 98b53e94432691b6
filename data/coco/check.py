"""Telling whether COCO is complete on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.coco.annotations import read_annotations
from data.coco.dataset import DEFAULT_ROOT, annotation_file, image_folder, usable
from data.disk import damage, listing
from hourglass.wording import counted

import numpy as np

#: The splits with published joints.
SPLITS = ('train2017', 'val2017')

#: From the download page to a complete folder; ``{root}`` is the data root.
INSTRUCTIONS = """\
COCO's images and annotations are at https://cocodataset.org/#download:
  1. the annotations, "2017 Train/Val annotations" (241 MB):
       http://images.cocodataset.org/annotations/annotations_trainval2017.zip
  2. the validation images, "2017 Val images" (1 GB):
       http://images.cocodataset.org/zips/val2017.zip
  3. for training, the training images, "2017 Train images" (18 GB):
       http://images.cocodataset.org/zips/train2017.zip
Unpack them in {root}:
       mkdir -p {root}/images && cd {root}
       unzip annotations_trainval2017.zip
       unzip -d images val2017.zip
       unzip -d images train2017.zip
so that these are there (the folders of images may also lie in {root} itself):
       {root}/annotations/person_keypoints_val2017.json
       {root}/annotations/person_keypoints_train2017.json
       {root}/images/val2017/000000000139.jpg and so on
       {root}/images/train2017/000000000009.jpg and so on
"""


@dataclass(frozen=True)
class Part:
    """What was found of a split.

    Attributes:
        split: its name.
        images: number of images that the annotations list.
        used: number of images with somebody in them who has a labelled joint and is no crowd.
        people: number of such people.
    """

    split: str
    images: int
    used: int
    people: int


@dataclass(frozen=True)
class CheckReport:
    """What :func:`check` found.

    Attributes:
        root: the data root.
        parts: what the splits hold whose annotations are there.
        no_annotations: annotation files that are not there.
        missing: images that are not there, by the place where they were looked for.
        damaged: one line for each image that is there and cannot be read, naming it.
    """

    root: Path
    parts: tuple[Part, ...]
    no_annotations: tuple[str, ...]
    missing: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """What is wrong, a phrase each; empty if the data set is complete."""
        counts = (
            (len(self.no_annotations), 'missing annotation file'),
            (len(self.missing), 'missing image'),
            (len(self.damaged), 'damaged image'),
            (sum(not part.people for part in self.parts), 'split without people', 'splits without people'),
        )
        return [counted(n, *words) for n, *words in counts if n]

    def __str__(self) -> str:
        lines = [f'{"split":<12} {"images":>8} {"used":>8} {"people":>8}']
        lines += [f'{part.split:<12} {part.images:>8} {part.used:>8} {part.people:>8}' for part in self.parts]
        lines += listing('missing annotation file', self.no_annotations)
        lines += listing('missing image', self.missing) + listing('damaged image', self.damaged)
        return '\n'.join(lines)


def check(
    root: str | Path = DEFAULT_ROOT, read_images: bool = False, splits: Sequence[str] = SPLITS,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = iter,
) -> CheckReport:
    """Look whether everything that training and validation need is there.

    Args:
        root: the data root.
        read_images: also read every image, which takes long; otherwise an image only has to be there and not empty.
        splits: the parts to look for.
        progress: wraps the paths of the images while they are looked at, for a progress bar.

    Raises:
        InputError: annotations are damaged.
    """
    root = Path(root)
    parts, no_annotations = [], []
    images: list[Path] = []
    for split in splits:
        path = annotation_file(root, split)
        if not path.is_file():
            no_annotations.append(str(path))
            continue
        content = read_annotations(path)
        rows = usable(content)
        parts.append(Part(split, len(content.images), len(np.unique(content.image_ids[rows])), len(rows)))
        folder = image_folder(root, split)
        images += [folder / name for name in sorted(content.images.values())]

    missing, damaged = [], []
    for image in progress(images):
        if not image.is_file():
            missing.append(str(image))
        elif (problem := damage(image, read_images)) is not None:
            damaged.append(problem)
    return CheckReport(root, tuple(parts), tuple(no_annotations), tuple(missing), tuple(damaged))
