"""Downloading and unpacking the data sets that need no login: ``python -m data fetch``.

An interrupted download or unpacking resumes where it stopped, and an archive that was put there by hand is used as it
is.  Of an archive only the files that its entry in :data:`ARCHIVES` describes are unpacked, each of them whole or
not at all.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.check import CHECKS
from hourglass import download
from hourglass.download import Source
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.lock import only_process
from hourglass.wording import counted

from filelock import Timeout
from tqdm import tqdm

_CHUNK = 1024 * 1024
_HIDDEN_LOCK = '.fetch.lock'


@dataclass(frozen=True)
class Archive:
    """A zip file of a data set.

    Attributes:
        name: its file name, also when it is put there by hand.
        urls: where it can be had, tried in this order.
        max_bytes: a larger file is not wanted.
        sha256: of the whole file; ``None`` if it is not known.
        members: regular expression of the members that are unpacked; its group is their path below ``folder``.
        folder: where they are unpacked, below the data root.
        count: how many of them there are.
        max_unpacked: bytes that they may have together.
        split: the split of the set that needs this archive; ``None`` if all do.
    """

    name: str
    urls: tuple[str, ...]
    max_bytes: int
    sha256: str | None
    members: str
    folder: str
    count: int
    max_unpacked: int
    split: str | None = None


def _coco_images(split: str, n_bytes: int, sha256: str, count: int) -> Archive:
    return Archive(f'{split}.zip', (f'http://images.cocodataset.org/zips/{split}.zip',), n_bytes, sha256,
                   rf'({split}/[0-9]{{12}}\.jpg)', 'images', count, 2 * n_bytes, split)


def _leeds(name: str, digits: int, count: int) -> Archive:
    urls = tuple(f'{scheme}://sam.johnson.io/research/{name}' for scheme in ('https', 'http'))
    # Everything may lie in a folder of the archive; pictures with the joints drawn in are left out.
    return Archive(name, urls, 10 ** 9, None,
                   rf'(?:lsp(?:et)?_dataset/)?(images/im[0-9]{{{digits}}}\.jpg|joints\.mat|README\.txt)', '',
                   count + 1, 2 * 10 ** 9)


#: What can be downloaded of each set, in the order in which it is.  COCO publishes no checksums: these are the SHA-256
#: that several independent users of the files have written down.
ARCHIVES: dict[str, tuple[Archive, ...]] = {
    'coco': (
        Archive('annotations_trainval2017.zip',
                ('http://images.cocodataset.org/annotations/annotations_trainval2017.zip',), 252_907_541,
                '113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268',
                r'(annotations/person_keypoints_(?:train|val)2017\.json)', '', 2, 10 ** 9),
        _coco_images('val2017', 815_585_330,
                     '4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05', 5_000),
        _coco_images('train2017', 19_336_861_798,
                     '69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929', 118_287),
    ),
    'lsp': (_leeds('lsp_dataset.zip', 4, 2_000),),
    'lspet': (_leeds('lspet_dataset.zip', 5, 10_000),),
}

#: Sets that the program must not download, and why.
BY_HAND = {'mpii': 'its terms have to be accepted on its page'}


def _count(archive: Archive, base: Path) -> int:
    """Count an archive's files in a folder and in the folders in it."""
    found = 0
    for prefix, folder in (('', base), *((f'{path.name}/', path) for path in base.glob('*') if path.is_dir())):
        if folder.is_dir():
            # A text for people is no part of the set; not every copy has one.
            found += sum(re.fullmatch(archive.members, prefix + name) is not None for name in os.listdir(folder)
                         if name != 'README.txt')
    return found


def _is_unpacked(archive: Archive, root: Path) -> bool:
    # COCO's folders of images may also lie in the root itself.
    return any(_count(archive, base) >= archive.count for base in (root / archive.folder, root))


def _wanted(archive: Archive, content: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members that are unpacked, by their path below the archive's folder."""
    wanted = {match[1]: info for info in content.infolist()
              if not info.is_dir() and (match := re.fullmatch(archive.members, info.filename))}
    if not wanted:
        raise InputError('it holds none of the files that it should')
    if sum(info.file_size for info in wanted.values()) > archive.max_unpacked:
        raise InputError(f'its files have more than {archive.max_unpacked:,} bytes')
    return wanted


def check_archive(archive: Archive, path: Path) -> None:
    """Check that a file has the content wanted; its checksum is compared by the download.

    Raises:
        InputError: it has not; the text names the file and the reason.
    """
    try:
        if path.stat().st_size > archive.max_bytes:
            raise InputError(f'has more than {archive.max_bytes:,} bytes')
        with zipfile.ZipFile(path) as content:
            _wanted(archive, content)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f'{path}: not a zip file that can be read ({_reason(error)})') from None
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or ' '.join(str(error).split()) or type(error).__name__


def get_archive(archive: Archive, root: Path, insecure: bool = False) -> Path:
    """Return an archive of a data root, downloading it if it is not there or is not the one wanted.

    Raises:
        InputError: no address delivered it; the text has the reasons, and says what to put where.
    """
    try:
        return download.fetch(
            archive.name, tuple(Source(url, 'https', url) for url in archive.urls),
            lambda path: check_archive(archive, path), archive.max_bytes, sha256=archive.sha256, folder=root,
            insecure=insecure)
    except InputError as error:
        raise InputError(f'{error}; put it in {root} and run this again, and it is checked and unpacked') from None


def unpack(archive: Archive, path: Path, root: Path) -> int:
    """Unpack an archive below a data root; files that are there with the right size are left as they are.

    Returns:
        Number of files written.

    Raises:
        InputError: the archive is damaged, or the folder cannot be written to.
    """
    written = 0
    try:
        with zipfile.ZipFile(path) as content:
            wanted = _wanted(archive, content)
            # disable=None: shown only where stderr is a terminal.
            with tqdm(desc=f'unpacking {path.name}', total=len(wanted), unit='file', disable=None, leave=False) as bar:
                for name, info in wanted.items():
                    written += _unpack_member(content, info, root / archive.folder / name)
                    bar.update()
    except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        # RuntimeError: encrypted; NotImplementedError, one of them: an unknown compression.
        raise InputError(f'{path}: cannot be unpacked ({_reason(error)})') from None
    return written


def _unpack_member(content: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> bool:
    if target.is_file() and target.stat().st_size == info.file_size:
        return False
    # zipfile reads no more than the size in the archive's list, and checks the CRC at the end.
    with atomic_write(target) as partial, content.open(info) as member, partial.open('wb') as file:
        shutil.copyfileobj(member, file, _CHUNK)
    return True


def fetch_set(
    name: str, root: Path, splits: Sequence[str] | None = None, keep: bool = False, insecure: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Download and unpack what is missing of a data set.

    Args:
        name: a key of :data:`data.check.CHECKS`.
        root: the data root.
        splits: the splits wanted, by default all; only for a set that has ``splits``.
        keep: leave the archives in ``root`` after unpacking.
        insecure: accept plain HTTP for an archive whose checksum is not known.
        say: called with a line about each archive.

    Raises:
        InputError: the set may not be downloaded by a program, an archive cannot be had or unpacked.
    """
    entry = CHECKS[name]
    entry.check_splits(splits)
    if name in BY_HAND:
        if entry.has_annotations(root):
            return  # it has been put there by hand; the check reports what is missing of it
        say(entry.instructions.format(root=root))
        raise InputError(f'{entry.title} is not downloaded by the program ({BY_HAND[name]}): get it from {entry.page} '
                         f'and unpack it in {root}')
    try:
        with only_process(root / _HIDDEN_LOCK, 0):
            for archive in ARCHIVES[name]:
                if splits and archive.split is not None and archive.split not in splits:
                    continue
                if _is_unpacked(archive, root):
                    say(f'{archive.name}: is unpacked already')
                    continue
                path = get_archive(archive, root, insecure)
                say(f'{archive.name}: {counted(unpack(archive, path, root), "file")} unpacked')
                if not keep:
                    path.unlink()
    except Timeout:
        raise InputError(f'{root}: another process is fetching into this folder') from None
    except (OSError, NotImplementedError) as error:
        raise InputError(f'{root}: cannot be written to ({_reason(error)})') from None
