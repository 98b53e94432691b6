"""Words for messages."""

from __future__ import annotations

import sys
from functools import cache


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return ``1 image``, ``2 images``; ``things`` is the plural where it is not ``thing`` and an *s*."""
    return f'{number:,} {thing if number == 1 else things or thing + "s"}'


@cache
def warn_once(text: str) -> None:
    """Print a line for the user on stderr, the first time that a process has it to say."""
    print(text, file=sys.stderr)
