"""What the annotations of a data set hold, for its check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from data.disk import Picture


@dataclass(frozen=True)
class Contents:
    """What there is of a data set.

    Attributes:
        lines: what to print: counts, and annotations that are missing.
        pictures: all images with their people.
        problems: what is wrong apart from the images, a phrase each.
        is_upright: whether images are turned as their EXIF entries say.
    """

    lines: list[str]
    pictures: list[Picture]
    problems: list[str] = field(default_factory=list)
    is_upright: bool = False


def table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> list[str]:
    """Return the lines of a table; texts are set to the left, numbers to the right."""
    is_text = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ['  '.join(cell.ljust(width) if left else cell.rjust(width)
                      for cell, width, left in zip(row, widths, is_text, strict=True)).rstrip() for row in cells]
