from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = '''
import resource, sys
import numpy as np
from hourglass.memory import keep_freed_memory
if sys.argv[1] == 'keep': assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    arrays = [np.ones(2 ** 18) for _ in range(40)]  # 2 MiB each
use(), use()
before = faults()
use(), use()
print(faults() - before)
'''


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='for the C library glibc')
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    def count(mode: str) -> int:
        return int(subprocess.run([sys.executable, '-c', SCRIPT, mode], cwd=ROOT, check=True, capture_output=True,
                                  text=True).stdout)

    assert count('keep') < 1000
    assert count('plain') > 10_000
