"""In the place of the child process for files of other programs, which is slow to start."""

from __future__ import annotations

import importlib
from pathlib import Path

from hourglass.errors import InputError
from hourglass.foreign import Damage, printable
from hourglass.sandbox import complaint

import numpy as np


def read_here(reader: str, path: Path, *arguments: str) -> dict[str, np.ndarray]:
    """Do what :func:`hourglass.sandbox.read_in_child` does, but in this process and without limits."""
    module, _, name = reader.partition(':')
    try:
        arrays = getattr(importlib.import_module(module), name)(path, *arguments)
    except (InputError, Damage) as error:
        raise InputError(complaint(path, error)) from error
    except Exception as error:
        raise InputError(f'{path}: damaged: it cannot be read ({printable(repr(error), 200)})') from error
    assert not any(array.dtype.hasobject for array in arrays.values()), 'an object would not come back from the child'
    return arrays
