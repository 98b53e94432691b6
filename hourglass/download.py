"""The cache folder: downloads from several sources, checked before use, one process at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hourglass.errors import InputError
from hourglass.lock import only_process
from hourglass.source import Limits, Source, TransferError

from filelock import Timeout

#: Seconds for which :func:`recent_failure` remembers that a download failed.
FAILURE_SECONDS = 3600


def cache_folder() -> Path:
    """Return the folder of downloaded files; it need not exist."""
    try:
        if folder := os.environ.get('HOURGLASS_CACHE'):
            return Path(folder).expanduser()
        # The standard of the variable has relative paths ignored.
        base = Path(os.environ.get('XDG_CACHE_HOME', ''))
        return (base if base.is_absolute() else Path('~/.cache').expanduser()) / 'hourglass'
    except RuntimeError as error:
        raise InputError(f'no folder for downloads ({error}); HOURGLASS_CACHE sets one') from None


def recent_failure(name: str) -> str | None:
    """Return why a download of the last hour failed, so that nobody waits for the same failure again and again."""
    stamp = _failure_stamp(cache_folder() / name)
    try:
        is_recent = 0 <= time.time() - stamp.stat().st_mtime < FAILURE_SECONDS
        return stamp.read_text('utf-8', 'replace')[:1000] if is_recent else None
    except OSError:
        return None


def fetch(
    name: str, sources: tuple[Source, ...], check: Callable[[Path], object], max_bytes: int,
    connect_seconds: float = 10.0, wait_seconds: float = 600.0,
) -> Path:
    """Return a file of the cache folder, downloading it if it is not there or does not pass its check.

    Args:
        name: the file's name in the cache folder.
        sources: where it can be had, tried in this order.
        check: called with the path of what was downloaded; raises ``InputError`` if that is not the file wanted.
        max_bytes: a larger file is not wanted.
        connect_seconds: time to reach each of the servers.
        wait_seconds: time to wait for another process that is downloading the same file.

    Raises:
        InputError: the cache folder cannot be written, another process takes too long, or no source delivered;
            then the text has the reason for each of them.
    """
    from hourglass import transfer  # only here: what is there already needs no network

    target = cache_folder() / name
    with _only_process(target, wait_seconds):
        if target.exists() and _problem(check, target) is None:
            return target
        failures = []
        for source in sources:
            try:
                transfer.check_reachable(source.url, connect_seconds)
                arrived = transfer.TRANSFERS[source.kind](source, target, Limits(max_bytes, connect_seconds))
                if problem := _problem(check, arrived):
                    arrived.unlink()
                    raise TransferError(f'what arrived is not the file wanted ({problem})')
                os.replace(arrived, target)
            except (TransferError, OSError) as error:  # requests' own errors are OSErrors
                failures.append(f'{source.title}: {transfer.reason(error)}')
                continue
            _failure_stamp(target).unlink(missing_ok=True)
            return target
        reasons = '; '.join(failures)
        _remember_failure(target, reasons)
        raise InputError(f'{name} could not be downloaded ({reasons})')


def _problem(check: Callable[[Path], object], path: Path) -> str | None:
    try:
        check(path)
    except InputError as error:
        return str(error).removeprefix(f'{path}: ')
    return None


def _failure_stamp(target: Path) -> Path:
    return target.with_name(f'{target.name}.failed')


def _remember_failure(target: Path, reasons: str) -> None:
    try:
        _failure_stamp(target).write_text(reasons, 'utf-8')
    except OSError:
        # A full disk, most likely; that is one of the reasons then, and the next run tries again.
        return


@contextmanager
def _only_process(target: Path, wait_seconds: float) -> Iterator[None]:
    """Keep other processes from the same download."""
    from hourglass import transfer

    with ExitStack() as stack:
        try:
            stack.enter_context(only_process(target.with_name(f'{target.name}.lock'), wait_seconds))
        except Timeout:
            raise InputError(f'{target}: another process has been downloading it for {wait_seconds:.0f} s') from None
        except (OSError, NotImplementedError) as error:
            raise InputError(f'{target.parent}: the cache folder cannot be used ({transfer.reason(error)}); '
                             'HOURGLASS_CACHE sets another') from None
        yield
