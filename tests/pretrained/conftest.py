from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pretrained.__main__ import main

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to write; of which kind it is, readers find out by its content."""
    return tmp_path / 'weights.npz'


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs ``python -m pretrained`` in this process and returns what it prints."""
    def call(*argv: str) -> str:
        main(argv)
        return capsys.readouterr().out

    return call
