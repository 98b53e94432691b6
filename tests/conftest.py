"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Return the path of a reference file beside the checkout, or skip the test where there is none."""
    def find(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip(f'reference file {path} is not beside the checkout')
        return SHARED / path

    return find
