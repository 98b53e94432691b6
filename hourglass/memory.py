"""Settings of glibc for freed memory: keep it for the next arrays, or return it to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# Of glibc's malloc.h: from how much free memory on it is returned to the system, and from which size on an array has
# pages of its own, which are always returned.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_TRIM = 2 ** 30
_MMAP = (2 ** 30, 2 ** 25)  # older versions refuse the first


def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None if it has no such function."""
    if not sys.platform.startswith('linux'):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None


def keep_freed_memory() -> bool:
    """Let this process keep up to a gigabyte of what it frees, for the next arrays.

    Each layer's output is as large as one that has just been freed.  To return its pages to the system and to get
    them again, cleared, takes a tenth of a prediction's time.

    Returns:
        Whether the C library has this setting; only glibc does.
    """
    mallopt = _glibc('mallopt')
    return mallopt is not None and any(mallopt(_M_MMAP_THRESHOLD, size) for size in _MMAP) and bool(
        mallopt(_M_TRIM_THRESHOLD, _TRIM))


def return_freed_memory() -> None:
    """Return freed memory to the system: glibc keeps it for the thread, which is much after a large picture."""
    if malloc_trim := _glibc('malloc_trim'):
        malloc_trim(0)
