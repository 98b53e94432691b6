"""Words for messages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return ``1 image``, ``2 images``; ``things`` is the plural where it is not ``thing`` and an *s*."""
    return f'{number:,} {thing if number == 1 else things or thing + "s"}'


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> list[str]:
    """Return the lines of a table; texts are set to the left, numbers to the right."""
    is_text = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ['  '.join(cell.ljust(width) if left else cell.rjust(width)
                      for cell, width, left in zip(row, widths, is_text, strict=True)).rstrip() for row in cells]


@cache
def warn_once(text: str) -> None:
    """Print a line for the user on stderr, once in a process."""
    print(text, file=sys.stderr)
