from __future__ import annotations

from hourglass.engine.base import run_in_pieces, threads

import numpy as np
import pytest


def test_threads_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert threads() == 3
    for value in ('', 'many', '0'):
        monkeypatch.setenv('OMP_NUM_THREADS', value)
        assert threads() >= 1
    for n in (1, 3, 4, 5, 17):
        np.testing.assert_array_equal(run_in_pieces(lambda piece: piece[:4] + 1, np.arange(n), 2), np.arange(n) + 1)
