"""An archive of five images on the file server, which stands for the one of LSP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
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


@pytest.fixture
def server(server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    # What arrives before an interruption is kept in whole chunks.
    monkeypatch.setattr(transfer, '_CHUNK', 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as file:
        for name, content in FILES.items():
            file.writestr(name, content)
    server.content = buffer.getvalue()
    return server


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, server: Any) -> Callable[..., Archive]:
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
