"""Fixtures for demo_multi_person.py in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.synthetic import demo_people
from hourglass.image import write_image

import pytest

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def demo(command: Callable[..., Any]) -> Run:
    """Run demo_multi_person.py in an empty folder; return its status and what it wrote.

    The weights are the bundled ones if no others are named.
    """
    def main(*arguments: object) -> tuple[int, str]:
        weights = () if '--model' in arguments else ('--model', 'bundled')
        result = command('demo_multi_person.py', *arguments, *weights)
        return result.returncode, result.stderr

    return main


@pytest.fixture
def scene(tmp_path: Path) -> tuple[Path, list[tuple[float, ...]]]:
    """A picture file of four people, and their boxes (x, y, width, height)."""
    image, people = demo_people()
    write_image(tmp_path / 'photo.png', image)
    return tmp_path / 'photo.png', [(x0, y0, x1 - x0, y1 - y0) for y0, x0, y1, x1 in (p.box for p in people)]
