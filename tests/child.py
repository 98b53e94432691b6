"""Python in a process of its own, and waiting for what it does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_python(*arguments: object, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script, or ``-c`` with a program; keywords are environment variables.  After half an hour it hangs."""
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, env={**os.environ, **variables}, check=False,
                          capture_output=True, text=True, timeout=1800)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, five minutes at most."""
    for _ in range(30_000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail('the condition does not hold')
