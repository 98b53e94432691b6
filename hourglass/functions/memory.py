"""A setting of the C library: freed memory is kept for the next arrays."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h: from how much free memory on it is returned to the system, and from which size on an array has
# pages of its own, which are always returned.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_TRIM = 2 ** 30
_MMAP = (2 ** 30, 2 ** 25)  # older versions refuse the first


def keep_freed_memory() -> bool:
    """Let this process keep up to a gigabyte of what it frees, for the next arrays.

    Each layer's output is as large as one that has just been freed.  To return its pages to the system and to get
    them again, cleared, takes a tenth of a prediction's time.

    Returns:
        Whether the C library has this setting; only glibc does.
    """
    if not sys.platform.startswith('linux'):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    mallopt.restype = ctypes.c_int
    return any(mallopt(_M_MMAP_THRESHOLD, size) for size in _MMAP) and bool(mallopt(_M_TRIM_THRESHOLD, _TRIM))
