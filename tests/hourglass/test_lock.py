from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from platform import node

from hourglass.errors import InputError
from hourglass.lock import only_process, only_run
from tests.child import ROOT

import pytest

_ADD_ONE = """
import sys, time
from pathlib import Path
from hourglass.lock import only_process
for _ in range(20):
    with only_process(Path('folder/x.lock'), 60, str):
        number = int(Path('count').read_text())
        time.sleep(0.002)
        Path('count').write_text(str(number + 1))
"""


def test_nothing_stays(tmp_path: Path) -> None:
    with only_process(tmp_path / 'a' / 'b' / 'x.lock', 1, str):
        assert (tmp_path / 'a' / 'b' / 'x.lock').exists()
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyError), only_process(tmp_path / 'a' / 'x.lock', 1, str):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_what_has_arrived_stays_and_so_do_folders_that_were_there(tmp_path: Path) -> None:
    (tmp_path / 'old').mkdir()
    for folder in ('new', 'old'):
        with only_process(tmp_path / folder / 'x.lock', 1, str):
            if folder == 'new':
                (tmp_path / 'new' / 'file').touch()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*')) == ['new', 'new/file', 'old']


def test_another_holder_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    path = tmp_path / 'x.lock'
    with only_process(path, 1, str), pytest.raises(InputError, match='in use'), only_process(path, 0, lambda: 'in use'):
        pytest.fail('two hold the lock')
    assert not path.exists()


def test_processes_exclude_one_another_though_the_file_comes_and_goes(tmp_path: Path) -> None:
    (tmp_path / 'count').write_text('0')
    (tmp_path / 'folder').mkdir()
    workers = [subprocess.Popen([sys.executable, '-c', _ADD_ONE], cwd=tmp_path, env={'PYTHONPATH': str(ROOT)})
               for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert (tmp_path / 'count').read_text() == '60'


_HOLD = """
import sys
from pathlib import Path
from hourglass.lock import only_run
with only_run(Path('run')):
    print('held', flush=True)
    sys.stdin.read()
"""


def test_the_run_that_writes_to_a_folder_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    start = datetime.now().strftime('%Y-%m-%d')
    holder = subprocess.Popen([sys.executable, '-c', _HOLD], cwd=tmp_path, env={'PYTHONPATH': str(ROOT)},
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    with pytest.raises(InputError) as caught, only_run(tmp_path / 'run'):
        pytest.fail('two hold the lock')
    text = str(caught.value)
    assert f'{tmp_path}/run: another run writes to it (process {holder.pid} on {node()}, since {start}' in text
    holder.kill()
    holder.wait()
    with only_run(tmp_path / 'run'):
        assert f'process {os.getpid()}' in (tmp_path / 'run' / '.lock.txt').read_text()
    assert not list((tmp_path / 'run').iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file/run: cannot be written to'), only_run(tmp_path / 'file' / 'run'):
        pytest.fail('no folder')
