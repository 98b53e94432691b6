from __future__ import annotations

from pathlib import Path

from tests.data.mpii_files import write_set

import pytest


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    return write_set(tmp_path / 'MPII')
