"""A server on this machine that stands for the one of LSP, with an archive of five images."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from data.fetch import ARCHIVES, Archive, fetch_set
from hourglass import transfer
from hourglass.errors import InputError

import pytest

FILES = {f'images/im{i:04d}.jpg': bytes([i]) * 3000 for i in range(1, 6)} | {'joints.mat': b'MATLAB' * 500}


@pytest.fixture
def files() -> dict[str, bytes]:
    """What is in the archive."""
    return FILES


@dataclass
class Server:
    """Delivers one file; the first answers end after ``cuts`` bytes."""

    content: bytes
    cuts: list[int] = field(default_factory=list)
    status: int = 200
    requested: list[str] = field(default_factory=list)
    url: str = ''

    def handler(self) -> type[BaseHTTPRequestHandler]:
        plan = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                requested = self.headers.get('Range', '')
                plan.requested.append(requested)
                start = int(requested.removeprefix('bytes=').rstrip('-')) if requested else 0
                self.send_response(206 if start else plan.status)
                self.send_header('Content-Length', str(len(plan.content) - start))
                if start:
                    self.send_header('Content-Range', f'bytes {start}-{len(plan.content) - 1}/{len(plan.content)}')
                self.end_headers()
                body = plan.content[start:]
                self.wfile.write(body[:plan.cuts.pop(0)] if plan.cuts else body)

        return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # What arrives before an interruption is kept in whole chunks; a proxy would not reach this process.
    monkeypatch.setattr(transfer, '_CHUNK', 1000)
    for name in ('http_proxy', 'all_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as file:
        for name, content in FILES.items():
            file.writestr(name, content)
    plan = Server(buffer.getvalue())
    http = ThreadingHTTPServer(('127.0.0.1', 0), plan.handler())
    thread = threading.Thread(target=http.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    plan.url = f'http://127.0.0.1:{http.server_address[1]}/lsp_dataset.zip'
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, server: Server) -> Callable[..., Archive]:
    """Have LSP's archive come from the server, with the five images that it has there."""
    def change(**changes: Any) -> Archive:
        archive = replace(ARCHIVES['lsp'][0], urls=(server.url,), count=len(FILES), **changes)
        monkeypatch.setitem(ARCHIVES, 'lsp', (archive,))
        return archive

    return change


@pytest.fixture
def archive(use: Callable[..., Archive]) -> Archive:
    return use(max_bytes=10 ** 5, max_unpacked=10 ** 5)


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Read all files of a folder."""
    def read(root: Path) -> dict[str, bytes]:
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}

    return read


@pytest.fixture
def failure() -> Callable[[Path], str]:
    """Return what is said when LSP cannot be fetched into a folder."""
    def fail(root: Path) -> str:
        with pytest.raises(InputError) as caught:
            fetch_set('lsp', root, say=lambda line: None)
        assert '\n' not in str(caught.value)
        return str(caught.value)

    return fail
