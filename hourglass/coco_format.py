"""COCO's conventions: the number of the category "person", and which id an image has.

https://cocodataset.org/#format-data and https://cocodataset.org/#format-results describe the files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

#: COCO's number for the category "person".
PERSON = 1

# 000000000785.jpg, and as the sets of 2014 have it COCO_val2014_000000000785.jpg.
_COCO_NAME = re.compile(r'(?:COCO_[a-z]+\d{4}_)?(\d{1,18})', re.ASCII)


def image_id(name: str | int) -> int | str:
    """Return the id of a picture in COCO's files: the number in a name like COCO's, else the file's name."""
    if isinstance(name, int):
        return name
    path = Path(name)
    match = _COCO_NAME.fullmatch(path.stem)
    return int(match[1]) if match else path.name


def image_ids(names: Sequence[str]) -> list[int | str]:
    """Return a different :func:`image_id` for each picture; pictures with the same id get their names as given."""
    ids = [image_id(name) for name in names]
    counts = Counter(ids)
    return [name if counts[i] > 1 else i for name, i in zip(names, ids, strict=True)]
