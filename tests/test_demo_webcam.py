from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import demo_webcam
from data.synthetic import demo_person
from hourglass.errors import run
from hourglass.joints import MPII

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('aiohttp', reason='the page needs aiohttp (extra "webcam")')

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, str(ROOT / 'demo_webcam.py')]
Start = Callable[..., tuple[subprocess.Popen, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start demo_webcam.py on a free port; return the process and the page's address."""
    processes = []

    def start_program(*arguments: str) -> tuple[subprocess.Popen, str]:
        process = subprocess.Popen([*PROGRAM, '--model', 'bundled', '--port', '0', *arguments], cwd=tmp_path, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().split()[0]

    yield start_program
    for process in processes:
        process.kill()
        process.communicate()


def test_a_script_gets_the_pose_of_a_picture_and_another_program_no_port(start: Start, tmp_path: Path) -> None:
    _, url = start('--detector', 'hog')
    person = demo_person()
    file = io.BytesIO()
    Image.fromarray(person.image.transpose(1, 2, 0)).save(file, 'PNG')
    request = urllib.request.Request(f'{url}pose?heatmap=all', file.getvalue(), {'Content-Type': 'image/png'})
    answer = json.load(urllib.request.urlopen(request, timeout=30))
    true = dict(zip(MPII.joints, person.points, strict=True))
    torso = np.linalg.norm(true['left shoulder'] - true['right hip'])
    errors = [np.hypot(joint['x'] - true[joint['name']][1], joint['y'] - true[joint['name']][0])
              for joint in answer['people'][0]['joints']]
    assert np.mean(np.array(errors) < 0.2 * torso) >= 0.8, errors
    assert len(base64.b64decode(answer['heatmaps'][0]['values'])) == 40 * 40

    request = urllib.request.Request(f'{url}pose?mode=people&heatmap=all', request.data, request.headers)
    everybody = json.load(urllib.request.urlopen(request, timeout=30))
    assert len(everybody['people']) == len(everybody['heatmaps'])

    port = url.rstrip('/').rsplit(':', 1)[1]
    result = subprocess.run([*PROGRAM, '--port', port], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [f'demo_webcam.py: --port {port}: in use by another program; --port names '
                                          'another']


def _upgrade(url: str) -> socket.socket:
    """Open a live connection by hand."""
    place = url.split('/')[2]
    host, port = place.split(':')
    sock = socket.create_connection((host, int(port)), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(f'GET /live HTTP/1.1\r\nHost: {place}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                 f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n'.encode())
    assert sock.recv(12) == b'HTTP/1.1 101'
    return sock


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_cleanly(start: Start, number: signal.Signals) -> None:
    process, url = start()
    with _upgrade(url) as sock:
        begin = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - begin < 10
        received = b''
        while part := sock.recv(4096):
            received += part
    assert process.returncode == 0, errors
    assert errors.splitlines() == ['ended']
    assert b'the server ends' in received  # the page is told, by a closing frame


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['--port', '70000'], '--port'), (['--port', 'x'], '--port'), (['--host', 'no.such.host.invalid'], '--host'),
    (['--threshold', '2'], '--threshold'), (['--threshold', 'nan'], '--threshold'), (['--max-mb', '0'], '--max-mb'),
    (['--camera', '1'], '--opencv-window'), (['--model', 'missing.npz'], 'missing.npz'), (['--gpu', '99'], '--gpu 99'),
    (['--model', 'bundled', '--snapshot', 'x'], 'not allowed with'), (['--opencv-window', '--port', '9'], '--port'),
    (['--detector', 'nobody'], "no detector 'nobody'"), (['--detector', 'boxes:a.json'], '--detector boxes'),
    (['--opencv-window', '--camera', 'missing.avi'], 'missing.avi: no such file'),
    (['--opencv-window', '--camera', '9' * 11], 'camera 99999999999: no such camera'),
])
def test_a_mistake_is_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str],
    reason: str,
) -> None:
    if '--port' not in arguments and '--opencv-window' not in arguments:
        arguments = ['--port', '0', *arguments]
    if '--model' not in arguments:
        arguments = ['--model', 'bundled', *arguments]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['demo_webcam.py', *arguments])
    monkeypatch.setattr('demos.webcam.window.check_window', lambda: None)
    with pytest.raises(SystemExit) as caught:
        run(demo_webcam.main)
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert reason in errors
    assert len(errors.strip().splitlines()) == 1, errors
    assert not list(tmp_path.iterdir())


def test_help_explains_every_option(tmp_path: Path) -> None:
    result = subprocess.run([*PROGRAM, '--help'], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0
    for option in ('--host', '--port', '--max-mb', '--opencv-window', '--camera', '--model', '--snapshot', '--detector',
                   '--flip', '--threshold', '--gpu'):
        assert option in result.stdout
