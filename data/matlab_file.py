"""Variables of MATLAB files, read in a child process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hourglass.errors import InputError

import numpy as np


def read_variable(path: Path, name: str, **options: Any) -> Any:
    """Return a variable of a MATLAB file, as SciPy gives it; in a child process (:mod:`hourglass.sandbox`).

    Args:
        path: the file.
        name: of the variable.
        options: of :func:`scipy.io.loadmat`.

    Raises:
        InputError: the file is damaged, of another kind, or has no such variable.
    """
    import scipy.io

    try:
        return scipy.io.loadmat(path, variable_names=[name], **options)[name]
    except KeyError:
        raise InputError(f'{path}: has no variable "{name}"') from None
    except MemoryError:
        raise
    except Exception as error:
        # SciPy reports damage with nearly any exception.
        raise InputError(f'{path}: damaged, or not a MATLAB file ({error or type(error).__name__})') from None


def read_joints_variable(path: Path) -> dict[str, np.ndarray]:
    """Return the variable ``joints`` of a MATLAB file; for :func:`hourglass.sandbox.read_in_child`."""
    joints = read_variable(path, 'joints')
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in 'fiu':
        raise InputError(f'{path}: "joints" does not hold numbers')
    return {'joints': joints}
