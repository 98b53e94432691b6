"""Variables of MATLAB files, read in a child process."""

from __future__ import annotations

from pathlib import Path

from hourglass.errors import InputError

import numpy as np


def read_joints_variable(path: Path) -> dict[str, np.ndarray]:
    """Return the variable ``joints`` of a MATLAB file; for :func:`hourglass.sandbox.read_in_child`."""
    import scipy.io

    try:
        joints = scipy.io.loadmat(path, variable_names=['joints'])['joints']
    except KeyError:
        raise InputError(f'{path}: has no variable "joints"') from None
    except MemoryError:
        raise
    except Exception as error:
        # SciPy reports damage with nearly any exception.
        raise InputError(f'{path}: not a MATLAB file that can be read ({error})') from None
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in 'fiu':
        raise InputError(f'{path}: "joints" does not hold numbers')
    return {'joints': joints}
