"""Some damaged files for every reader; ``python tests/fuzz/harness.py`` takes any number."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location('fuzz_harness', Path(__file__).with_name('harness.py'))
assert _SPEC is not None
assert _SPEC.loader is not None
harness: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('name', harness.READERS)
def test_damaged_files_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip('resource')
    count = 10 if name in harness.IN_CHILD else 300
    result = harness.run_reader(name, count, 0, tmp_path / name)
    assert result['read'] + result['refused'] == count
    assert result['refused'] > 0
