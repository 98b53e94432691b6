"""How a reader refuses a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hourglass.errors import InputError

import pytest


def refusal(read: Callable[[Path], Any], path: Path) -> str:
    """Return why a reader refuses a file, in one printable line that begins with its name."""
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f'{path}: ')
    assert text.isprintable()
    assert len(text) < 3000
    return text


def damage(read: Callable[[Path], Any], path: Path) -> str:
    """Return why a function fails that runs in a child process, where it may raise anything."""
    try:
        read(path)
    except Exception as error:
        return str(error)
    pytest.fail('it was read')
