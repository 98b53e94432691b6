"""What the tests of hourglass.sandbox call in the child; no test by itself."""

from __future__ import annotations

import ctypes
from pathlib import Path

from hourglass import sandbox
from hourglass.errors import InputError

import numpy as np


def good(path: Path, *names: str) -> dict[str, np.ndarray]:
    return {'numbers': np.arange(3), 'some/names': np.array(names)}


def refuses(path: Path) -> dict[str, np.ndarray]:
    raise InputError(f'{path}: not what it should be')


def crashes(path: Path) -> dict[str, np.ndarray]:
    ctypes.string_at(0)
    return {}


def has_a_defect(path: Path) -> dict[str, np.ndarray]:
    raise ZeroDivisionError('a defect')


def needs_memory(path: Path) -> dict[str, np.ndarray]:
    return {'x': np.ones(400_000_000)}


def returns_much(path: Path) -> dict[str, np.ndarray]:
    return {'x': np.ones(50_000_000)}


def never_ends(path: Path) -> dict[str, np.ndarray]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    assert soft == sandbox.MAX_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (1, hard))  # so that the test need not wait so long
    while True:
        pass
