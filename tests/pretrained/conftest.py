"""A server on this machine that delivers a weights file, well or badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hourglass.spec import ModelSpec
from pretrained.weights_file import save_model

import pytest

SMALL = ModelSpec(out_channels=14, n_stack=1, width=4, layer_num=1, joints='lsp', input_size=(32, 32), crop='pad')


@dataclass
class FileServer:
    """What the server does, and what it was asked for.

    Attributes:
        content: the file.
        cuts: after how many bytes of the answer the connection is closed, for the first answers.
        ranges: whether the server can send a part of the file.
        status: the status of an answer.
        says_length: whether the length is announced; without it the end of the connection is the end of the file.
        delay: seconds before an answer.
        location: where requests are sent on to.
        requested: the Range header of every request, '' without one.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    says_length: bool = True
    delay: float = 0.0
    location: str | None = None
    requested: list[str] = field(default_factory=list)
    url: str = ''


def _handler(plan: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            requested = self.headers.get('Range', '')
            plan.requested.append(requested)
            time.sleep(plan.delay)
            start = int(requested.removeprefix('bytes=').rstrip('-')) if requested and plan.ranges else 0
            if start and start >= len(plan.content):
                self.send_response(416)
                self.send_header('Content-Range', f'bytes */{len(plan.content)}')
                self.send_header('Content-Length', '0')
                self.end_headers()
                return
            self.send_response(206 if start else plan.status)
            if start:
                self.send_header('Content-Range', f'bytes {start}-{len(plan.content) - 1}/{len(plan.content)}')
            if plan.location:
                self.send_header('Location', plan.location)
            if plan.says_length:
                self.send_header('Content-Length', str(len(plan.content) - start))
            self.end_headers()
            body = plan.content[start:]
            self.wfile.write(body[:plan.cuts.pop(0)] if plan.cuts else body)

    return Handler


@pytest.fixture(scope='session')
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'small.npz'
    save_model(path, SMALL.build_network(), SMALL)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'cache'))
    # A proxy of the machine would not reach a server in this process.
    for name in ('http_proxy', 'https_proxy', 'all_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / 'cache'


@pytest.fixture
def server(small_weights: Path) -> Iterator[FileServer]:
    plan = FileServer(small_weights.read_bytes())
    http = ThreadingHTTPServer(('127.0.0.1', 0), _handler(plan))
    thread = threading.Thread(target=http.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    plan.url = f'http://127.0.0.1:{http.server_address[1]}/weights.npz'
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()
