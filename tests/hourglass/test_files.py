from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import Mock

from hourglass.errors import InputError
from hourglass.files import atomic_write, check_targets, write_bytes
from tests.child import ROOT
from tests.refusal import refusal

import pytest


def _write(path: Path) -> None:
    write_bytes(path, b'new')


def test_a_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / 'new' / 'a.txt'
    with atomic_write(target) as partial:
        assert partial.suffix == '.txt'
        partial.write_text('x')
        assert not target.exists()
    assert target.read_text() == 'x'
    assert list(target.parent.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    for target in (tmp_path, tmp_path / 'file' / 'below'):
        with pytest.raises(InputError, match='cannot be written'):
            check_targets([target], [])
        assert 'cannot be written (' in refusal(_write, target)
    assert [p.name for p in tmp_path.iterdir()] == ['file']


def test_an_older_file_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    write_bytes(target, b'old')
    assert stat.S_IMODE(target.stat().st_mode) & 0o600 == 0o600
    target.chmod(0o640)
    write_bytes(target, b'new')
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_stays_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / 'far').mkdir()
    (tmp_path / 'far' / 'a.txt').write_text('old')
    (tmp_path / 'second').symlink_to('far/a.txt')
    (tmp_path / 'first.txt').symlink_to(tmp_path / 'second')
    check_targets([tmp_path / 'first.txt'], [])
    write_bytes(tmp_path / 'first.txt', b'new')
    assert (tmp_path / 'far' / 'a.txt').read_bytes() == b'new'
    assert not (tmp_path / 'far' / 'a.txt').is_symlink()
    assert (tmp_path / 'first.txt').is_symlink()
    assert [path.name for path in (tmp_path / 'far').iterdir()] == ['a.txt']
    (tmp_path / 'third').symlink_to('new/b')  # which is not there yet
    write_bytes(tmp_path / 'third', b'new')
    assert (tmp_path / 'new' / 'b').read_bytes() == b'new'
    assert (tmp_path / 'third').is_symlink()


def test_a_pipe_gets_the_content_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    (tmp_path / 'link').symlink_to('pipe')
    read: list[bytes] = []
    for target in (pipe, tmp_path / 'link'):
        reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
        reader.start()
        check_targets([target], [])
        write_bytes(target, b'new')
        reader.join()
    assert read == [b'new', b'new']
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['link', 'pipe']


def test_devices_are_written_and_stay() -> None:
    write_bytes('/dev/null', b'new')
    assert stat.S_ISCHR(os.stat('/dev/null').st_mode)
    if os.path.exists('/dev/full'):
        assert 'cannot be written (No space left' in refusal(_write, Path('/dev/full'))
        assert stat.S_ISCHR(os.stat('/dev/full').st_mode)


@pytest.mark.parametrize('name', ['-', 'link'])
def test_standard_output_as_a_file_is_continued(tmp_path: Path, name: str) -> None:
    """A link to ``/proc/self/fd/1`` is what ``/dev/stdout`` is."""
    if name == 'link':
        if not os.path.exists('/proc/self/fd/1'):
            pytest.skip('no /proc on this system')
        (tmp_path / 'link').symlink_to('/proc/self/fd/1')
        name = str(tmp_path / 'link')
    program = """if True:
        import sys
        from hourglass.files import check_targets, write_bytes
        print('before')
        sys.stdout.flush()
        check_targets(sys.argv[1:], [])
        write_bytes(sys.argv[1], b'new\\n')
        print('after')"""
    with (tmp_path / 'out').open('wb') as file:
        subprocess.run([sys.executable, '-c', program, name], cwd=ROOT, check=True, stdout=file)
    assert (tmp_path / 'out').read_text() == 'before\nnew\nafter\n'
    result = subprocess.run([sys.executable, '-c', program, name], cwd=ROOT, check=True, capture_output=True)
    assert result.stdout == b'before\nnew\nafter\n'


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / 'a.txt'
    write_bytes(target, b'old')
    monkeypatch.setattr(os, 'fsync', Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert 'cannot be written (No space left on device' in refusal(_write, target)
    assert target.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [target]
