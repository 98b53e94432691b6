"""What there is of COCO on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data.coco.annotations import read_annotations
from data.coco.dataset import annotation_file, image_folder, usable
from data.contents import Contents, table
from data.disk import Picture, listing, pictures_of
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


def has_annotations(root: Path) -> bool:
    """Return whether there are annotations of any split below a data root."""
    return any(annotation_file(root, split).is_file() for split in SPLITS)


def read_contents(root: Path, splits: Sequence[str] | None = None) -> Contents:
    """Read the annotations of some splits, by default all; ``InputError`` if they are damaged."""
    rows, missing, pictures = [], [], list[Picture]()
    for split in splits or SPLITS:
        path = annotation_file(root, split)
        if not path.is_file():
            missing.append(str(path))
            continue
        content = read_annotations(path)
        chosen = usable(content)
        rows.append((split, len(content.images), len(np.unique(content.image_ids[chosen])), len(chosen)))
        pictures += pictures_of(image_folder(root, split), [content.images[i] for i in content.image_ids.tolist()],
                                content.points, content.labelled, content.sizes, sorted(content.images.values()))
    problems = [counted(len(missing), 'missing annotation file')] if missing else []
    if empty := sum(not row[-1] for row in rows):
        problems.append(counted(empty, 'split without people', 'splits without people'))
    return Contents(table(('split', 'images', 'used', 'people'), rows) + listing('missing annotation file', missing),
                    pictures, problems)
