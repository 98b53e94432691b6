"""Write HDF5 files whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hourglass.errors import InputError
from hourglass.files import atomic_write, sha256_of

import h5py

#: Bytes at the front of a file with a mark; a power of two from 512 on, as HDF5 wants it.
_FRONT = 512


class _Sink(io.FileIO):
    """A file for h5py that keeps the first error of the disk and takes everything after it without writing.

    The HDF5 library crashes the process if a file cannot be written, so errors are kept from it.
    """

    failure: OSError | None = None

    def write(self, content: bytes) -> int:  # type: ignore[override]
        view = memoryview(content).cast('B')
        done = 0
        try:
            while self.failure is None and done < len(view):
                done += super().write(view[done:]) or 0
        except OSError as error:
            self.failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0

    def check(self) -> None:
        """Raise ``OSError`` if something could not be written."""
        if self.failure is not None:
            raise self.failure


@contextmanager
def write_hdf5(path: str | os.PathLike, mark: bytes = b'') -> Iterator[tuple[h5py.File, Callable[[], None]]]:
    """Open an HDF5 file for writing; it appears whole when the block ends (:func:`hourglass.files.atomic_write`).

    Args:
        path: the file.
        mark: beginning of the file; a checksum of everything else follows it, for :func:`check_front`.

    Yields:
        The file, and a function that reports a full disk while there is still much to do.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(Path(path)) as partial:
        with _Sink(partial, 'w+') as sink:
            try:
                with h5py.File(sink, 'w', userblock_size=_FRONT if mark else 0) as file:
                    yield file, sink.check
            except Exception:
                sink.check()  # what h5py makes of a file that has lost a part
                raise
            sink.check()
        if mark:
            checksum = sha256_of(partial, _FRONT).encode()
            with partial.open('r+b') as raw:
                raw.write(mark + checksum)


def check_front(path: Path, mark: bytes) -> bool:
    """Return whether a file begins with a mark; the whole file is compared with its checksum before that.

    libhdf5 can crash or hang on a damaged file, so it must not open one.

    Raises:
        InputError: the file cannot be read, or is damaged.
    """
    try:
        with path.open('rb') as file:
            if file.read(len(mark)) != mark:
                return False
            checksum = file.read(64)
        if checksum != sha256_of(path, _FRONT).encode():
            raise InputError(f'{path}: damaged: it does not have the checksum at its beginning')
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from None
    return True
