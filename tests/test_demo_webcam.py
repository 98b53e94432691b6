from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data.synthetic import demo_person
from demos.webcam.config import WebcamConfig
from demos.webcam.start import parse_webcam_options, serve_page, show_window
from hourglass.errors import InputError
from tests.child import ROOT, run_python
from tests.stand_ins import correct_joints, picture_bytes

import aiohttp
import pytest

Start = Callable[..., tuple[subprocess.Popen, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start demo_webcam.py on a free port; return the process and the page's address."""
    processes = []

    def start_program(*arguments: str) -> tuple[subprocess.Popen, str]:
        process = subprocess.Popen([sys.executable, ROOT / 'demo_webcam.py', '--model', 'bundled', '--port', '0',
                                    *arguments], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        processes.append(process)
        return process, process.stdout.readline().split()[0]

    yield start_program
    for process in processes:
        process.kill()
        process.communicate()


def test_a_script_gets_the_pose_of_a_picture_and_another_program_no_port(start: Start, tmp_path: Path) -> None:
    _, url = start()
    person = demo_person()
    request = urllib.request.Request(f'{url}pose?heatmap=all', picture_bytes(person.image.transpose(1, 2, 0)))
    answer = json.load(urllib.request.urlopen(request, timeout=120))
    assert correct_joints(answer['people'][0]['joints'], person.points) >= 0.8
    assert len(base64.b64decode(answer['heatmaps'][0]['values'])) == 48 * 48

    request = urllib.request.Request(f'{url}pose?mode=people&heatmap=all', request.data)
    people = json.load(urllib.request.urlopen(request, timeout=120))
    assert len(people['people']) == len(people['heatmaps'])

    port = url.rstrip('/').rsplit(':', 1)[1]
    result = run_python(ROOT / 'demo_webcam.py', '--port', port, cwd=tmp_path)
    assert result.returncode == 2
    line, = result.stderr.splitlines()
    assert line.startswith(f'demo_webcam.py: --host 127.0.0.1 --port {port}: ')


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_cleanly(start: Start, number: signal.Signals) -> None:
    process, url = start()

    async def end() -> str:
        """End the program with a page open, and return the reason that the page gets."""
        async with aiohttp.ClientSession() as session, session.ws_connect(f'{url}live') as live:
            await live.receive()
            process.send_signal(number)
            return (await live.receive(timeout=120)).extra

    assert asyncio.run(end()) == 'the server ends'
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors.splitlines() == ['ended']


def _run(config: WebcamConfig) -> None:
    (show_window if config.opencv_window else serve_page)(config)


@pytest.mark.parametrize(('values', 'reason'), [
    ({'port': 70000}, '--port must'), ({'host': 'no.such.host.invalid'}, '--host'),
    ({'camera': '1'}, '--camera is for --opencv-window'), ({'model': 'missing.npz'}, 'missing.npz'),
    ({'opencv_window': True, 'port': 9}, '--max-mb are for the page'),
    ({'opencv_window': True, 'max_mb': 9}, '--max-mb are for the page'),
    ({'detector': 'nobody'}, "no detector 'nobody'"), ({'detector': 'boxes:a.json'}, '--detector boxes'),
    ({'opencv_window': True, 'camera': 'missing.avi'}, 'missing.avi: cannot be opened'),
])
def test_mistakes_name_the_file_or_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('demos.webcam.window.check_window', lambda: None)
    port = {} if 'port' in values or 'opencv_window' in values else {'port': 0}
    with pytest.raises(InputError, match=reason):
        _run(WebcamConfig(**{'model': 'bundled', **port, **values}))
    assert not list(tmp_path.iterdir())


def test_the_command_line_fills_the_settings() -> None:
    assert parse_webcam_options('', ['--port', '0', '--max-mb', '2', '--flip']) == WebcamConfig(
        port=0, max_mb=2, flip=True)
