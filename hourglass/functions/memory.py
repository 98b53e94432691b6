"""How the C library deals with memory that is free again."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h: how much free memory at the top is given back to the system, and from which size on an array has
# pages of its own, which always are.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_TRIM = 2 ** 30
_MMAP = (2 ** 30, 2 ** 25)  # older versions refuse the first


def keep_freed_memory() -> bool:
    """Let this process keep up to a gigabyte of what it frees, for the next arrays.

    Each layer's output is as large as one that has just been freed.  To give its pages back to the system and have
    them cleared again by the system takes a tenth of a prediction's time.

    Returns:
        Whether the C library can be told so; only glibc can.
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
