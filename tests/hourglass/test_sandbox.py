"""Reading files in a child process: crashes, endless loops and memory of the child."""

from __future__ import annotations

from pathlib import Path

from hourglass.errors import InputError
from hourglass.sandbox import read_in_child

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).parent))


def _run(name: str, path: Path, *arguments: str) -> dict[str, np.ndarray]:
    return read_in_child(f'sandbox_readers:{name}', path, *arguments)


def test_arrays_come_back(tmp_path: Path) -> None:
    arrays = _run('good', tmp_path / 'x', 'a', 'bé')
    assert arrays['numbers'].tolist() == [0, 1, 2]
    assert arrays['some/names'].tolist() == ['a', 'bé']


@pytest.mark.parametrize(('name', 'reason'), [
    ('refuses', 'x: not what it should be'),
    ('crashes', 'crashes the library that reads it'),
    ('has_a_defect', 'ZeroDivisionError: a defect'),
    ('needs_memory', 'needs more than 2 GB'),
    ('returns_much', 'x: holds 400,000,000 bytes'),
    ('never_ends', 'takes too long'),
])
def test_whatever_happens_is_one_line_with_the_name(name: str, reason: str, tmp_path: Path) -> None:
    pytest.importorskip('resource')
    (tmp_path / 'x').write_bytes(b'abc')
    with pytest.raises(InputError) as caught:
        _run(name, tmp_path / 'x')
    text = str(caught.value)
    assert str(tmp_path / 'x') in text
    assert reason in text
    assert '\n' not in text


def test_nothing_in_the_current_folder_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('hourglass', 'numpy', 'zipfile'):
        (tmp_path / f'{name}.py').write_text('raise SystemExit("this was run")')
    assert _run('good', Path('x'))['numbers'].tolist() == [0, 1, 2]


def test_a_name_that_is_not_utf_8_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='x\udcff: not what it should be'):
        _run('refuses', tmp_path / 'x\udcff')
