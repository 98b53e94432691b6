from __future__ import annotations

import hashlib
import io
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hourglass import transfer
from hourglass.download import Source, cache_folder, fetch, recent_failure
from hourglass.errors import InputError
from pretrained.weights_file import load_model

import gdown  # noqa: F401
import numpy as np
import pytest
from filelock import FileLock


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives before an interruption is kept in whole chunks, so they must be small for a small file."""
    monkeypatch.setattr(transfer, '_CHUNK', 1000)
    monkeypatch.setattr(sys.modules['gdown.download'], 'CHUNK_SIZE', 1000)


@pytest.fixture(params=['https', 'drive'])
def source(request: pytest.FixtureRequest, server: Any, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The server, asked directly and through gdown as if it were Google Drive."""
    monkeypatch.setattr('hourglass.download.DRIVE_URL', server.url + '?id={}')
    monkeypatch.setattr(random, 'uniform', lambda low, high: 0.0)  # gdown waits for a random time before it retries
    return Source('the server', request.param, server.url if request.param == 'https' else 'abc')


def get(*sources: Source, **options: Any) -> Path:
    return fetch('w.npz', sources, load_model, 10 ** 6, **options)


def failure(*sources: Source, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        get(*sources, **options)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def files(cache: Path) -> set[str]:
    return set(os.listdir(cache))


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv('HOURGLASS_CACHE', raising=False)
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    for name, value, expected in (
        ('HOME', str(tmp_path), '.cache/hourglass'), ('XDG_CACHE_HOME', 'relative', '.cache/hourglass'),
        ('XDG_CACHE_HOME', str(tmp_path / 'xdg'), 'xdg/hourglass'), ('HOURGLASS_CACHE', '~/mine', 'mine'),
    ):
        monkeypatch.setenv(name, value)
        assert cache_folder() == tmp_path / expected


def test_cache_folder_that_cannot_be_made(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('HOURGLASS_CACHE', str(tmp_path / 'file'))
    assert 'HOURGLASS_CACHE' in failure(source)


def test_a_file_is_downloaded_once_and_again_if_it_is_damaged(source: Source, server: Any, cache: Path) -> None:
    for _ in range(2):
        assert get(source) == cache / 'w.npz'
    assert (cache / 'w.npz').read_bytes() == server.content
    assert files(cache) == {'w.npz', 'w.npz.sha256'}
    assert len(server.requested) == 1
    (cache / 'w.npz').write_bytes(b'damaged')
    server.says_length = False
    assert get(source).read_bytes() == server.content


def test_interrupted_transfer_resumes_at_once(source: Source, server: Any, cache: Path) -> None:
    server.cuts = [5000, 4000]
    assert get(source).read_bytes() == server.content
    assert [r for r in server.requested if r] == ['bytes=5000-', 'bytes=9000-']
    assert files(cache) == {'w.npz', 'w.npz.sha256'}


def test_interrupted_transfer_resumes_in_the_next_run(source: Source, server: Any, cache: Path) -> None:
    server.cuts = [5000, 0, 0, 0, 0]
    failure(source)
    assert 'w.npz' not in files(cache)
    server.cuts.clear()
    server.requested.clear()
    assert get(source).read_bytes() == server.content
    assert 'bytes=5000-' in server.requested
    assert files(cache) == {'w.npz', 'w.npz.sha256'}


def test_server_without_ranges(server: Any, cache: Path) -> None:
    server.ranges = False
    server.cuts = [5000]
    assert get(Source('the server', 'https', server.url)).read_bytes() == server.content


def test_a_part_may_be_complete(server: Any, cache: Path) -> None:
    cache.mkdir()
    (cache / 'w.npz.https.part').write_bytes(server.content)
    assert get(Source('the server', 'https', server.url)).read_bytes() == server.content
    assert files(cache) == {'w.npz', 'w.npz.sha256'}


def test_part_of_another_file_is_given_up(source: Source, server: Any, cache: Path) -> None:
    cache.mkdir()
    for name in ('w.npz.https.part', 'w.npz.drive12345678.part'):
        (cache / name).write_bytes(b'x' * 3000)
    assert 'not the expected file' in failure(source)
    assert get(source).read_bytes() == server.content


@pytest.mark.parametrize('change', [lambda _: b'<!DOCTYPE html><title>Quota</title>', lambda content: content[:-100]])
def test_a_wrong_file_does_not_stay(source: Source, server: Any, cache: Path, change: Callable[[bytes], bytes]) -> None:
    server.content = change(server.content)
    assert 'the server: not the expected file (' in failure(source)
    assert files(cache) == {'w.npz.failed'}


@pytest.mark.parametrize(('status', 'reason'), [(403, '(the server: HTTP status 403)'), (302, 'redirects')])
def test_status_is_reported(source: Source, server: Any, cache: Path, status: int, reason: str) -> None:
    server.status, server.location = status, server.url
    assert reason in failure(source)


@pytest.mark.parametrize('says_length', [True, False])
def test_size_is_bounded(source: Source, server: Any, cache: Path, says_length: bool) -> None:
    server.content = b'x' * (2 * 10 ** 6)
    server.says_length = says_length
    assert 'more than 1,000,000 bytes' in failure(source)
    assert files(cache) == {'w.npz.failed'}


def test_sources_are_tried_one_after_the_other(server: Any, cache: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]
    sources = (Source('A', 'https', f'http://127.0.0.1:{port}/w.npz'),
               Source('B', 'https', 'https://no-such-host.invalid/w.npz'))
    assert 'A: Connection refused; B: its name cannot be found' in failure(*sources)
    assert get(*sources, Source('C', 'https', server.url)).read_bytes() == server.content
    assert recent_failure('w.npz') is None


def test_server_that_says_nothing(source: Source, server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, 'READ_SECONDS', 0.1)
    server.delay = 0.4
    assert 'the server: no answer in time' in failure(source)


def test_network_that_swallows_everything(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def lead_nowhere(*args: object) -> None:
        waited_for = not ended.wait(60)
        raise AssertionError('the connection was waited for') if waited_for else TimeoutError

    monkeypatch.setattr(socket, 'create_connection', lead_nowhere)
    text = failure(Source('A', 'https', 'https://example.invalid/'), connect_seconds=0.2)
    ended.set()
    assert 'A: no answer in time' in text


def test_encryption_is_not_given_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, 'check_reachable', lambda *args: None)
    answer = SimpleNamespace(url='http://elsewhere.invalid/', headers={})
    monkeypatch.setattr(transfer.requests, 'get', lambda *args, **options: nullcontext(answer))
    assert 'without encryption' in failure(Source('A', 'https', 'https://here.invalid/'))


def _digest(server: Any) -> str:
    return hashlib.sha256(server.content).hexdigest()


def test_checksum_of_the_first_download_is_kept_shown_and_compared(
        source: Source, server: Any, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    get(source)
    assert (cache / 'w.npz.sha256').read_text() == f'{_digest(server)}  w.npz\n'
    assert f'w.npz: SHA-256 {_digest(server)}, kept in ' in capsys.readouterr().err
    (cache / 'w.npz').unlink()
    get(source)
    assert capsys.readouterr().err == '', 'the file is known by now'
    with np.load(io.BytesIO(server.content)) as arrays:
        np.savez(buffer := io.BytesIO(), **{key: arrays[key] for key in reversed(arrays.files)})
    (cache / 'w.npz').unlink()
    first, server.content = _digest(server), buffer.getvalue()
    text = failure(source)
    assert f'its SHA-256 is {_digest(server)}, and that of the first download was {first}' in text
    assert str(cache / 'w.npz.sha256') in text
    assert files(cache) == {'w.npz.sha256', 'w.npz.failed'}
    (cache / 'w.npz.sha256').unlink()
    assert get(source).read_bytes() == server.content


def test_known_checksum_is_compared(source: Source, server: Any, cache: Path) -> None:
    get(source, sha256=_digest(server))
    assert files(cache) == {'w.npz'}, 'nothing need be kept of a file that the project knows'
    assert f'its SHA-256 is {_digest(server)}, not {"0" * 64}' in failure(source, sha256='0' * 64)
    assert 'not 00000000' in failure(source, sha256='0' * 8)
    get(source, sha256=_digest(server)[:8])
    assert files(cache) == {'w.npz', 'w.npz.sha256'}


def test_plain_http_is_only_for_known_files(server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('http_proxy', server.url.removesuffix('/weights.npz'))
    source = Source('A', 'https', 'http://weights.invalid/w.npz')
    assert 'A: not tried, because it has no encryption' in failure(source)
    assert '--insecure' in failure(source, sha256=_digest(server)[:8])
    assert server.requested == []
    assert get(source, sha256=_digest(server)).read_bytes() == server.content
    (cache / 'w.npz').unlink()
    get(source, insecure=True).unlink()
    get(source)  # by now it is known
    assert len(server.requested) == 3


def test_failure_is_remembered_for_an_hour(source: Source, server: Any, cache: Path) -> None:
    assert recent_failure('w.npz') is None
    server.status = 404
    failure(source)
    assert recent_failure('w.npz') == 'the server: HTTP status 404'
    stamp = cache / 'w.npz.failed'
    for age in (3700, -3700):
        os.utime(stamp, (time.time() - age,) * 2)
        assert recent_failure('w.npz') is None
    os.utime(stamp)
    server.status = 200
    get(source)
    assert recent_failure('w.npz') is None


def test_another_process_downloads(source: Source, server: Any, cache: Path) -> None:
    cache.mkdir()
    with FileLock(cache / 'w.npz.lock'):
        assert 'another process' in failure(source, wait_seconds=0.1)
    assert server.requested == []
    assert recent_failure('w.npz') is None
