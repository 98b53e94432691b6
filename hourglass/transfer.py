"""Download one file from one source, resuming where an earlier transfer stopped."""

from __future__ import annotations

import queue
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from hourglass.download import Source, TransferError

import requests
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

#: Seconds without a byte from a server that has answered before.
READ_SECONDS = 20.0
# Largest part of an interrupted transfer that is lost, in bytes.
_CHUNK = 64 * 1024


def reason(error: Exception) -> str:
    """Return a short reason why a transfer failed; the messages of requests are long and name the source again."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f'HTTP status {error.response.status_code}'
    if isinstance(error, (requests.Timeout, TimeoutError)):
        return 'no answer in time'
    if isinstance(error, socket.gaierror):
        return 'its name cannot be found (no network?)'
    if isinstance(error, (requests.ConnectionError, ChunkedEncodingError)):
        return 'the connection failed'
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(str(error).split())[:300] or type(error).__name__


def check_reachable(url: str, seconds: float) -> None:
    """Raise ``OSError`` if the server of a URL cannot be connected to in time."""
    # A thread, because requests has no time-out for looking up a name, which takes long where packets are dropped.
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    parts = urlsplit(url if not proxy else proxy if '://' in proxy else f'http://{proxy}')
    host, port = parts.hostname or '', parts.port or (443 if parts.scheme == 'https' else 80)
    outcome: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()

    def connect() -> None:
        try:
            # Half the time for each address: often there are two and the first, of IPv6, leads nowhere.
            socket.create_connection((host, port), seconds / 2).close()
            outcome.put(None)
        except (OSError, UnicodeError) as error:
            outcome.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=connect, daemon=True).start()
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        error = TimeoutError()
    if error is not None:
        raise error


def _progress_bar(title: str, done: int, total: int | None) -> tqdm:
    # disable=None: shown only where stderr is a terminal.
    return tqdm(desc=title, initial=done, total=total, unit='B', unit_scale=True, disable=None, file=sys.stderr)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _too_large(max_bytes: int) -> TransferError:
    return TransferError(f'the file has more than {max_bytes:,} bytes')


def _from_https(source: Source, target: Path, max_bytes: int, connect_seconds: float) -> Path:
    """Download from a URL; an interrupted transfer resumes where it stopped, now or in the next run."""
    partial = target.with_name(f'{target.name}.https.part')
    while True:
        before = _size(partial)
        try:
            _append(source, partial, max_bytes, connect_seconds)
        except TransferError:
            partial.unlink(missing_ok=True)  # of a file that is not wanted
            raise
        except (ChunkedEncodingError, requests.ConnectionError, requests.Timeout):
            # A server is asked again as long as each answer has brought new bytes.
            if _size(partial) <= before:
                raise
        else:
            return partial


def _append(source: Source, partial: Path, max_bytes: int, connect_seconds: float) -> None:
    """Ask a server for what is missing of a file and append it."""
    done = _size(partial)
    headers = {'Accept-Encoding': 'identity'}
    if done:
        headers['Range'] = f'bytes={done}-'
    with requests.get(source.url, headers=headers, stream=True,
                      timeout=(connect_seconds, READ_SECONDS)) as response:
        if source.url.startswith('https:') and not response.url.startswith('https:'):
            raise TransferError('redirects to an address without encryption')
        content_range = response.headers.get('Content-Range', '')
        if response.status_code == 416 and done:
            # It is complete, because an earlier run was stopped before the check; or it is no part of this file.
            partial.unlink()
            _append(source, partial, max_bytes, connect_seconds)
            return
        response.raise_for_status()
        if response.status_code != 206 or not content_range.startswith(f'bytes {done}-'):
            done = 0  # the server sends the whole file
        length = response.headers.get('Content-Length', '')
        total = done + int(length) if length.isdecimal() else None
        if total is not None and total > max_bytes:
            raise _too_large(max_bytes)
        with partial.open('ab' if done else 'wb') as file, _progress_bar(source.title, done, total) as bar:
            for chunk in response.iter_content(_CHUNK):
                done += len(chunk)
                if done > max_bytes:
                    raise _too_large(max_bytes)
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and done < total:
        raise ChunkedEncodingError


def _from_drive(source: Source, target: Path, max_bytes: int, connect_seconds: float) -> Path:
    """Download from Google Drive with gdown, which knows its pages of warnings and its errors."""
    import gdown  # only here, because the import takes a while

    output = target.with_name(f'{target.name}.drive')
    with _progress_bar(source.title, 0, None) as bar:
        def progress(done: int, total: int | None) -> None:
            if max(done, total or 0) > max_bytes:
                for partial in output.parent.glob(f'{output.name}*.part'):
                    partial.unlink()
                raise _too_large(max_bytes)
            bar.total = total
            bar.update(done - bar.n)

        try:
            gdown.download(source.url, str(output), quiet=True, use_cookies=False, resume=True, retries=2,
                           timeout=(connect_seconds, READ_SECONDS), progress=progress)
        except (gdown.exceptions.DownloadError, KeyError, ValueError) as error:
            cause = error.__cause__
            raise TransferError(reason(cause if isinstance(cause, requests.RequestException) else error)) from None
    return output


#: How a file gets from a source to a path beside its target; the keys are ``Source.kind``.
TRANSFERS: dict[str, Callable[[Source, Path, int, float], Path]] = {'drive': _from_drive, 'https': _from_https}
