"""Downloading and unpacking a set; an archive of five images on the file server stands for the one of LSP.

The download itself is tested in tests/hourglass/test_download.py.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.fetch import fetch_set, unpack
from data.published import PUBLISHED, Archive
from hourglass.errors import InputError

import pytest

FILES = {f'images/im{i:04d}.jpg': bytes([i]) * 3000 for i in range(1, 6)} | {'joints.mat': b'MATLAB' * 500}


def make_zip(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def failure(root: Path) -> str:
    """Return why LSP cannot be fetched into a folder."""
    with pytest.raises(InputError) as caught:
        fetch_set('lsp', root)
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def server(server: Any, cache: Path) -> Any:
    server.content = make_zip(FILES)
    return server


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, server: Any) -> Callable[..., Archive]:
    """Have LSP's archive come from the server, with the five images that it has there."""
    def change(**changes: Any) -> Archive:
        lsp = PUBLISHED['lsp']
        archive = replace(lsp.archives[0], **{'urls': (server.url,), 'count': len(FILES), 'max_bytes': 10 ** 5,
                                              'max_unpacked': 10 ** 5, **changes})
        monkeypatch.setitem(PUBLISHED, 'lsp', replace(lsp, archives=(archive,)))
        return archive

    return change


@pytest.fixture
def archive(use: Callable[..., Archive]) -> Archive:
    return use()


def test_the_set_arrives_once_and_nothing_else_stays(
    archive: Archive, server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(2):
        fetch_set('lsp', tmp_path / 'LSP')
    assert contents(tmp_path / 'LSP') == FILES
    assert capsys.readouterr().out.splitlines() == [
        'lsp_dataset.zip: 6 files unpacked', 'lsp_dataset.zip: is unpacked already']
    assert len(server.requested) == 1


def test_an_archive_can_be_kept_and_brought_by_hand(archive: Archive, server: Any, tmp_path: Path) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(server.content)
    fetch_set('lsp', tmp_path, keep=True)
    assert server.requested == []
    assert contents(tmp_path) == {**FILES, 'lsp_dataset.zip': server.content}


def test_the_command_allows_plain_http_and_checks_what_it_fetched(
    use: Callable[..., Archive], server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    command: Callable[..., Any],
) -> None:
    monkeypatch.setenv('http_proxy', server.url.rpartition('/')[0])
    use(urls=('http://sam.invalid/lsp_dataset.zip',))
    text = failure(tmp_path)
    assert '--insecure allows it' in text
    assert f'put it in {tmp_path} and run this command again' in text
    result = command('data', 'fetch', 'lsp', '--root', tmp_path, '--insecure')
    assert 'joints.mat: damaged' in result.stderr
    assert 'lsp_dataset.zip: 6 files unpacked' in result.stdout
    assert contents(tmp_path) == FILES


def test_mpii_is_for_its_user_to_get(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match='its terms have to be accepted on its page') as caught:
        fetch_set('mpii', tmp_path / 'MPII')
    assert PUBLISHED['mpii'].page in str(caught.value)
    assert 'mpii_human_pose_v1_u12_2.zip' in capsys.readouterr().out
    assert not (tmp_path / 'MPII').exists()
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'mpii_human_pose_v1_u12_1.mat').write_bytes(b'MATLAB')
    fetch_set('mpii', tmp_path)


def test_an_interrupted_unpacking_is_resumed(archive: Archive, server: Any, tmp_path: Path) -> None:
    path = tmp_path / 'lsp_dataset.zip'
    path.write_bytes(server.content)
    assert unpack(archive, path, tmp_path) == 6
    (tmp_path / 'images' / 'im0002.jpg').unlink()
    (tmp_path / 'images' / 'im0003.jpg').write_bytes(b'half')
    assert unpack(archive, path, tmp_path) == 2
    path.unlink()
    assert contents(tmp_path) == FILES


def test_a_folder_in_the_archive_is_left_out(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.content = make_zip({f'lsp_dataset/{name}': content for name, content in FILES.items()},
                              zipfile.ZIP_DEFLATED)
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == FILES


def test_a_part_of_coco(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {'annotations/person_keypoints_val2017.json': b'{}', 'annotations/person_keypoints_train2017.json': b'{}',
             'annotations/instances_val2017.json': b'{}', 'val2017/000000000139.jpg': b'picture',
             'train2017/000000000009.jpg': b'picture'}
    server.content = make_zip(names)
    tiny = tuple(replace(archive, urls=(server.url,), sha256=None, count=min(archive.count, 2) - (i > 0))
                 for i, archive in enumerate(PUBLISHED['coco'].archives))
    monkeypatch.setitem(PUBLISHED, 'coco', replace(PUBLISHED['coco'], archives=tiny))
    fetch_set('coco', tmp_path, ['val2017'])
    assert set(contents(tmp_path)) == {
        'annotations/person_keypoints_val2017.json', 'annotations/person_keypoints_train2017.json',
        'images/val2017/000000000139.jpg'}
    # The folders of images may lie in the root itself.
    (tmp_path / 'images' / 'val2017').rename(tmp_path / 'val2017')
    server.requested.clear()
    fetch_set('coco', tmp_path)
    assert len(server.requested) == 1
    assert (tmp_path / 'images' / 'train2017' / '000000000009.jpg').read_bytes() == b'picture'
    with pytest.raises(InputError, match="has no split 'test2017'"):
        fetch_set('coco', tmp_path, ['test2017'])


# Archives that are not to be trusted.

def test_nothing_is_written_outside_the_folder(archive: Archive, server: Any, tmp_path: Path) -> None:
    evil = {'../outside.jpg': b'x', '/tmp/outside.jpg': b'x', 'images/../../im0001.jpg': b'x',
            'images/im0001.jpg/../../../outside': b'x', 'visualized/im0001.jpg': b'x', 'images/im0001.jpg.exe': b'x',
            'images\\im0009.jpg': b'x', '__MACOSX/images/im0001.jpg': b'x', 'images/im0001.jpg\n': b'x'}
    server.content = make_zip({**FILES, **evil})
    fetch_set('lsp', tmp_path / 'root')
    assert contents(tmp_path / 'root') == FILES
    assert {path.name for path in tmp_path.iterdir()} == {'root'}


def test_too_much_is_not_unpacked(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.content = make_zip({**FILES, 'images/im0009.jpg': bytes(10 ** 6)}, zipfile.ZIP_DEFLATED)
    assert len(server.content) < archive.max_bytes
    assert 'its files have more than 100,000 bytes' in failure(tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(('content', 'reason'), [
    (b'<html>moved</html>', 'not a zip file'), (make_zip({'README.txt': b''}), 'none of the files'),
    (make_zip({**FILES, 'other': bytes(10 ** 5)}), 'more than 100,000 bytes'),
])
def test_a_wrong_file_does_not_stay(archive: Archive, server: Any, tmp_path: Path, content: bytes, reason: str) -> None:
    server.content = content
    assert reason in failure(tmp_path)
    assert contents(tmp_path) == {}


def test_a_damaged_member_is_not_left_half_written(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.content = server.content.replace(FILES['images/im0003.jpg'], b'\0' * 3000)
    assert 'lsp_dataset.zip: cannot be unpacked (Bad CRC-32' in failure(tmp_path)
    assert set(contents(tmp_path)) == {'images/im0001.jpg', 'images/im0002.jpg', 'lsp_dataset.zip'}


def test_a_wrong_file_brought_by_hand_is_named_and_replaced(archive: Archive, server: Any, tmp_path: Path) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(b'damaged')
    server.status = 404
    text = failure(tmp_path)
    assert f'{tmp_path / "lsp_dataset.zip"}: not a zip file' in text
    assert 'HTTP status 404' in text
    server.status = 200
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == FILES
