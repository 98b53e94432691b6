"""Trainings in processes that can be killed."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from pathlib import Path

import data.lsp
from data.matlab_file import read_joints_variable
from hourglass.errors import run
from training.options import parse_config
from training.trainer import train

#: Every training is a fork of one process that has imported these.
PRELOADED = [__name__, 'scipy.io', 'matplotlib.figure', 'matplotlib.backends.backend_agg']


def _train(arguments: list[str], stderr: Path) -> None:
    """Do what train.py does, as the leader of a group of processes."""
    os.setpgid(0, 0)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ['/bin/hourglass-train']
    data.lsp.read_in_child = lambda _, path: read_joints_variable(path)  # no process for each training
    run(lambda: train(parse_config(arguments)))


def stat(pid: int) -> tuple[str, int]:
    """Return state and parent of a process; state ``-`` if there is none."""
    try:
        state, parent, *_ = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return '-', 0
    return state, int(parent)


def _is_time(out: Path, iteration: int, while_writing: bool) -> bool:
    found = [int(path.name[14:]) for path in out.glob('snapshot_iter_*')]
    is_writing = any(not path.suffix for path in out.glob('.partial-*'))
    return max(found, default=0) >= iteration and (is_writing or not while_writing)


class Trainings:
    """Runs one training after the other; ``loaders`` are processes that the last one had when it was sent a signal."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.arguments, self.folder = arguments, folder
        self.loaders: list[int] = []
        self.context = multiprocessing.get_context('forkserver')
        self.context.set_forkserver_preload(PRELOADED)

    def train(self, out: Path, *arguments: object, kill: int | None = None, iteration: int = 0,
              while_writing: bool = False, group: bool = False) -> tuple[int | None, str]:
        """Run a training and return its exit status and stderr.

        Args:
            out: its folder.
            arguments: further arguments.
            kill: a signal to send, once, when the time has come.
            iteration: when a snapshot of this iteration or a later one is there.
            while_writing: and while a file is being written.
            group: send the signal to all processes of the training, as a terminal does.
        """
        stderr = self.folder / 'stderr'
        process = self.context.Process(
            target=_train, args=([*self.arguments, '--out', str(out), *map(str, arguments)], stderr))
        process.start()
        while kill is not None and process.is_alive():
            if _is_time(out, iteration, while_writing):
                self.loaders = [pid for pid in map(int, filter(str.isdecimal, os.listdir('/proc')))
                                if stat(pid)[1] == process.pid]
                (os.killpg if group else os.kill)(process.pid, kill)
                break
            time.sleep(0.0005)
        process.join()
        return process.exitcode, stderr.read_text()
