"""An object for files of pickles that must not be unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Touch:
    """Makes a file when it is unpickled: what a hostile file would do with any program."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
