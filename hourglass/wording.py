"""Counting in English."""

from __future__ import annotations


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return ``1 image``, ``2 images``; ``things`` is the plural where it is not ``thing`` and an *s*."""
    return f'{number:,} {thing if number == 1 else things or thing + "s"}'
