"""Short texts that stand for very much: aliases and brackets."""

from __future__ import annotations

from pathlib import Path

from hourglass import json_table
from hourglass.errors import InputError
from hourglass.json_table import read_json
from hourglass.textfile import read_values

import pytest


def test_yaml_aliases_are_refused(tmp_path: Path) -> None:
    pytest.importorskip('yaml')
    path = tmp_path / 'joints.yaml'
    lines = ['a0: &a0 [x, x]', *(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9)}]' for i in range(1, 30))]
    path.write_text('\n'.join(lines))
    with pytest.raises(InputError, match=r'joints\.yaml: .*aliases such as \*a0'):
        read_values(path, 'table')
    path.write_text('joints: &all [nose, chin]\n')
    assert read_values(path, 'table') == {'joints': ['nose', 'chin']}


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
