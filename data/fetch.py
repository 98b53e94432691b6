"""Download and unpack the data sets that need no login: ``python -m data fetch``.

An interrupted download or unpacking resumes where it stopped, and an archive in the folder is used and not downloaded.
Only the files that an :class:`~data.published.Archive` describes are unpacked, each of them whole or not at all.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from data.mpii.dataset import has_annotations
from data.published import PUBLISHED, Archive
from hourglass import download
from hourglass.download import Source
from hourglass.errors import InputError
from hourglass.files import atomic_write
from hourglass.wording import counted

from tqdm import tqdm

_CHUNK = 1024 * 1024


def _is_unpacked(archive: Archive, root: Path) -> bool:
    # COCO's folders of images may also lie in the root itself.
    for base in (root / archive.folder, root):
        names = (path.relative_to(base).as_posix() for pattern in ('*', '*/*') for path in base.glob(pattern))
        if sum(re.fullmatch(archive.members, name) is not None for name in names) >= archive.count:
            return True
    return False


def _wanted(archive: Archive, path: Path, content: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members that are unpacked, by their path below the archive's folder."""
    wanted = {match[1]: info for info in content.infolist()
              if not info.is_dir() and (match := re.fullmatch(archive.members, info.filename))}
    if not wanted:
        raise InputError(f'{path}: has none of the files of the data set')
    if sum(info.file_size for info in wanted.values()) > archive.max_unpacked:
        raise InputError(f'{path}: its files have more than {archive.max_unpacked:,} bytes')
    return wanted


def _check_archive(archive: Archive, path: Path) -> None:
    """Check that a file has the content wanted; its checksum is compared by the download."""
    try:
        if path.stat().st_size > archive.max_bytes:
            raise InputError(f'{path}: has more than {archive.max_bytes:,} bytes')
        with zipfile.ZipFile(path) as content:
            _wanted(archive, path, content)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f'{path}: not a zip file that can be read ({_reason(error)})') from None


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or ' '.join(str(error).split()) or type(error).__name__


def _get_archive(archive: Archive, root: Path, insecure: bool) -> Path:
    """Return an archive of a data root, downloading it if it is missing or is another file."""
    try:
        return download.fetch(
            archive.name, tuple(Source(url, 'https', url) for url in archive.urls),
            lambda path: _check_archive(archive, path), archive.max_bytes, sha256=archive.sha256, folder=root,
            insecure=insecure)
    except InputError as error:
        raise InputError(f'{error}; or put it in {root} and run this command again, which checks and unpacks '
                         'it') from None


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
            wanted = _wanted(archive, path, content)
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
) -> None:
    """Download and unpack what is missing of a data set.

    Args:
        name: a key of :data:`data.published.PUBLISHED`.
        root: the data root.
        splits: the splits wanted, by default all; only for a set that has ``splits``.
        keep: leave the archives in ``root`` after unpacking.
        insecure: accept plain HTTP for an archive whose checksum is not known.

    Raises:
        InputError: the set may not be downloaded by a program, an archive cannot be downloaded or unpacked.
    """
    published = PUBLISHED[name]
    published.check_splits(splits)
    if published.by_hand:
        if has_annotations(root):
            return  # the check reports what is missing
        print(published.instructions(root))
        raise InputError(f'{published.title} is not downloaded by the program ({published.by_hand}): get it from '
                         f'{published.page} and unpack it in {root}')
    for archive in published.archives:
        if splits and archive.split is not None and archive.split not in splits:
            continue
        if _is_unpacked(archive, root):
            print(f'{archive.name}: is unpacked already')
            continue
        path = _get_archive(archive, root, insecure)
        print(f'{archive.name}: {counted(unpack(archive, path, root), "file")} unpacked')
        if not keep:
            path.unlink()
