from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

from hourglass.interruption import StopRequest
from tests.child import ROOT, wait_until

import pytest

# Works until it is asked to stop, then prints and says in a file how it ended.
WORK = '''
import sys, time
from pathlib import Path
from hourglass.interruption import StopRequest

stop = StopRequest()
with stop.listening():
    Path('ready').touch()
    for _ in range(3000):
        if stop.requested:
            break
        time.sleep(0.01)
    time.sleep(0.2)  # a second signal comes now
    print('stopped')
    print('stopped', file=sys.stderr, flush=True)
    sys.stdout.flush()
Path('end').write_text(str(stop.status))
'''


def test_a_closed_terminal_is_a_request_to_stop(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, '-c', WORK], {**os.environ, 'PYTHONPATH': str(ROOT)})
    wait_until((tmp_path / 'ready').exists)
    os.close(terminal)
    time.sleep(0.1)
    os.kill(pid, signal.SIGHUP)  # as a shell does beside the system
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (tmp_path / 'end').read_text() == '129'


def test_under_nohup_a_closed_terminal_changes_nothing(tmp_path: Path) -> None:
    work = subprocess.Popen(['nohup', sys.executable, '-c', WORK], cwd=tmp_path, stderr=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    wait_until((tmp_path / 'ready').exists)
    work.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert work.poll() is None
    assert not (tmp_path / 'end').exists()
    work.terminate()
    assert work.wait() == 0
    assert (tmp_path / 'end').read_text() == '143'


def test_the_second_ctrl_c_ends_at_once() -> None:
    stop = StopRequest('')
    before = signal.getsignal(signal.SIGHUP)
    with stop.listening():
        for _ in range(2):  # one closed terminal
            os.kill(os.getpid(), signal.SIGHUP)
        assert (stop.signal, stop.status) == (signal.SIGHUP, 129)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGHUP) == before
