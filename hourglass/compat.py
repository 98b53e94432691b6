"""Make Chainer 7.8.1 and ChainerCV 0.13.1 importable on today's Python and NumPy; switch off ONNX Runtime's telemetry.

Both packages were last released for NumPy 1.19 and Python 3.8.  This module adds the names that they need and that were
removed since then; the packages themselves are not changed.  Every package of this project imports this module before
anything else.  It must run before ``import chainer`` and takes little time: it imports NumPy, never Chainer.
"""

from __future__ import annotations

import os
import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np


def _add_numpy_names() -> None:
    """Give NumPy back the aliases that Chainer uses and NumPy 1.24 and 2.0 removed."""
    # Plain aliases of Python's types: chainer.functions.resize_images uses numpy.float, ChainerCV's data
    # sets use numpy.int and numpy.bool, Chainer's serialisers numpy.object.  vars() is asked and not
    # hasattr(), because NumPy warns of a removed name or raises an error of its own.
    for name, python_type in (('float', float), ('int', int), ('bool', bool), ('object', object)):
        if name not in vars(np):
            vars(np)[name] = python_type
    # chainer.functions.as_strided looks up the integer and floating types by size while it is imported.
    if 'sctypes' not in vars(np):
        sized_types = {
            'int': [np.int8, np.int16, np.int32, np.int64],
            'uint': [np.uint8, np.uint16, np.uint32, np.uint64],
            'float': [np.float16, np.float32, np.float64],
            'complex': [np.complex64, np.complex128],
            'others': [bool, object, bytes, str, np.void],
        }
        vars(np)['sctypes'] = sized_types


def _skip_environment_check() -> None:
    """Replace the check of versions that Chainer runs while it is imported."""
    # It needs numpy.distutils (gone with Python 3.12) and pkg_resources (gone with setuptools 81), and all it
    # does is warn: of Python 3.5.0, of macOS's BLAS of 2018, and that every current CuPy is too new, which is
    # wrong.
    name = 'chainer._environment_check'
    module: Any = ModuleType(name)
    module.check = lambda: None
    sys.modules.setdefault(name, module)


def nms_gpu_post(
    mask: np.ndarray, n_bbox: int, threads_per_block: int, col_blocks: int,
) -> tuple[np.ndarray, int]:
    """Finish ChainerCV's non-maximum suppression on a GPU: the greedy pass over the overlap bits.

    Args:
        mask: (n_bbox * col_blocks,) uint64.  Bit ``k`` of entry ``i * col_blocks + j`` says that box
            ``j * threads_per_block + k`` comes after box ``i`` and overlaps it too much.
        n_bbox: number of boxes, sorted from the best score to the worst.
        threads_per_block: boxes per entry of the mask (64).
        col_blocks: entries per box.

    Returns:
        ``(selection, n_selection)``: an (n_bbox,) int32 array whose first ``n_selection`` entries are the
        indices of the boxes that stay, in order; the rest is zero.
    """
    overlaps = mask.reshape(n_bbox, col_blocks)
    removed = np.zeros(col_blocks, np.uint64)
    selection = np.zeros(n_bbox, np.int32)
    n_selection = 0
    for i in range(n_bbox):
        block, bit = divmod(i, threads_per_block)
        if not int(removed[block]) >> bit & 1:
            selection[n_selection] = i
            n_selection += 1
            removed |= overlaps[i]
    return selection, n_selection


def _add_chainercv_extension() -> None:
    """Put :func:`nms_gpu_post` where ChainerCV expects its one compiled module."""
    # ChainerCV imports the module unconditionally and its generated C no longer compiles (Python >= 3.11),
    # so it is installed without.  The loop is over boxes that already passed the score threshold (at most a
    # few hundred), so Python is fast enough.
    name = 'chainercv.utils.bbox._nms_gpu_post'
    module: Any = ModuleType(name)
    module._nms_gpu_post = nms_gpu_post
    sys.modules.setdefault(name, module)


def _silence_warnings() -> None:
    """Hide warnings that a user cannot act on."""
    for message in (
        # ChainerCV asks pkg_resources for its own version, so the extra "train" has a setuptools with it.
        'pkg_resources is deprecated',
        # CuPy 14 has no cuDNN, and NCCL is needed only for training in several processes, which reports its absence.
        'cuDNN is not enabled', r'\s*nccl library could not be loaded',
    ):
        warnings.filterwarnings('ignore', message=message, category=UserWarning)


def _disable_telemetry() -> None:
    """Keep ONNX Runtime from sending events and from writing a device id into the user's home."""
    # ONNX Runtime 1.29 and later does both while it is imported. A user who has set the variable is left alone.
    os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')


_disable_telemetry()
_add_numpy_names()
_skip_environment_check()
_add_chainercv_extension()
_silence_warnings()
