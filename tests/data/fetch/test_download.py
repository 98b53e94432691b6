from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.__main__ import main
from data.check import CHECKS
from data.fetch import ARCHIVES, BY_HAND, Archive, fetch_set
from hourglass.errors import InputError

import pytest
from filelock import FileLock

Contents = Callable[[Path], dict[str, bytes]]
Failure = Callable[[Path], str]


# What works.

def test_the_set_arrives_and_nothing_else_stays(
    archive: Archive, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    said: list[str] = []
    fetch_set('lsp', tmp_path / 'LSP', say=said.append)
    assert contents(tmp_path / 'LSP') == files
    assert said == ['lsp_dataset.zip: 6 files unpacked']


def test_the_second_time_nothing_is_asked_for(archive: Archive, server: Any, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        fetch_set('lsp', tmp_path, say=said.append)
    assert len(server.requested) == 1
    assert said[1] == 'lsp_dataset.zip: is unpacked already'


def test_a_text_for_people_does_not_stand_for_a_missing_image(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes],
) -> None:
    fetch_set('lsp', tmp_path, say=lambda line: None)
    next(tmp_path.rglob('*.jpg')).unlink()
    (tmp_path / 'README.txt').write_text('about the set')
    fetch_set('lsp', tmp_path, say=lambda line: None)
    assert len(list(tmp_path.rglob('*.jpg'))) == len(files) - 1


def test_the_archive_can_be_kept(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    fetch_set('lsp', tmp_path, keep=True)
    assert contents(tmp_path) == {**files, 'lsp_dataset.zip': server.content}


def test_an_archive_brought_by_hand_is_used(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(server.content)
    fetch_set('lsp', tmp_path)
    assert server.requested == []
    assert contents(tmp_path) == files


def test_an_interrupted_download_is_resumed_in_the_next_run(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
) -> None:
    server.cuts = [5000, 0, 0]
    assert 'the connection' in failure(tmp_path)
    assert set(contents(tmp_path)) == {'lsp_dataset.zip.https.part'}
    server.requested.clear()
    fetch_set('lsp', tmp_path)
    assert server.requested == ['bytes=5000-']
    assert contents(tmp_path) == files


def test_a_known_checksum_is_compared(
    server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
    use: Callable[..., Archive],
) -> None:
    use(sha256=hashlib.sha256(server.content).hexdigest())
    fetch_set('lsp', tmp_path / 'right')
    assert contents(tmp_path / 'right') == files
    use(sha256='0' * 64)
    assert f'its SHA-256 is {hashlib.sha256(server.content).hexdigest()}, not {"0" * 64}' in failure(tmp_path / 'wrong')
    assert contents(tmp_path / 'wrong') == {}


def test_plain_http_has_to_be_allowed(
    archive: Archive, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Failure,
    contents: Contents, files: dict[str, bytes],
) -> None:
    monkeypatch.setenv('http_proxy', server.url.rpartition('/')[0])
    monkeypatch.setitem(ARCHIVES, 'lsp', (replace(archive, urls=('http://sam.invalid/lsp_dataset.zip',)),))
    assert '--insecure allows it' in failure(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['data', 'fetch', 'lsp', '--root', str(tmp_path), '--insecure'])
    with pytest.raises(InputError, match=r'joints\.mat: damaged, or not a MATLAB file'):
        main()
    assert contents(tmp_path) == files


# Where it cannot work.

def test_without_a_network_one_line_says_what_to_put_where(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: Contents,
) -> None:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        closed = f'http://127.0.0.1:{s.getsockname()[1]}/a.zip'
    monkeypatch.setitem(ARCHIVES, 'lsp', (replace(archive, urls=(closed, 'https://no-such-host.invalid/a.zip')),))
    monkeypatch.setattr(sys, 'argv', ['data', 'fetch', 'lsp', '--root', str(tmp_path)])
    with pytest.raises(InputError) as caught:
        main()
    text = str(caught.value)
    assert text.startswith(f'lsp_dataset.zip could not be downloaded ({closed}: Connection refused; '
                           'https://no-such-host.invalid/a.zip: its name is not known')
    assert f'put it in {tmp_path} and run this again' in text
    assert '\n' not in text
    assert contents(tmp_path) == {}


def test_a_folder_that_cannot_be_made(archive: Archive, tmp_path: Path, failure: Failure) -> None:
    (tmp_path / 'file').write_text('')
    assert 'cannot be written to' in failure(tmp_path / 'file')


def test_two_processes_do_not_mix(archive: Archive, tmp_path: Path, failure: Failure) -> None:
    with FileLock(tmp_path / '.fetch.lock'):
        assert failure(tmp_path) == f'{tmp_path}: another process is fetching into this folder'


def test_mpii_is_for_its_user_to_get(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match='its terms have to be accepted on its page') as caught:
        fetch_set('mpii', tmp_path / 'MPII')
    assert CHECKS['mpii'].page in str(caught.value)
    assert 'mpii_human_pose_v1_u12_2.zip' in capsys.readouterr().out
    assert not (tmp_path / 'MPII').exists()
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'mpii_human_pose_v1_u12_1.mat').write_bytes(b'MATLAB')
    fetch_set('mpii', tmp_path)


# The table.

def test_every_set_is_downloaded_or_explained() -> None:
    assert set(ARCHIVES) | set(BY_HAND) == set(CHECKS)
    assert not set(ARCHIVES) & set(BY_HAND)
    for name, archives in ARCHIVES.items():
        for archive in archives:
            assert all(url.rsplit('/', 1)[1] == archive.name for url in archive.urls)
            assert archive.urls[-1] in CHECKS[name].instructions
            assert archive.sha256 is None or len(archive.sha256) == 64
            assert archive.split is None or archive.split in CHECKS[name].splits


def test_the_command_checks_what_it_fetched(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'fetch', 'lsp', '--root', str(tmp_path)])
    with pytest.raises(InputError, match=r'joints\.mat: damaged, or not a MATLAB file'):
        main()
    assert 'lsp_dataset.zip: 6 files unpacked' in capsys.readouterr().out
