"""Some damaged files for every reader; ``python tests/fuzz/harness.py`` takes any number."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.harness import IN_CHILD, READERS, run_reader

import pytest


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize('name', READERS)
def test_damaged_files_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip('resource')
    count = 10 if name in IN_CHILD else 300
    result = run_reader(name, count, 0, tmp_path / name)
    assert result['read'] + result['refused'] == count
    assert result['refused'] > 0
