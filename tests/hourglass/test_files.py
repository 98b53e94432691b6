from __future__ import annotations

import os
from pathlib import Path

from hourglass.errors import InputError
from hourglass.files import atomic_write, check_targets

import pytest


def test_a_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / 'new' / 'a.txt'
    with atomic_write(target) as partial:
        assert partial.suffix == '.txt'
        partial.write_text('x')
        assert not target.exists()
    assert target.read_text() == 'x'
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    target.write_text('old')

    def fail_halfway() -> None:
        with atomic_write(target) as partial:
            partial.write_text('half')
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert target.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    for target in (tmp_path, tmp_path / 'file' / 'below'):
        with pytest.raises(InputError, match='cannot be written'), atomic_write(target):
            pass
    assert [p.name for p in tmp_path.iterdir()] == ['file']


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(InputError, match=r'cannot be written \(is no ordinary file\)'):
        check_targets([tmp_path / 'pipe'], [])
    with pytest.raises(InputError, match=r'cannot be written \(is no ordinary file\)'), atomic_write(tmp_path / 'pipe'):
        pass
    assert not (tmp_path / 'pipe').is_file()
