from __future__ import annotations

from pathlib import Path

from tests.data.mpii_files import write_set

import pytest


@pytest.fixture
def root(tmp_path: Path, cache: Path) -> Path:
    return write_set(tmp_path / 'MPII')
