from __future__ import annotations

import os

from hourglass.engine.base import run_in_pieces, threads

import numpy as np
import pytest


def test_threads_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: range(4), raising=False)
    for value, expected in (('3', 3), ('3,2', 3), ('', 4), ('many', 4), ('0', 4), ('99999999', 4)):
        monkeypatch.setenv('OMP_NUM_THREADS', value)
        assert threads() == expected, value
    for n in (1, 3, 4, 5, 17):
        np.testing.assert_array_equal(run_in_pieces(lambda piece: piece[:4] + 1, np.arange(n), 2), np.arange(n) + 1)
