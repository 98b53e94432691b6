from __future__ import annotations

import hashlib
import io
import socket
import struct
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from data.__main__ import main
from data.check import CHECKS
from data.fetch import ARCHIVES, BY_HAND, Archive, fetch_set, unpack
from hourglass.errors import InputError
from pretrained import transfer

import pytest
from filelock import FileLock

FILES = {f'images/im{i:04d}.jpg': bytes([i]) * 3000 for i in range(1, 6)} | {'joints.mat': b'MATLAB' * 500}


def make_zip(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


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
    plan = Server(make_zip(FILES))
    http = ThreadingHTTPServer(('127.0.0.1', 0), plan.handler())
    thread = threading.Thread(target=http.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    plan.url = f'http://127.0.0.1:{http.server_address[1]}/lsp_dataset.zip'
    yield plan
    http.shutdown()
    http.server_close()
    thread.join()


def use(monkeypatch: pytest.MonkeyPatch, server: Server, **changes: object) -> Archive:
    """Have LSP's archive come from the server, with the five images that it has there."""
    archive = replace(ARCHIVES['lsp'][0], urls=(server.url,), count=len(FILES), **changes)
    monkeypatch.setitem(ARCHIVES, 'lsp', (archive,))
    return archive


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, server: Server) -> Archive:
    return use(monkeypatch, server, max_bytes=10 ** 5, max_unpacked=10 ** 5)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def failure(root: Path) -> str:
    with pytest.raises(InputError) as caught:
        fetch_set('lsp', root, say=lambda line: None)
    assert '\n' not in str(caught.value)
    return str(caught.value)


# What works.

def test_the_set_arrives_and_nothing_else_stays(archive: Archive, tmp_path: Path) -> None:
    said: list[str] = []
    fetch_set('lsp', tmp_path / 'LSP', say=said.append)
    assert contents(tmp_path / 'LSP') == FILES
    assert said == ['lsp_dataset.zip: 6 files unpacked']


def test_the_second_time_nothing_is_asked_for(archive: Archive, server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        fetch_set('lsp', tmp_path, say=said.append)
    assert len(server.requested) == 1
    assert said[1] == 'lsp_dataset.zip: is unpacked already'


def test_a_text_for_people_does_not_stand_for_a_missing_image(archive: Archive, server: Server, tmp_path: Path) -> None:
    fetch_set('lsp', tmp_path, say=lambda line: None)
    next(tmp_path.rglob('*.jpg')).unlink()
    (tmp_path / 'README.txt').write_text('about the set')
    fetch_set('lsp', tmp_path, say=lambda line: None)
    assert len(list(tmp_path.rglob('*.jpg'))) == len(FILES) - 1


def test_the_archive_can_be_kept(archive: Archive, server: Server, tmp_path: Path) -> None:
    fetch_set('lsp', tmp_path, keep=True)
    assert contents(tmp_path) == {**FILES, 'lsp_dataset.zip': server.content}


def test_an_archive_brought_by_hand_is_used(archive: Archive, server: Server, tmp_path: Path) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(server.content)
    fetch_set('lsp', tmp_path)
    assert server.requested == []
    assert contents(tmp_path) == FILES


def test_an_interrupted_download_goes_on_at_once(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.cuts = [5000, 4000]
    fetch_set('lsp', tmp_path)
    assert server.requested == ['', 'bytes=5000-', 'bytes=9000-']
    assert contents(tmp_path) == FILES


def test_an_interrupted_download_goes_on_in_the_next_run(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.cuts = [5000, 0, 0]
    assert 'the connection' in failure(tmp_path)
    assert set(contents(tmp_path)) == {'lsp_dataset.zip.https.part'}
    server.requested.clear()
    fetch_set('lsp', tmp_path)
    assert server.requested == ['bytes=5000-']
    assert contents(tmp_path) == FILES


def test_an_interrupted_unpacking_goes_on(archive: Archive, server: Server, tmp_path: Path) -> None:
    path = tmp_path / 'lsp_dataset.zip'
    path.write_bytes(server.content)
    assert unpack(archive, path, tmp_path) == 6
    (tmp_path / 'images' / 'im0002.jpg').unlink()
    (tmp_path / 'images' / 'im0003.jpg').write_bytes(b'half')
    assert unpack(archive, path, tmp_path) == 2
    path.unlink()
    assert contents(tmp_path) == FILES


def test_a_folder_in_the_archive_is_left_out(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.content = make_zip({f'lsp_dataset/{name}': content for name, content in FILES.items()},
                              zipfile.ZIP_DEFLATED)
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == FILES


def test_the_next_address_is_tried(
    archive: Archive, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ARCHIVES, 'lsp', (replace(archive, urls=('http://no-such-host.invalid/', server.url)),))
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == FILES


def test_a_known_checksum_is_compared(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, sha256=hashlib.sha256(server.content).hexdigest())
    fetch_set('lsp', tmp_path / 'right')
    assert contents(tmp_path / 'right') == FILES
    use(monkeypatch, server, sha256='0' * 64)
    assert f'what arrived is not the file wanted: its SHA-256 is not {"0" * 64}' in failure(tmp_path / 'wrong')
    assert contents(tmp_path / 'wrong') == {}


# Archives that are not to be trusted.

def test_nothing_is_written_outside_the_folder(archive: Archive, server: Server, tmp_path: Path) -> None:
    evil = {'../outside.jpg': b'x', '/tmp/outside.jpg': b'x', 'images/../../im0001.jpg': b'x',
            'images/im0001.jpg/../../../outside': b'x', 'visualized/im0001.jpg': b'x', 'images/im0001.jpg.exe': b'x',
            'images\\im0009.jpg': b'x', '__MACOSX/images/im0001.jpg': b'x', 'images/im0001.jpg\n': b'x'}
    server.content = make_zip({**FILES, **evil})
    fetch_set('lsp', tmp_path / 'root')
    assert contents(tmp_path / 'root') == FILES
    assert {path.name for path in tmp_path.iterdir()} == {'root'}


def test_a_link_in_the_archive_becomes_no_link(archive: Archive, server: Server, tmp_path: Path) -> None:
    buffer = io.BytesIO(server.content)
    with zipfile.ZipFile(buffer, 'a') as file:
        link = zipfile.ZipInfo('images/im0009.jpg')
        link.external_attr = 0o120777 << 16
        file.writestr(link, '/etc/passwd')
    server.content = buffer.getvalue()
    fetch_set('lsp', tmp_path)
    assert not (tmp_path / 'images' / 'im0009.jpg').is_symlink()
    assert (tmp_path / 'images' / 'im0009.jpg').read_bytes() == b'/etc/passwd'


def test_too_much_is_not_unpacked(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.content = make_zip({**FILES, 'images/im0009.jpg': bytes(10 ** 6)}, zipfile.ZIP_DEFLATED)
    assert len(server.content) < archive.max_bytes
    assert 'its files have more than 100,000 bytes' in failure(tmp_path)
    assert contents(tmp_path) == {}


def test_a_size_that_is_a_lie_is_no_way_around(archive: Archive, tmp_path: Path) -> None:
    content = make_zip({'joints.mat': bytes(10 ** 6)}, zipfile.ZIP_DEFLATED)
    lie = content.replace(struct.pack('<I', 10 ** 6), struct.pack('<I', 10))
    assert lie != content
    path = tmp_path / 'lsp_dataset.zip'
    path.write_bytes(lie)
    with pytest.raises(InputError, match=r'lsp_dataset\.zip: cannot be unpacked'):
        unpack(archive, path, tmp_path)
    assert set(contents(tmp_path)) == {'lsp_dataset.zip'}


def test_too_large_an_archive_is_not_downloaded(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.content = make_zip({**FILES, 'other': bytes(10 ** 5)})
    assert 'more than 100,000 bytes' in failure(tmp_path)
    assert contents(tmp_path) == {}
    (tmp_path / 'lsp_dataset.zip').write_bytes(server.content)
    assert 'lsp_dataset.zip: has more than 100,000 bytes' in failure(tmp_path)


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'not a zip file'), (b'<html>moved</html>', 'not a zip file'), (make_zip(FILES)[:-30], 'not a zip file'),
    (make_zip({'readme': b''}), 'none of the files'), (make_zip({}), 'none of the files'),
])
def test_a_wrong_file_does_not_stay(
    archive: Archive, server: Server, tmp_path: Path, content: bytes, reason: str,
) -> None:
    server.content = content
    text = failure(tmp_path)
    assert f'{server.url}: what arrived is not the file wanted: ' in text
    assert reason in text
    assert contents(tmp_path) == {}


def test_a_damaged_member_is_not_left_half_written(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.content = server.content.replace(FILES['images/im0003.jpg'], b'\0' * 3000)
    assert 'lsp_dataset.zip: cannot be unpacked (Bad CRC-32' in failure(tmp_path)
    assert set(contents(tmp_path)) == {'images/im0001.jpg', 'images/im0002.jpg', 'lsp_dataset.zip'}


def test_a_wrong_file_brought_by_hand_is_named_and_replaced(archive: Archive, server: Server, tmp_path: Path) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(b'damaged')
    server.status = 404
    text = failure(tmp_path)
    assert f'{tmp_path / "lsp_dataset.zip"}: not a zip file' in text
    assert 'HTTP status 404' in text
    assert contents(tmp_path) == {'lsp_dataset.zip': b'damaged'}
    server.status = 200
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == FILES


# Where it cannot work.

def test_without_a_network_one_line_says_what_to_put_where(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        closed = f'http://127.0.0.1:{s.getsockname()[1]}/a.zip'
    monkeypatch.setitem(ARCHIVES, 'lsp', (replace(archive, urls=(closed, 'http://no-such-host.invalid/a.zip')),))
    monkeypatch.setattr(sys, 'argv', ['data', 'fetch', 'lsp', '--root', str(tmp_path)])
    with pytest.raises(InputError) as caught:
        main()
    text = str(caught.value)
    assert text.startswith(f'lsp_dataset.zip could not be downloaded ({closed}: Connection refused; '
                           'http://no-such-host.invalid/a.zip: its name is not known')
    assert f'put it in {tmp_path} and run this again' in text
    assert '\n' not in text
    assert contents(tmp_path) == {}


def test_a_folder_that_cannot_be_made(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    assert 'cannot be written to' in failure(tmp_path / 'file')


def test_two_processes_do_not_mix(archive: Archive, tmp_path: Path) -> None:
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


def test_a_part_of_coco(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {'annotations/person_keypoints_val2017.json': b'{}', 'annotations/person_keypoints_train2017.json': b'{}',
             'annotations/instances_val2017.json': b'{}', 'val2017/000000000139.jpg': b'picture',
             'train2017/000000000009.jpg': b'picture'}
    server.content = make_zip(names)
    tiny = tuple(replace(archive, urls=(server.url,), sha256=None, count=min(archive.count, 2) - (i > 0))
                 for i, archive in enumerate(ARCHIVES['coco']))
    monkeypatch.setitem(ARCHIVES, 'coco', tiny)
    fetch_set('coco', tmp_path, ['val2017'])
    assert set(contents(tmp_path)) == {
        'annotations/person_keypoints_val2017.json', 'annotations/person_keypoints_train2017.json',
        'images/val2017/000000000139.jpg'}
    # Somebody may have the folders of images in the root itself.
    (tmp_path / 'images' / 'val2017').rename(tmp_path / 'val2017')
    server.requested.clear()
    fetch_set('coco', tmp_path)
    assert len(server.requested) == 1
    assert (tmp_path / 'images' / 'train2017' / '000000000009.jpg').read_bytes() == b'picture'
    with pytest.raises(InputError, match="has no split 'test2017'"):
        fetch_set('coco', tmp_path, ['test2017'])


def test_the_command_checks_what_it_fetched(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, 'argv', ['data', 'fetch', 'lsp', '--root', str(tmp_path)])
    with pytest.raises(InputError, match=r'joints\.mat: not a MATLAB file'):
        main()
    assert 'lsp_dataset.zip: 6 files unpacked' in capsys.readouterr().out
