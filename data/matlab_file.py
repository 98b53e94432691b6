"""Variables of MATLAB files; for a child process (:mod:`hourglass.sandbox`), which reports all errors of SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hourglass.errors import InputError

import numpy as np


def read_variable(path: Path, name: str, **options: Any) -> Any:
    """Return a variable of a MATLAB file; ``options`` are those of :func:`scipy.io.loadmat`."""
    import scipy.io

    try:
        found = scipy.io.loadmat(path, variable_names=[name], **options)
    except NotImplementedError:
        raise InputError(f'{path}: a file of MATLAB 7.3, which is not read; save it again with -v7') from None
    if name not in found:
        raise InputError(f'{path}: has no variable "{name}"')
    return found[name]


def read_joints_variable(path: Path) -> dict[str, np.ndarray]:
    """Return the variable ``joints``, which is an array of numbers."""
    joints = read_variable(path, 'joints')
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in 'fiu':
        raise InputError(f'{path}: "joints" does not hold numbers')
    return {'joints': joints}
