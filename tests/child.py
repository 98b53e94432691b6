"""Python in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_python(*arguments: object, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script, or ``-c`` with a program; keywords are environment variables.  After half an hour it hangs."""
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, env={**os.environ, **variables}, check=False,
                          capture_output=True, text=True, timeout=1800)
