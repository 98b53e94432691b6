from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.fetch import ARCHIVES, Archive, fetch_set, unpack
from hourglass.errors import InputError

import pytest

Contents = Callable[[Path], dict[str, bytes]]
Failure = Callable[[Path], str]


def make_zip(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


# What is unpacked.

def test_an_interrupted_unpacking_goes_on(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    path = tmp_path / 'lsp_dataset.zip'
    path.write_bytes(server.content)
    assert unpack(archive, path, tmp_path) == 6
    (tmp_path / 'images' / 'im0002.jpg').unlink()
    (tmp_path / 'images' / 'im0003.jpg').write_bytes(b'half')
    assert unpack(archive, path, tmp_path) == 2
    path.unlink()
    assert contents(tmp_path) == files


def test_a_folder_in_the_archive_is_left_out(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    server.content = make_zip({f'lsp_dataset/{name}': content for name, content in files.items()},
                              zipfile.ZIP_DEFLATED)
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == files


def test_a_part_of_coco(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: Contents) -> None:
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


# Archives that are not to be trusted.

def test_nothing_is_written_outside_the_folder(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents,
) -> None:
    evil = {'../outside.jpg': b'x', '/tmp/outside.jpg': b'x', 'images/../../im0001.jpg': b'x',
            'images/im0001.jpg/../../../outside': b'x', 'visualized/im0001.jpg': b'x', 'images/im0001.jpg.exe': b'x',
            'images\\im0009.jpg': b'x', '__MACOSX/images/im0001.jpg': b'x', 'images/im0001.jpg\n': b'x'}
    server.content = make_zip({**files, **evil})
    fetch_set('lsp', tmp_path / 'root')
    assert contents(tmp_path / 'root') == files
    assert {path.name for path in tmp_path.iterdir()} == {'root'}


def test_a_link_in_the_archive_becomes_no_link(archive: Archive, server: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO(server.content)
    with zipfile.ZipFile(buffer, 'a') as file:
        link = zipfile.ZipInfo('images/im0009.jpg')
        link.external_attr = 0o120777 << 16
        file.writestr(link, '/etc/passwd')
    server.content = buffer.getvalue()
    fetch_set('lsp', tmp_path)
    assert not (tmp_path / 'images' / 'im0009.jpg').is_symlink()
    assert (tmp_path / 'images' / 'im0009.jpg').read_bytes() == b'/etc/passwd'


def test_too_much_is_not_unpacked(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
) -> None:
    server.content = make_zip({**files, 'images/im0009.jpg': bytes(10 ** 6)}, zipfile.ZIP_DEFLATED)
    assert len(server.content) < archive.max_bytes
    assert 'its files have more than 100,000 bytes' in failure(tmp_path)
    assert contents(tmp_path) == {}


def test_a_size_that_is_a_lie_is_no_way_around(archive: Archive, tmp_path: Path, contents: Contents) -> None:
    content = make_zip({'joints.mat': bytes(10 ** 6)}, zipfile.ZIP_DEFLATED)
    lie = content.replace(struct.pack('<I', 10 ** 6), struct.pack('<I', 10))
    assert lie != content
    path = tmp_path / 'lsp_dataset.zip'
    path.write_bytes(lie)
    with pytest.raises(InputError, match=r'lsp_dataset\.zip: cannot be unpacked'):
        unpack(archive, path, tmp_path)
    assert set(contents(tmp_path)) == {'lsp_dataset.zip'}


def test_too_large_an_archive_is_not_downloaded(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
) -> None:
    server.content = make_zip({**files, 'other': bytes(10 ** 5)})
    assert 'more than 100,000 bytes' in failure(tmp_path)
    assert contents(tmp_path) == {}
    (tmp_path / 'lsp_dataset.zip').write_bytes(server.content)
    assert 'lsp_dataset.zip: has more than 100,000 bytes' in failure(tmp_path)


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'not a zip file'), (b'<html>moved</html>', 'not a zip file'),
    (make_zip({'joints.mat': b'MATLAB' * 500})[:-30], 'not a zip file'),
    (make_zip({'readme': b''}), 'none of the files'), (make_zip({}), 'none of the files'),
])
def test_a_wrong_file_does_not_stay(
    archive: Archive, server: Any, tmp_path: Path, content: bytes, reason: str, contents: Contents, failure: Failure,
) -> None:
    server.content = content
    text = failure(tmp_path)
    assert f'{server.url}: what arrived is not the file wanted (' in text
    assert reason in text
    assert contents(tmp_path) == {}


def test_a_damaged_member_is_not_left_half_written(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
) -> None:
    server.content = server.content.replace(files['images/im0003.jpg'], b'\0' * 3000)
    assert 'lsp_dataset.zip: cannot be unpacked (Bad CRC-32' in failure(tmp_path)
    assert set(contents(tmp_path)) == {'images/im0001.jpg', 'images/im0002.jpg', 'lsp_dataset.zip'}


def test_a_wrong_file_brought_by_hand_is_named_and_replaced(
    archive: Archive, server: Any, tmp_path: Path, files: dict[str, bytes], contents: Contents, failure: Failure,
) -> None:
    (tmp_path / 'lsp_dataset.zip').write_bytes(b'damaged')
    server.status = 404
    text = failure(tmp_path)
    assert f'{tmp_path / "lsp_dataset.zip"}: not a zip file' in text
    assert 'HTTP status 404' in text
    assert contents(tmp_path) == {'lsp_dataset.zip': b'damaged'}
    server.status = 200
    fetch_set('lsp', tmp_path)
    assert contents(tmp_path) == files
