from __future__ import annotations

import json
from pathlib import Path

from hourglass.errors import InputError
from hourglass.results import write_json_rows

import pytest


def test_rows_are_lines(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    for rows in ([], [{'a': 1}], [{'a': 1}, {'b': [1, 2]}]):
        write_json_rows(path, rows)
        assert json.loads(path.read_text()) == rows
        assert len(path.read_text().splitlines()) == max(1, len(rows) + 2 * bool(rows))
    with pytest.raises(InputError, match=r'a\.json: not written'):
        write_json_rows(path, [{'a': float('nan')}])
    assert len(json.loads(path.read_text())) == 2
