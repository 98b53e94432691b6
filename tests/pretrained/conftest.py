from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to write; of which kind it is, readers find out by its content."""
    return tmp_path / 'weights.npz'
