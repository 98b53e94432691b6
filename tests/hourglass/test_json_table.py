from __future__ import annotations

from pathlib import Path

from hourglass import json_table
from hourglass.errors import InputError
from hourglass.json_table import read_json

import pytest


def test_json_of_brackets_is_refused_by_the_memory_it_would_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_table, 'MAX_MEMORY', 10_000_000)
    path = tmp_path / 'people.json'
    path.write_text('[' + ','.join(['[]'] * 180_000) + ']')
    with pytest.raises(InputError, match=r'people\.json: needs more than 0\.01 GB'):
        read_json(path)
    path.write_text('[' * 100_000)
    with pytest.raises(InputError, match='not JSON'):
        read_json(path)
