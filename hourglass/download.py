"""Downloads from several sources, resumed, checked before use, one process at a time; and the cache folder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hourglass.errors import InputError
from hourglass.files import sha256_of, write_bytes
from hourglass.lock import only_process

#: Seconds for which :func:`recent_failure` remembers that a download failed.
FAILURE_SECONDS = 3600
DRIVE_URL = 'https://drive.google.com/uc?id={}'
_THIS_MACHINE = ('localhost', '127.0.0.1', '::1')


class TransferError(Exception):
    """A source did not deliver; the text is the reason, without the source."""


@dataclass(frozen=True)
class Source:
    """A place from which a file can be downloaded.

    Attributes:
        title: name of the place, for messages.
        kind: ``drive`` (Google Drive) or ``https``.
        address: the file's id on Google Drive, or its URL.
    """

    title: str
    kind: str
    address: str

    @property
    def url(self) -> str:
        return DRIVE_URL.format(self.address) if self.kind == 'drive' else self.address


def cache_folder() -> Path:
    """Return the folder of downloaded files; it need not exist."""
    try:
        if folder := os.environ.get('HOURGLASS_CACHE'):
            return Path(folder).expanduser()
        # By the standard of this variable, relative paths are ignored.
        base = Path(os.environ.get('XDG_CACHE_HOME', ''))
        return (base if base.is_absolute() else Path('~/.cache').expanduser()) / 'hourglass'
    except RuntimeError as error:
        raise InputError(f'no folder for downloads ({error}); HOURGLASS_CACHE sets one') from None


def recent_failure(name: str) -> str | None:
    """Return why a download of the last hour failed, so that a program does not wait for it again and again."""
    stamp = _failure_stamp(name)
    try:
        is_recent = 0 <= time.time() - stamp.stat().st_mtime < FAILURE_SECONDS
        return stamp.read_text('utf-8', 'replace')[:1000] if is_recent else None
    except OSError:
        return None


def check_digest(name: str, path: Path, sha256: str | None) -> str:
    """Return the SHA-256 of a downloaded file, after comparing it with what is known of the file.

    Args:
        name: the file's name in the cache folder, where the checksum of its first download is kept.
        path: the file.
        sha256: its checksum, or the first digits of it, where the project knows them.

    Raises:
        InputError: the checksum is another.
    """
    digest = sha256_of(path)
    if not digest.startswith(sha256 or ''):
        raise InputError(f'{path}: its SHA-256 is {digest}, not {sha256}')
    if (first := _kept_digest(name)) not in (None, digest):
        raise InputError(f'{path}: its SHA-256 is {digest}, and that of the first download was {first} '
                         f'({_digest_file(name)}; remove this to accept another file)')
    return digest


def fetch(
    name: str, sources: tuple[Source, ...], check: Callable[[Path], object], max_bytes: int, *,
    sha256: str | None = None, folder: Path | None = None, insecure: bool = False, connect_seconds: float = 10.0,
    wait_seconds: float = 600.0,
) -> Path:
    """Return a file, downloading it if it is not there or does not pass its check.

    An interrupted download resumes where it stopped, now or in the next run.  Where the project does not know the
    checksum of a file, that of the first download is kept in the cache folder, shown, and compared from then on.

    Args:
        name: the file's name.
        sources: places to download it from, tried in this order.
        check: called with the path of what was downloaded; raises ``InputError`` if that is not the file wanted.
        max_bytes: a larger file is not wanted.
        sha256: checksum of the file, or its first digits, where they are known.
        folder: where the file belongs, by default the cache folder.
        insecure: accept a server without encryption (plain HTTP) also for a file whose checksum is not known.
        connect_seconds: time to reach each of the servers.
        wait_seconds: time to wait for another process that is downloading the same file.

    Raises:
        InputError: the folder cannot be written, another process takes too long, or no source delivered; then the
            text has the reason for each of them.
    """
    from hourglass import transfer  # only here: what is there already needs no network

    target = (folder or cache_folder()) / name

    def accept(path: Path) -> str:
        digest = check_digest(name, path, sha256)
        check(path)
        return digest

    with only_process(
            target.with_name(f'{target.name}.lock'), wait_seconds,
            lambda: f'{target}: another process has been downloading it for {wait_seconds:.0f} s',
            '; HOURGLASS_CACHE sets another folder' if folder is None else ''):
        failures = []
        if target.exists():
            try:
                return _keep(name, target, accept(target), sha256)
            except InputError as error:
                failures.append(str(error))
        for source in sources:
            try:
                if not insecure and not _is_safe(source.url, sha256 or _kept_digest(name)):
                    raise TransferError('not tried, because it has no encryption and the checksum of the file is not '
                                        'known; --insecure allows it')
                transfer.check_reachable(source.url, connect_seconds)
                arrived = transfer.TRANSFERS[source.kind](source, target, max_bytes, connect_seconds)
                try:
                    digest = accept(arrived)
                except InputError as error:
                    arrived.unlink()
                    problem = str(error).removeprefix(f'{arrived}: ')
                    raise TransferError(f'not the expected file ({problem})') from None
                os.replace(arrived, target)
            except (TransferError, OSError) as error:  # requests' own errors are OSErrors
                failures.append(f'{source.title}: {transfer.reason(error)}')
                continue
            return _keep(name, target, digest, sha256)
        reasons = '; '.join(failures)
        with suppress(OSError):  # most likely the disk is full, which is one of the reasons then
            _failure_stamp(name).write_text(reasons, 'utf-8')
        raise InputError(f'{name} could not be downloaded ({reasons})')


def _is_safe(url: str, sha256: str | None) -> bool:
    """Return whether a change of the file on its way would be noticed."""
    parts = urlsplit(url)
    return parts.scheme == 'https' or parts.hostname in _THIS_MACHINE or len(sha256 or '') == 64


def _digest_file(name: str) -> Path:
    return cache_folder() / f'{name}.sha256'


def _kept_digest(name: str) -> str | None:
    """Return the checksum of the first download of a file; ``None`` if there was none."""
    try:
        return _digest_file(name).read_text('utf-8', 'replace').partition(' ')[0]
    except OSError:
        return None


def _keep(name: str, target: Path, digest: str, sha256: str | None) -> Path:
    """Keep and show the checksum of a file if the project does not know it; forget failures."""
    _failure_stamp(name).unlink(missing_ok=True)
    if digest in (sha256, _kept_digest(name)):
        return target
    kept = f'kept in {_digest_file(name)}: a later download is compared with it'
    try:
        write_bytes(_digest_file(name), f'{digest}  {name}\n'.encode())  # as sha256sum writes and reads it
    except InputError as error:
        kept = f'not kept for later downloads: {error}'
    print(f'{name}: SHA-256 {digest}, {kept}', file=sys.stderr)
    return target


def _failure_stamp(name: str) -> Path:
    return cache_folder() / f'{name}.failed'
